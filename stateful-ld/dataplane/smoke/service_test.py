#!/usr/bin/python3
"""What services do beside steering, between real TCP stacks and the real sluice-ld; the network is real_stack_test.py's.

Usage: service_test.py PATH_TO_SLUICE_LD

- One RS that closes first, one local IP, few buckets: 63 local ports each, used again and again while the RS has them in
  TIME-WAIT. No connection may meet that.
- PROXY protocol v2: the RS reads the client's address, and then every byte of a large upload.
- The same through a service that opens all but one connection a second by SYN cookies.

Exits 77 (meson: skipped) without root. Cleans up by name and pid, also when it fails.
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import zlib

from real_stack_test import ADDRESSES, CLIENT, HUB, LD, PATIENCE_S, RS, VIP, VTEP, connect, end, inside, main, make_network, run
from wire import message, named

LOCAL_IP = "198.18.1.1"
CLOSING_PORT, PROXY_PORT, GUARDED_PORT = 81, 82, 83
CLIENT_ADDRESSES = [f"10.0.0.{200 + number}" for number in range(8)]
BUCKETS, CONNECTIONS, UPLOAD_BYTES = 8, 4000, 8 << 20
SO_ATTACH_FILTER, SO_RCVBUFFORCE, SOL_PACKET, PACKET_STATISTICS, SYN = 26, 33, 263, 6, 2
PROXY_V2, TIME_WAIT_MS = 2, 1  # the LD forgets as early as it can: its ports come round the faster

# Closes first, so that it is the one with the TIME-WAIT; and says what a PROXY header and the data behind it were.
SERVER = """
import hashlib, socket, socketserver, sys, threading
class Closing(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"hello")
class Proxied(socketserver.StreamRequestHandler):
    def handle(self):
        header = self.rfile.read(28)
        digest = hashlib.sha256()
        while data := self.rfile.read1(1 << 16):
            digest.update(data)
        self.wfile.write(f"{header.hex()} {digest.hexdigest()}".encode())
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128
for port, handler in ((int(sys.argv[1]), Closing), (int(sys.argv[2]), Proxied)):
    threading.Thread(target=Server(("", port), handler).serve_forever).start()
"""

# Connections from given addresses and ports, one after the other; prints the reasons of those that failed.
CONNECT = """
import json, socket, sys
vip, port, sources = json.loads(sys.stdin.read())
failed = []
for source in sources:
    try:
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            connection.settimeout(60)
            connection.bind(tuple(source))
            connection.connect((vip, port))
            data = b""
            while more := connection.recv(100):
                data += more
            assert data == b"hello", data
    except (OSError, AssertionError) as error:
        failed.append(f"{source}: {error!r}")
print(json.dumps(failed))
"""

# Opens all its connections before it uploads anything.
UPLOAD = """
import hashlib, socket, sys
vip, port, size, count = sys.argv[1], *(int(number) for number in sys.argv[2:])
body = bytes(range(251)) * (size // 251)
for connection in [socket.create_connection((vip, port), timeout=60) for _ in range(count)]:
    with connection:
        own_port = connection.getsockname()[1]
        connection.sendall(body)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile().read()
    print(own_port, hashlib.sha256(body).hexdigest(), answer)
"""


def bucket_of(source, port, destination_port):
    """docs/design.md, "The bucket"."""
    flow = (
        bytes(3)
        + socket.inet_aton(source)
        + socket.inet_aton(VIP)
        + bytes([6])
        + port.to_bytes(2, "big")
        + destination_port.to_bytes(2, "big")
    )
    return zlib.crc32(flow) % 1024


def config():
    def service(name, port, *more, rs_port=None):
        real_server = message((1, "rs"), (2, socket.inet_aton(ADDRESSES[RS])), (3, rs_port or port), (4, 1))
        return message((1, name), (3, socket.inet_aton(VIP)), (4, 6), (5, port), (6, 1), (7, real_server), *more)

    return message(
        (1, socket.inet_aton(VTEP)),
        (2, 24),
        (3, socket.inet_aton("10.0.0.1")),
        (6, socket.inet_aton(LOCAL_IP)),
        (7, message((2, 1023))),
        (8, 1),
        (9, service("closing", CLOSING_PORT, (10, message((7, TIME_WAIT_MS))))),
        (9, service("proxied", PROXY_PORT, (16, PROXY_V2))),
        (9, service("guarded", GUARDED_PORT, (16, PROXY_V2), (17, 1), rs_port=PROXY_PORT)),
    )


class Openings:
    """How the client's connections open, as its interface sees it.

    A SYN that an RS in TIME-WAIT does not take is answered by an acknowledgement of the old connection, and that by a reset of the
    client's (RFC 9293 3.10.7.3). Resets of connections that are open are another matter: an RS's retransmission that is under way
    when the client's last state ends meets a closed socket.
    """

    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)  # read when all is over
        # Of IPv4 without options the TCP packets with SYN or RST.
        code = ((0x28, 0, 0, 12), (0x15, 0, 5, 0x800), (0x30, 0, 0, 23), (0x15, 0, 3, 6), (0x30, 0, 0, 47), (0x45, 0, 1, 6))
        code += ((0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0))
        program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in code))
        self.socket.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(code), ctypes.addressof(program))
        )
        self.socket.bind(("fabric", 0))
        self.socket.setblocking(False)

    def count(self):
        """(connections that have been opened, resets of some that were not open yet)."""
        vip, opening, opened, resets = socket.inet_aton(VIP), set(), 0, 0
        while True:
            try:
                frame = self.socket.recv(2048)
            except BlockingIOError:
                break
            client, flags = (frame[30:34] + frame[36:38] if frame[26:30] == vip else frame[26:30] + frame[34:36]), frame[47]
            if frame[26:30] == vip and flags & SYN and client in opening:
                opening.remove(client)
                opened += 1
            elif frame[30:34] == vip and flags & SYN:
                opening.add(client)
            elif frame[30:34] == vip and client in opening:
                resets += 1
        _, dropped = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        assert dropped == 0, f"{dropped} packets have not been seen"
        return opened, resets


def time_waits_of(namespace):
    text = subprocess.run(
        inside(namespace, "cat", "/proc/net/sockstat"), capture_output=True, text=True, check=True
    ).stdout
    words = next(line.split() for line in text.splitlines() if line.startswith("TCP:"))
    return int(words[words.index("tw") + 1])


@contextlib.contextmanager
def in_namespace(name):
    """What is opened here stays there."""
    setns = ctypes.CDLL(None, use_errno=True).setns
    with open("/proc/self/ns/net") as own, open(f"/run/netns/{name}") as other:
        if setns(other.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), f"setns {name}")
        try:
            yield
        finally:
            setns(own.fileno(), 0)


def check_reused_ports(control):
    # Below the ports that the client's own connections get.
    ports = {
        address: [port for port in range(10000, 32000) if bucket_of(address, port, CLOSING_PORT) < BUCKETS]
        for address in CLIENT_ADDRESSES
    }
    sources = [
        (address, ports[address][turn % len(ports[address])])
        for turn in range(CONNECTIONS // len(CLIENT_ADDRESSES))
        for address in CLIENT_ADDRESSES
    ]
    with in_namespace(CLIENT):
        openings = Openings()
    result = subprocess.run(
        inside(CLIENT, "/usr/bin/python3", "-c", CONNECT),
        input=json.dumps([VIP, CLOSING_PORT, sources]),
        capture_output=True,
        text=True,
        check=True,
    )
    failed = json.loads(result.stdout)
    assert not failed, (len(failed), failed[:3])
    waiting, (opened, resets) = time_waits_of(RS), openings.count()
    assert waiting > 50, f"{waiting} connections in TIME-WAIT at the RS: nothing has been tried"
    assert opened == len(sources), f"{opened} of {len(sources)} connections have been seen to open"
    assert resets == 0, f"{resets} of {len(sources)} connections met a TIME-WAIT of the RS"
    drops = {name: count for name, count in named(control.counters(), 3).items() if count}
    assert "no_local_port" not in drops, drops
    print(f"reused ports: {len(sources)} connections over {63 * BUCKETS} local ports, {waiting} in TIME-WAIT at the RS, none met")


def check_proxy_header(port=PROXY_PORT, count=1):
    output = subprocess.run(
        inside(CLIENT, "/usr/bin/python3", "-c", UPLOAD, VIP, str(port), str(UPLOAD_BYTES // count), str(count)),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for line in output.splitlines():
        own_port, sent, header, received = line.split()
        wanted = (
            bytes.fromhex("0d0a0d0a000d0a515549540a2111000c")
            + socket.inet_aton(ADDRESSES[CLIENT])
            + socket.inet_aton(VIP)
            + int(own_port).to_bytes(2, "big")
            + port.to_bytes(2, "big")
        )
        assert bytes.fromhex(header) == wanted, (header, wanted.hex())
        assert received == sent, "the upload is not what was sent"
    print(f"PROXY protocol v2: header and {UPLOAD_BYTES // count} bytes behind it are right, {count} times")


def check_cookies(control):
    check_proxy_header(GUARDED_PORT, 8)  # of those that open within a second only the first may do without
    counters = named(control.counters(), 2)
    assert counters["syn_cookies_accepted"] > 2, "no connection has been opened by a cookie"
    print(f"SYN cookies: {counters['syn_cookies_sent']} sent, {counters['syn_cookies_accepted']} came back")


def test(binary, folder):
    path = os.path.join(folder, "ld.sock")
    lcores = "(0,1)@(0-%d)" % (os.cpu_count() - 1)
    eal = ["--lcores", lcores, "--no-pci", "--no-shconf", "--no-telemetry", "--no-huge", "-m", "64"]
    own = ["--control-socket", path, "--idle-sleep-us", "100", "--sessions", "4096"]
    environment = {**os.environ, "RUNTIME_DIRECTORY": folder}  # DPDK makes a folder there
    server = process = None
    try:
        server = subprocess.Popen(
            inside(RS, "/usr/bin/python3", "-c", SERVER, str(CLOSING_PORT), str(PROXY_PORT))
        )
        process = subprocess.Popen(
            inside(LD, binary, *eal, "--vdev", "net_af_packet0,iface=fabric", "--", *own), env=environment
        )
        control = connect(path, process)
        code, reason = control.apply_config(config())
        assert code == 0, reason
        check_proxy_header()
        check_cookies(control)
        check_reused_ports(control)
        control.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0, "exit code on SIGTERM"
    finally:
        end(process)
        end(server)


def prepare():
    make_network()
    for address in CLIENT_ADDRESSES[1:]:
        run("ip", "-n", CLIENT, "address", "add", f"{address}/24", "dev", "fabric")


if __name__ == "__main__":
    sys.exit(main("service test", (HUB, *ADDRESSES), prepare, test))
