#!/usr/bin/python3
"""Real TCP stacks through the real sluice-ld, without a switch: the routers' mode, plain IPv4 both ways.

Usage: real_stack_test.py PATH_TO_SLUICE_LD

    client ──┐
             ├── bridge ── LD (two workers, one queue: packets are handed over)
    RS ──────┘

Each in its own network namespace. The client downloads some MB and checks them by their hash, several times at once, and
counts datagrams that a real server sends back: not one may be lost. All that is on its way at once, downloads and datagrams, fits
every queue, so that no queue can be full however long the LD waits for a CPU; queues are asked whether it was so. All the
while the LD is given new configurations (services, real servers, weights, limits) and asked for its sessions. Exits 77
(meson: skipped) without root. Cleans up by name and pid, also when it fails.
"""

import ctypes
import hashlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from ending import clean_up_on_sigterm
from wire import Control, message, named

SKIPPED = 77
PREFIX = f"sld{os.getpid()}"
HUB, LD, CLIENT, RS = (f"{PREFIX}-{name}" for name in ("hub", "ld", "client", "rs"))
ADDRESSES = {LD: None, CLIENT: "10.0.0.200", RS: "10.0.0.31"}
VTEP, VIP, LOCAL_IPS = "10.0.0.11", "203.0.113.10", ("198.18.1.1", "198.18.1.2")
PARALLEL, DOWNLOADS, BYTES, FLOW_DATAGRAMS, DATAGRAMS, ROUNDS = 4, 40, 1 << 20, 200, 1000, 50
# The smallest queue has 512 frames, the LD's of the kernel. A connection has at most its window there as segments, the same once more
# when they are all sent again, and acknowledgements of both: with 4 of them and 2 × 16 datagrams, 400.
RECEIVE_BUFFER_BYTES = 32 << 10
# Of something that is not going to come.
PATIENCE_S = 60
SOL_PACKET, PACKET_STATISTICS, PIDFD_GETFD = 263, 6, 438  # the last one is the system call's number, everywhere

SERVER = """
import http.server, socket, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    body = bytes(range(256)) * (int(sys.argv[1]) // 256)
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)
    def log_message(self, *_):
        pass
def echo(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("", port))
        while True:
            server.sendto(*server.recvfrom(2048))
for port in 7, 8:
    threading.Thread(target=echo, args=(port,), daemon=True).start()
http.server.ThreadingHTTPServer(("", 80), Handler).serve_forever()
"""

GET = """
import hashlib, sys, urllib.request
print(hashlib.sha256(urllib.request.urlopen(sys.argv[1], timeout=60).read()).hexdigest())
"""


# At least so many datagrams there and back, and until standard input ends, 16 on their way; a new flow for every 200. Prints how many,
# and what is lost. Before, a flow of its own asks until it is answered: the server may just be starting, and addresses have to be
# resolved.
ECHO = """
import json, select, socket, sys, time
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flow:
    flow.settimeout(0.05)
    flow.connect((sys.argv[1], 7))
    deadline = time.monotonic() + 60
    while True:
        flow.send(b"ready?")
        try:
            flow.recv(100)
            break
        except OSError:
            if time.monotonic() > deadline:
                sys.exit("no answer to the first datagram within 60 s")
sent = 0
lost = []
while not lost and (sent < int(sys.argv[2]) or not select.select([sys.stdin], [], [], 0)[0]):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flow:
        flow.settimeout(60)
        flow.connect((sys.argv[1], 7))
        missing = set()
        for number in range(200 + 16):
            if number < 200:
                missing.add(data := f"{sent} {number}".encode())
                flow.send(data)
                sent += 1
            if number >= 16:
                try:
                    missing.remove(flow.recv(100))
                except (OSError, KeyError) as error:
                    lost = [repr(error), *sorted(map(str, missing))]
                    break
print(json.dumps([sent, lost]))
"""


def run(*command, **options):
    subprocess.run(command, check=True, **options)


def inside(namespace, *command):
    return ["ip", "netns", "exec", namespace, *command]


def make_network():
    for namespace in (HUB, *ADDRESSES):
        run("ip", "netns", "add", namespace)
    run("ip", "-n", HUB, "link", "add", "name", "bridge", "type", "bridge")
    run("ip", "-n", HUB, "link", "set", "dev", "bridge", "up")
    for number, (namespace, address) in enumerate(ADDRESSES.items()):
        hub_end = f"port{number}"
        run("ip", "-n", HUB, "link", "add", "name", hub_end, "type", "veth", "peer", "name", "fabric", "netns", namespace)
        run("ip", "-n", HUB, "link", "set", "dev", hub_end, "master", "bridge", "up", "mtu", "1600")
        run("ip", "-n", namespace, "link", "set", "dev", "fabric", "up", "mtu", "1600")
        # No offload: on veth it would hand over merged segments and unfilled checksums.
        for where, interface in ((HUB, hub_end), (namespace, "fabric")):
            run(*inside(where, "ethtool", "-K", interface, "tx", "off", "tso", "off", "gso", "off", "gro", "off"), stdout=subprocess.DEVNULL)
        if address is not None:
            run("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", "fabric")
            run("ip", "-n", namespace, "route", "add", "default", "via", VTEP)
            window = f"net.ipv4.tcp_rmem=4096 {RECEIVE_BUFFER_BYTES} {RECEIVE_BUFFER_BYTES}"
            run(*inside(namespace, "sysctl", "-qw", window))


def config(epoch=1):
    def ip4(address):
        return socket.inet_aton(address)

    real_server = message((1, "rs"), (2, ip4(ADDRESSES[RS])), (3, 80), (4, 1))
    service = message((1, "web"), (3, ip4(VIP)), (4, 6), (5, 80), (6, 1), (7, real_server))
    return message(
        (1, ip4(VTEP)),
        (2, 24),
        (3, ip4("10.0.0.1")),
        *((6, ip4(local_ip)) for local_ip in LOCAL_IPS),
        (7, message((2, 1023))),
        (8, epoch),
        (9, service),
        (9, echo(epoch)),
        *((9, decoy(number)) for number in range(epoch % 3)),
        (13, message((1, "gold"), (2, 10**9 + epoch), (3, 10**9 + epoch), (4, 9000 + epoch % 9 * 500), (5, 9000 + epoch % 9 * 500))),
    )


def echo(epoch):
    """Its real servers' weights are others each time, one of them comes and goes, and so does its limit, which nobody reaches."""
    servers = [("a", 7, 1 + epoch % 5), ("b", 8, 1 + epoch % 3)][: 2 if epoch % 4 else 1]
    real_servers = (message((1, name), (2, socket.inet_aton(ADDRESSES[RS])), (3, port), (4, weight)) for name, port, weight in servers)
    limit = ((11, "gold"),) if epoch % 7 else ()
    return message(
        (1, "echo"), (3, socket.inet_aton(VIP)), (4, 17), (5, 7), (6, 1), *((7, server) for server in real_servers), *limit
    )


def decoy(number):
    """A service that comes and goes while the other one works."""
    real_server = message((1, "x"), (2, socket.inet_aton(ADDRESSES[RS])), (3, 81 + number), (4, 1))
    return message(
        (1, f"decoy{number}"), (3, socket.inet_aton(VIP)), (4, 6), (5, 81 + number), (6, 1), (7, real_server)
    )


class Meddler(threading.Thread):
    """Configures and lists all the time: traffic must not notice."""

    def __init__(self, path):
        super().__init__()
        self.path, self.stopping, self.rounds, self.failure = path, False, 0, None

    def run(self):
        try:
            control = Control(self.path)
            while not self.stopping:
                self.rounds += 1
                code, reason = control.apply_config(config(1 + self.rounds))
                assert code == 0, reason
                control.list_sessions()
                control.counters()
                time.sleep(0.01)
            control.close()
        except (AssertionError, OSError, EOFError) as error:
            self.failure = error


def connect(path, process):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return Control(path)
        except (ConnectionRefusedError, FileNotFoundError):
            assert process.poll() is None, f"sluice-ld has ended with {process.returncode}"
            assert time.monotonic() < deadline, f"no control socket after {PATIENCE_S} s"
            time.sleep(0.02)


def download(results):
    got = subprocess.run(
        inside(CLIENT, "/usr/bin/python3", "-c", GET, f"http://{VIP}/"), capture_output=True, text=True, check=False
    )
    results.append(got.stdout.strip() or got.stderr.strip().splitlines()[-1])


def downloads(meddler):
    """Until there have been enough of them and of the meddler's rounds. Returns how many."""
    results = []
    wanted = hashlib.sha256(bytes(range(256)) * (BYTES // 256)).hexdigest()
    while len(results) < DOWNLOADS or (meddler.rounds < ROUNDS and meddler.failure is None):
        threads = [threading.Thread(target=download, args=(results,)) for _ in range(PARALLEL)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    wrong = [result for result in results if result != wanted]
    assert not wrong, (len(wrong), wrong[:3])
    return len(results)


def missed_by_ring(process):
    """Frames for which the kernel had no room in the LD's ring, since it was asked last (packet(7), PACKET_STATISTICS)."""
    pidfd, missed = os.pidfd_open(process.pid), 0
    for number in os.listdir(f"/proc/{process.pid}/fd"):
        if os.readlink(f"/proc/{process.pid}/fd/{number}").startswith("socket:"):
            with socket.socket(fileno=ctypes.CDLL(None).syscall(PIDFD_GETFD, pidfd, int(number), 0)) as copy:
                if copy.family == socket.AF_PACKET:
                    missed += struct.unpack("II", copy.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
    os.close(pidfd)
    return missed


def full_queues(control, process):
    """{queue: how many packets found no room in it}"""
    drops = named(control.counters(), 3)
    queues = {"the LD's receive ring": missed_by_ring(process), **{name: drops[name] for name in ("handoff_full", "tx_full")}}
    return {name: count for name, count in queues.items() if count}


def echos(client):
    """Ends the client that counts datagrams. Returns how many there were, and which are lost."""
    return json.loads(client.communicate(timeout=2 * PATIENCE_S)[0])


def check_counters(control, downloaded, datagrams):
    counters = control.counters()
    port = named(counters, 2)
    assert port["handed_off"] > 0, port
    # No flow has opened a second session; two of them may have had the same port, one after the other. One has asked first.
    assert downloaded < port["sessions_opened"] <= downloaded + 1 + datagrams // FLOW_DATAGRAMS, (datagrams, port)
    sessions = control.list_sessions("web")
    assert {socket.inet_ntoa(session[8][0]) for session in sessions} <= set(LOCAL_IPS)
    print(f"real stacks: {port}, drops { {k: v for k, v in named(counters, 3).items() if v} }")


def end(process):
    if process is not None and process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test(binary, folder):
    path = os.path.join(folder, "ld.sock")
    lcores = "(0,1,2)@(0-%d)" % (os.cpu_count() - 1)
    eal = ["--lcores", lcores, "--no-pci", "--no-shconf", "--no-telemetry", "--no-huge", "-m", "64"]
    own = ["--control-socket", path, "--idle-sleep-us", "100", "--sessions", "4096"]
    environment = {**os.environ, "RUNTIME_DIRECTORY": folder}  # DPDK makes a folder there
    server = process = client = None
    try:
        server = subprocess.Popen(inside(RS, "/usr/bin/python3", "-c", SERVER, str(BYTES)))
        process = subprocess.Popen(inside(LD, binary, *eal, "--vdev", "net_af_packet0,iface=fabric", "--", *own), env=environment)
        control = connect(path, process)
        code, reason = control.apply_config(config())
        assert code == 0, reason
        meddler = Meddler(path)
        client = subprocess.Popen(
            inside(CLIENT, "/usr/bin/python3", "-c", ECHO, VIP, str(DATAGRAMS)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        meddler.start()
        try:
            downloaded = downloads(meddler)
            datagrams, lost = echos(client)
        finally:
            meddler.stopping = True
            meddler.join()
        assert meddler.failure is None, meddler.failure
        full = full_queues(control, process)
        assert not full, f"packets that found no room, though all that is on its way has room in any queue: {full}"
        drops = {name: count for name, count in named(control.counters(), 3).items() if count}
        assert not lost, f"of {datagrams} datagrams {lost}; the LD has dropped {drops}"
        print(f"real stacks: {meddler.rounds} configurations under {datagrams} datagrams, none lost")
        check_counters(control, downloaded, datagrams)
        control.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0, "exit code on SIGTERM"
    finally:
        end(client)
        end(process)
        end(server)


def main(name, namespaces, prepare, check):
    """Runs `check(path of sluice-ld, folder)` in the network that `prepare` makes, and removes that. Returns an exit code."""
    clean_up_on_sigterm()
    if os.geteuid() != 0:
        print(f"{name}: SKIPPED (needs root, for network namespaces)")
        return SKIPPED
    try:
        prepare()
        with tempfile.TemporaryDirectory() as folder:
            check(os.path.abspath(sys.argv[1]), folder)
    finally:
        for namespace in namespaces:
            subprocess.run(["ip", "netns", "del", namespace], check=False, stderr=subprocess.DEVNULL)
    print(f"{name}: passed")
    return 0


if __name__ == "__main__":
    sys.exit(main("real stack test", (HUB, *ADDRESSES), make_network, test))
