#!/usr/bin/python3
"""Health checks by the real agent through the real sluice-ld: an RS in a VPC dies and returns.

Usage: health_test.py PATH_TO_SLUICE_LD

    client ──┐
             ├── bridge ── LD: sluice-ld, sluice-ld-agent; a TUN device between them
    host ────┤              │
      │      RSs "plain",   └─ checks of RSs in the VPC leave in VXLAN, and come back so
      │          "mute"
      └─ a plain Linux VXLAN device with the address of RS "vpc"

Each in its own network namespace. The RS in the VPC has no other way than the tunnel. Services are checked over IPv4 and, of an IPv6
VIP, over IPv6, though the LD's namespace has IPv6 off for new interfaces, as many hosts have. Exits 77 (meson: skipped) without
root, or when the agent is not built. Cleans up by name and pid, also when it fails.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

from real_stack_test import SKIPPED, inside, main
from wire import Control, message, parse

AGENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../agent/dist/main.js")
PREFIX = f"slh{os.getpid()}"
HUB, LD, CLIENT, HOST, PLAIN, MUTE = (f"{PREFIX}-{name}" for name in ("hub", "ld", "client", "host", "rs", "mute"))
ADDRESSES = {LD: None, CLIENT: "10.0.0.200", HOST: "10.0.0.41", PLAIN: "10.0.0.31", MUTE: "10.0.0.32"}
VTEP, VIP, LOCAL_IP, VNI = "10.0.0.11", "203.0.113.10", "198.18.1.1", 100
VPC_RS, VPC_MAC = "192.168.0.2", "02:00:00:64:00:02"
GATEWAY_IN_VPC, GATEWAY_MAC = "192.168.0.1", "02:00:00:00:00:bb"
# The same of IPv6.
VTEP6, VIP6, LOCAL_IP6, PLAIN6 = "fd00:10::11", "2001:db8:113::10", "fd00:18::1", "fd00:10::31"
VPC_RS6, GATEWAY_IN_VPC6 = "fd00:100::2", "fd00:100::1"
# A check, which may be a process of its own, and a step of the slow start may have to wait for a CPU.
INTERVAL_MS, TIMEOUT_MS, RISE, FALL, SLOW_START_MS = 200, 3000, 2, 3, 6000
PATIENCE_S = 120
PINGED = "web83", "web6-83"
KIND_TCP, KIND_HTTP, KIND_HTTPS, KIND_UDP, KIND_ICMP = 1, 2, 3, 4, 5
# Of the service whose RSs nobody checks: what clients' sessions tell has to do.
PASSIVE_PORT, UNANSWERED, SUSPECT_MS, SYN_SENT_MS = 90, 3, 4000, 300

# On all addresses at once: a service that returns before the others has had its slow start when they begin.
SERVER = """
import http.server, os, socket, socketserver, ssl, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        own = self.connection.getsockname()[0].encode()
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("Content-Length", str(len(own)))
        self.end_headers()
        self.wfile.write(own)
    def log_message(self, *_):
        pass
class Server(http.server.ThreadingHTTPServer):
    def server_bind(self):
        socketserver.TCPServer.server_bind(self)  # and no name is looked up, for which nobody is there
    def handle_error(self, *_):
        pass  # checks of TCP end by a reset
class Server6(Server):
    address_family = socket.AF_INET6
def echo(udp):
    while True:
        udp.sendto(*udp.recvfrom(2048))
certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
certificate.load_cert_chain(os.environ["CERTIFICATE"])
for address in sys.argv[1:]:
    kind = Server6 if ":" in address else Server
    listening, secure = kind((address, 80), Handler), kind((address, 443), Handler)
    secure.socket = certificate.wrap_socket(secure.socket, server_side=True)
    udp = socket.socket(listening.address_family, socket.SOCK_DGRAM)
    udp.bind((address, 7))
    threading.Thread(target=echo, args=(udp,)).start()
    for one in listening, secure:
        threading.Thread(target=one.serve_forever).start()
print("ready", flush=True)
"""

# Connections one after the other; prints who has answered each.
ASK = """
import http.client, json, sys
answers = []
for _ in range(int(sys.argv[3])):
    connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=30)
    connection.request("GET", "/")
    answers.append(connection.getresponse().read().decode())
    connection.close()
print(json.dumps(answers))
"""


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def make_network():
    for namespace in (HUB, *ADDRESSES):
        run("ip", "netns", "add", namespace)
    run("ip", "-n", HUB, "link", "add", "name", "bridge", "type", "bridge")
    run("ip", "-n", HUB, "link", "set", "dev", "bridge", "up")
    for number, (namespace, address) in enumerate(ADDRESSES.items()):
        port = f"port{number}"
        run("ip", "-n", HUB, "link", "add", "name", port, "type", "veth", "peer", "name", "fabric", "netns", namespace)
        run("ip", "-n", HUB, "link", "set", "dev", port, "master", "bridge", "up", "mtu", "1600")
        run("ip", "-n", namespace, "link", "set", "dev", "fabric", "up", "mtu", "1600")
        run("ip", "-n", namespace, "link", "set", "dev", "lo", "up")
        # No offload: on veth it would hand over merged segments and unfilled checksums.
        for where, interface in ((HUB, port), (namespace, "fabric")):
            run(*inside(where, "ethtool", "-K", interface, "tx", "off", "tso", "off", "gso", "off", "gro", "off"))
        if address is not None:
            run("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", "fabric")
            run("ip", "-n", namespace, "route", "add", "default", "via", VTEP)
    run("ip", "-n", PLAIN, "address", "add", f"{PLAIN6}/64", "dev", "fabric", "nodad")
    run("ip", "-n", PLAIN, "route", "add", "default", "via", VTEP6)
    run(*inside(LD, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"))
    make_vpc()


def make_vpc():
    """The VPC on its host. The LD is its gateway as well: there is no switch here, and no bucket in the tunnel's source port."""
    vxlan = ["type", "vxlan", "id", str(VNI), "local", ADDRESSES[HOST], "dstport", "4789", "srcport", "2000", "3000"]
    run("ip", "-n", HOST, "link", "add", "name", "vpc", "address", VPC_MAC, *vxlan, "nolearning")
    run("ip", "-n", HOST, "link", "set", "dev", "vpc", "up", "mtu", "1500")
    run("ip", "-n", HOST, "address", "add", f"{VPC_RS}/24", "dev", "vpc")
    run(*inside(HOST, "bridge", "fdb", "append", GATEWAY_MAC, "dev", "vpc", "dst", VTEP))
    add_way_back()
    run(*inside(HOST, "ethtool", "-K", "vpc", "tx", "off", "tso", "off", "gso", "off", "gro", "off"))


def add_way_back():
    run("ip", "-n", HOST, "neigh", "replace", GATEWAY_IN_VPC, "lladdr", GATEWAY_MAC, "dev", "vpc")
    run("ip", "-n", HOST, "route", "replace", f"{LOCAL_IP}/32", "via", GATEWAY_IN_VPC, "dev", "vpc")
    # An interface that goes down loses its addresses of IPv6.
    run("ip", "-n", HOST, "address", "replace", f"{VPC_RS6}/64", "dev", "vpc", "nodad")
    run("ip", "-n", HOST, "neigh", "replace", GATEWAY_IN_VPC6, "lladdr", GATEWAY_MAC, "dev", "vpc")
    run("ip", "-n", HOST, "route", "replace", f"{LOCAL_IP6}/128", "via", GATEWAY_IN_VPC6, "dev", "vpc")


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def health_check(kind, *more):
    times = (3, INTERVAL_MS), (4, TIMEOUT_MS), (5, RISE), (6, FALL)
    return message((1, kind), *times, *more, (9, SLOW_START_MS))


def real_servers(plain, vpc):
    location = message((1, VNI), (2, packed(ADDRESSES[HOST])), (3, bytes.fromhex(VPC_MAC.replace(":", ""))))
    return (
        (7, message((1, "plain"), (2, packed(plain)), (3, 80), (4, 1))),
        (7, message((1, "vpc"), (2, packed(vpc)), (3, 80), (4, 1), (5, location))),
    )


def passive_service():
    servers = (
        (7, message((1, name), (2, packed(ADDRESSES[namespace])), (3, 80), (4, 1)))
        for name, namespace in (("plain", PLAIN), ("mute", MUTE))
    )
    health = message((9, SLOW_START_MS), (11, message((1, UNANSWERED), (2, SUSPECT_MS))))
    timeouts = (10, message((1, SYN_SENT_MS)))
    return message((1, "passive"), (3, packed(VIP)), (4, 6), (5, PASSIVE_PORT), (6, 1), *servers, timeouts, (40, health))


def config():
    http = message((1, "/health"), (2, "web.example"), (3, 200), (4, 299))
    checks = {
        80: health_check(KIND_HTTP, (7, http)),
        81: health_check(KIND_TCP),
        82: health_check(KIND_UDP, (2, 7), (8, b"anybody there?")),
        83: health_check(KIND_ICMP),
        84: health_check(KIND_HTTPS, (2, 443), (7, http)),
    }
    families = ("web", VIP, real_servers(ADDRESSES[PLAIN], VPC_RS)), ("web6-", VIP6, real_servers(PLAIN6, VPC_RS6))
    services = [
        message((1, f"{name}{port}"), (3, packed(vip)), (4, 6), (5, port), (6, 1), *servers, (40, health))
        for name, vip, servers in families
        for port, health in checks.items()
    ]
    services.append(passive_service())
    return message(
        (1, packed(VTEP)),
        (2, 24),
        (3, packed("10.0.0.200")),
        (6, packed(LOCAL_IP)),
        (6, packed(LOCAL_IP6)),
        (7, message((2, 1023))),
        (8, 1),
        *((9, service) for service in services),
        (20, message((1, packed(VTEP6)), (2, 64), (3, packed("fd00:10::c8")))),
    )


def numbers_of_rss(control, number):
    """{(service, RS): a field of DataplaneRs}"""
    listed = parse(control.call(40)[40][0])
    found = {}
    for item in listed.get(1, []):
        fields = parse(item)
        found[fields[2][0].decode(), fields[3][0].decode()] = fields.get(number, [0])[0]
    return found


def shares(control):
    """In permille."""
    return numbers_of_rss(control, 7)


def unanswered(control):
    return numbers_of_rss(control, 13)["passive", "mute"]


def wait_for(control, what, wanted):
    deadline = time.monotonic() + PATIENCE_S
    while not wanted(found := shares(control)):
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S} s, but {found}"
        time.sleep(0.02)
    return found


def vpc_of(found):
    return {service: share for (service, rs), share in found.items() if rs == "vpc"}


def plain_is_well(found):
    return all(share == 1000 for (_, rs), share in found.items() if rs == "plain")


@contextlib.contextmanager
def running(*command, **options):
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def dataplane(binary, folder):
    lcores = "(0,1)@(0-%d)" % (os.cpu_count() - 1)
    eal = ["--lcores", lcores, "--no-pci", "--no-shconf", "--no-telemetry", "--no-huge", "-m", "64"]
    own = ["--control-socket", f"{folder}/ld.sock", "--idle-sleep-us", "200", "--sessions", "1024", "--probe-device", "probe"]
    environment = {**os.environ, "RUNTIME_DIRECTORY": folder}  # DPDK makes a folder there
    return running(
        *inside(LD, binary, *eal, "--vdev", "net_af_packet0,iface=fabric", "--", *own), env=environment
    )


@contextlib.contextmanager
def server(namespace, *addresses):
    """Returns when it listens."""
    command = inside(namespace, "/usr/bin/python3", "-c", SERVER, *addresses)
    with running(*command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n", f"the server of {addresses} does not start"
        yield


def connect(folder):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return Control(f"{folder}/ld.sock")
        except (ConnectionRefusedError, FileNotFoundError):
            assert time.monotonic() < deadline, f"no control socket after {PATIENCE_S} s"
            time.sleep(0.02)


def wait_for_agent(folder):
    """It checks from when it listens on."""
    deadline = time.monotonic() + PATIENCE_S
    while not os.path.exists(f"{folder}/agent.sock"):
        assert time.monotonic() < deadline, f"the agent does not listen after {PATIENCE_S} s"
        time.sleep(0.02)


def check_all_well(control):
    """One that cannot be reached would fall in this time."""
    wait_for(control, "all RSs are well", lambda found: set(found.values()) == {1000})
    time.sleep((FALL * INTERVAL_MS + 2 * TIMEOUT_MS) / 1000)
    found = shares(control)
    assert set(found.values()) == {1000}, f"all RSs stay well: {found}"


def check_server_dead(control):
    asked = [f"{name}{port}" for name in ("web", "web6-") for port in (80, 81, 82, 84)]
    found = wait_for(
        control, "the server is down", lambda found: [vpc_of(found)[service] for service in asked] == [0] * len(asked)
    )
    assert [vpc_of(found)[service] for service in PINGED] == [1000, 1000], f"its host still answers pings: {found}"
    assert plain_is_well(found), found


def check_tunnel_down(control):
    run("ip", "-n", HOST, "link", "set", "dev", "vpc", "down")
    found = wait_for(control, "the host is down", lambda found: all(vpc_of(found)[service] == 0 for service in PINGED))
    assert plain_is_well(found), found
    run("ip", "-n", HOST, "link", "set", "dev", "vpc", "up")
    add_way_back()


def check_return(control):
    wait_for(control, "the slow start", lambda found: all(0 < vpc_of(found)[service] < 1000 for service in ("web80", "web6-80")))
    wait_for(control, "all have returned", lambda found: set(found.values()) == {1000})


def ask(count):
    """The RSs that have answered new connections of a real TCP stack."""
    client = inside(CLIENT, "/usr/bin/python3", "-c", ASK, VIP, str(PASSIVE_PORT), str(count))
    return json.loads(subprocess.run(client, capture_output=True, text=True, check=True).stdout)


def check_passive(control):
    """An RS's SYN-ACKs do not leave it any more: clients' sessions tell, and new ones go to the other RS."""
    plain, mute = ADDRESSES[PLAIN], ADDRESSES[MUTE]
    assert set(answers := ask(8)) == {plain, mute}, answers
    run("ip", "-n", MUTE, "route", "add", "blackhole", LOCAL_IP)
    assert set(answers := ask(2 * UNANSWERED + 2)) == {plain}, answers  # TCP's second SYN has got another RS
    wait_for(control, "the RS is suspect", lambda found: found["passive", "mute"] == 0)
    before = unanswered(control)
    assert before >= UNANSWERED, f"{before} sessions were not answered"
    assert set(answers := ask(20)) == {plain}, answers
    assert (shares(control)["passive", "mute"], unanswered(control)) == (0, before), "it has got new sessions"
    run("ip", "-n", MUTE, "route", "del", "blackhole", LOCAL_IP)
    wait_for(control, "the RS comes back slowly", lambda found: 0 < found["passive", "mute"] < 1000)
    wait_for(control, "the RS has its weight", lambda found: found["passive", "mute"] == 1000)
    assert set(answers := ask(8)) == {plain, mute}, answers


def check(folder, control):
    """The server in the VPC dies, then its host's tunnel goes, which pings see; then both return. Another RS answers no client."""
    agent = [AGENT, "--listen", f"unix:{folder}/agent.sock", "--dataplane", f"{folder}/ld.sock"]
    with contextlib.ExitStack() as until_it_dies, open(f"{folder}/agent.log", "w") as log:
        until_it_dies.enter_context(server(HOST, VPC_RS, VPC_RS6))
        with running(*inside(LD, "node", *agent), stdout=log):
            wait_for_agent(folder)
            check_all_well(control)
            until_it_dies.close()
            check_server_dead(control)
            check_tunnel_down(control)
            with server(HOST, VPC_RS, VPC_RS6):
                check_return(control)
            check_passive(control)


def make_certificate(folder):
    """As it often is inside a VPC: nobody has signed it."""
    path = os.environ["CERTIFICATE"] = f"{folder}/certificate.pem"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path]
    run("openssl", "req", "-x509", *key, "-out", f"{path}.crt", "-subj", "/CN=web.example")
    with open(path, "a") as both, open(f"{path}.crt") as certificate:
        both.write(certificate.read())


def test(binary, folder):
    make_certificate(folder)
    with server(PLAIN, ADDRESSES[PLAIN], PLAIN6), server(MUTE, ADDRESSES[MUTE]), dataplane(binary, folder):
        control = connect(folder)
        code, reason = control.apply_config(config())
        assert code == 0, reason
        try:
            check(folder, control)
        except AssertionError:
            with open(f"{folder}/agent.log") as said:
                print(said.read()[-4000:])
            raise
        control.close()


if __name__ == "__main__":
    if not os.path.exists(AGENT):
        print("health test: SKIPPED (the agent is not built: npm run build)")
        sys.exit(SKIPPED)
    sys.exit(main("health test", (HUB, *ADDRESSES), make_network, test))
