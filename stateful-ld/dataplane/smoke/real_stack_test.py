#!/usr/bin/python3
"""Real TCP stacks through the real sluice-ld, without a switch: the routers' mode, plain IPv4 both ways.

Usage: real_stack_test.py PATH_TO_SLUICE_LD

    client ──┐
             ├── bridge ── LD (two workers, one queue: packets are handed over)
    RS ──────┘

Each in its own network namespace. The client downloads some MB and checks them by their hash, several times at
once, while the LD is given new configurations and asked for its sessions all the time. Exits 77 (meson: skipped) without root. Cleans up by name and pid, also when it fails.
"""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from wire import Control, message, named

SKIPPED = 77
PREFIX = f"sld{os.getpid()}"
HUB, LD, CLIENT, RS = (f"{PREFIX}-{name}" for name in ("hub", "ld", "client", "rs"))
ADDRESSES = {LD: None, CLIENT: "10.0.0.200", RS: "10.0.0.31"}
VTEP, VIP, LOCAL_IPS = "10.0.0.11", "203.0.113.10", ("198.18.1.1", "198.18.1.2")
DOWNLOADS, BYTES = 40, 1 << 20

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    body = bytes(range(256)) * (int(sys.argv[1]) // 256)
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 80), Handler).serve_forever()
"""

GET = """
import hashlib, sys, urllib.request
print(hashlib.sha256(urllib.request.urlopen(sys.argv[1], timeout=20).read()).hexdigest())
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
        *((9, decoy(number)) for number in range(epoch % 3)),
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
        control = Control(self.path)
        while not self.stopping and self.failure is None:
            self.rounds += 1
            code, reason = control.apply_config(config(1 + self.rounds))
            if code != 0:
                self.failure = reason
            control.list_sessions()
            control.counters()
            time.sleep(0.01)
        control.close()


def connect(path, process):
    deadline = time.monotonic() + 10
    while True:
        try:
            return Control(path)
        except (ConnectionRefusedError, FileNotFoundError):
            assert process.poll() is None, f"sluice-ld has ended with {process.returncode}"
            assert time.monotonic() < deadline, "no control socket after 10 s"
            time.sleep(0.02)


def download(results):
    got = subprocess.run(
        inside(CLIENT, "/usr/bin/python3", "-c", GET, f"http://{VIP}/"), capture_output=True, text=True, check=False
    )
    results.append(got.stdout.strip() or got.stderr.strip().splitlines()[-1])


def downloads():
    results = []
    wanted = hashlib.sha256(bytes(range(256)) * (BYTES // 256)).hexdigest()
    for _ in range(DOWNLOADS // 4):
        threads = [threading.Thread(target=download, args=(results,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    wrong = [result for result in results if result != wanted]
    assert len(results) == DOWNLOADS and not wrong, wrong[:3]


def check_counters(control):
    counters = control.counters()
    port = named(counters, 2)
    assert port["handed_off"] > 0, port
    assert port["sessions_opened"] == DOWNLOADS, port
    sessions = control.list_sessions("web")
    assert {socket.inet_ntoa(session[8][0]) for session in sessions} <= set(LOCAL_IPS)
    print(f"real stacks: {port}, drops { {k: v for k, v in named(counters, 3).items() if v} }")


def end(process):
    if process is not None and process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test(binary, folder):
    path = os.path.join(folder, "ld.sock")
    lcores = "(0,1,2)@(0-%d)" % (os.cpu_count() - 1)
    eal = ["--lcores", lcores, "--no-pci", "--no-shconf", "--no-telemetry", "--no-huge", "-m", "64"]
    own = ["--control-socket", path, "--idle-sleep-us", "100", "--sessions", "1024"]
    environment = {**os.environ, "RUNTIME_DIRECTORY": folder}  # DPDK makes a folder there
    server = process = None
    try:
        server = subprocess.Popen(inside(RS, "/usr/bin/python3", "-c", SERVER, str(BYTES)))
        process = subprocess.Popen(inside(LD, binary, *eal, "--vdev", "net_af_packet0,iface=fabric", "--", *own), env=environment)
        control = connect(path, process)
        code, reason = control.apply_config(config())
        assert code == 0, reason
        meddler = Meddler(path)
        meddler.start()
        try:
            downloads()
        finally:
            meddler.stopping = True
            meddler.join()
        assert meddler.failure is None and meddler.rounds > 50, (meddler.failure, meddler.rounds)
        check_counters(control)
        control.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, "exit code on SIGTERM"
    finally:
        end(process)
        end(server)


def main():
    if os.geteuid() != 0:
        print("real stack test: SKIPPED (needs root, for network namespaces)")
        return SKIPPED
    try:
        make_network()
        with tempfile.TemporaryDirectory() as folder:
            test(os.path.abspath(sys.argv[1]), folder)
    finally:
        for namespace in (HUB, *ADDRESSES):
            subprocess.run(["ip", "netns", "del", namespace], check=False, stderr=subprocess.DEVNULL)
    print("real stack test: passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
