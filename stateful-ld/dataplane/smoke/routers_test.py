#!/usr/bin/python3
"""Two LDs behind a plain router that spreads flows over both by their ports (ECMP), without a switch: real stacks through them.

Usage: routers_test.py PATH_TO_SLUICE_LD

    client ── router ──┬── bridge ── LD 1: buckets 0 to 511
                       │   │  └───── LD 2: buckets 512 to 1023
                       │   RS
                       └── routes of the VIP and of the local IPs go to both LDs

The router knows no buckets: half of the client's packets, and half of the RS's answers, come to the wrong LD, which computes
the bucket and passes them on. Each in its own network namespace. Exits 77 (meson: skipped) without root. Cleans up by name and
pid, also when it fails.
"""

import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys

from real_stack_test import ECHO, GET, SERVER, connect, end, inside, main, run
from wire import message, named

PREFIX = f"slr{os.getpid()}"
HUB, ROUTER, CLIENT, RS, LD1, LD2 = (f"{PREFIX}-{name}" for name in ("hub", "router", "client", "rs", "ld1", "ld2"))
VTEPS = {LD1: "10.0.0.11", LD2: "10.0.0.12"}
FABRIC = {ROUTER: "10.0.0.1", RS: "10.0.0.31", **dict.fromkeys(VTEPS)}  # LDs have no address in the kernel
CLIENT_ADDRESS, CLIENT_GATEWAY = "10.1.0.2", "10.1.0.1"
VIP, LOCAL_IPS = "203.0.113.10", "198.18.1.0/30"
BUCKETS = {LD1: (0, 511), LD2: (512, 1023)}
DOWNLOADS, BYTES, DATAGRAMS, PINGS = 40, 256 << 10, 4000, 5


def join(namespace, name, mtu, other, other_name):
    """A cable between two namespaces. No offload: on veth it would hand over merged segments and unfilled checksums."""
    run("ip", "-n", namespace, "link", "add", "name", name, "type", "veth", "peer", "name", other_name, "netns", other)
    for where, interface in ((namespace, name), (other, other_name)):
        run("ip", "-n", where, "link", "set", "dev", interface, "up", "mtu", str(mtu))
        offloads = ("tx", "off", "tso", "off", "gso", "off", "gro", "off")
        run(*inside(where, "ethtool", "-K", interface, *offloads), stdout=subprocess.DEVNULL)


def make_cables():
    """All but the routes to the LDs."""
    for namespace in (HUB, CLIENT, *FABRIC):
        run("ip", "netns", "add", namespace)
    run("ip", "-n", HUB, "link", "add", "name", "bridge", "up", "type", "bridge")
    for number, (namespace, address) in enumerate(FABRIC.items()):
        join(HUB, f"port{number}", 1600, namespace, "fabric")
        run("ip", "-n", HUB, "link", "set", "dev", f"port{number}", "master", "bridge")
        if address is not None:
            run("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", "fabric")
    join(ROUTER, "lan", 1500, CLIENT, "lan")
    run("ip", "-n", ROUTER, "address", "add", f"{CLIENT_GATEWAY}/24", "dev", "lan")
    run("ip", "-n", CLIENT, "address", "add", f"{CLIENT_ADDRESS}/24", "dev", "lan")
    run("ip", "-n", CLIENT, "route", "add", "default", "via", CLIENT_GATEWAY)
    run("ip", "-n", RS, "route", "add", "default", "via", FABRIC[ROUTER])
    # By ports, too: as routers do (RFC 2992 leaves it to them).
    run(*inside(ROUTER, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.fib_multipath_hash_policy=1"))


def make_network():
    make_cables()
    ways = [word for vtep in VTEPS.values() for word in ("nexthop", "via", vtep)]
    for prefix in VIP, LOCAL_IPS:
        run("ip", "-n", ROUTER, "route", "add", prefix, *ways)


def packed(address):
    return socket.inet_aton(address)


def config(ld, buckets, epoch=1):
    """An LD's, with `buckets` as the cluster's map: {LD: (first, last)}."""

    def service(name, protocol, port):
        real_server = message((1, "rs"), (2, packed(FABRIC[RS])), (3, port), (4, 1))
        return message((1, name), (3, packed(VIP)), (4, protocol), (5, port), (6, 1), (7, real_server))

    numbers = {name: number for number, name in enumerate(VTEPS, 1)}
    first, last = buckets[ld]
    cluster = message(
        (1, numbers[ld]),
        *((2, message((1, numbers[name]), (2, packed(VTEPS[name])))) for name in buckets),
        *((3, message((1, begin), (2, until), (3, numbers[name]))) for name, (begin, until) in buckets.items()),
    )
    return message(
        (1, packed(VTEPS[ld])),
        (2, 24),
        (3, packed(FABRIC[ROUTER])),
        *((6, packed(f"198.18.1.{number}")) for number in range(4)),
        (7, message((1, first), (2, last))),
        (8, epoch),
        (9, service("web", 6, 80)),
        (9, service("echo", 17, 7)),
        (12, cluster),
    )


@contextlib.contextmanager
def running(*command, **options):
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        end(process)


def dataplane(binary, folder, ld):
    lcores = "(0,1)@(0-%d)" % (os.cpu_count() - 1)
    eal = ["--lcores", lcores, "--no-pci", "--no-shconf", "--no-telemetry", "--no-huge", "-m", "64", "--file-prefix", ld]
    own = ["--control-socket", f"{folder}/{ld}.sock", "--idle-sleep-us", "200", "--sessions", "1024"]
    environment = {**os.environ, "RUNTIME_DIRECTORY": folder}  # DPDK makes a folder there
    return running(*inside(ld, binary, *eal, "--vdev", "net_af_packet0,iface=fabric", "--", *own), env=environment)


def check_downloads(count=DOWNLOADS):
    wanted = hashlib.sha256(bytes(range(256)) * (BYTES // 256)).hexdigest()
    for number in range(count):
        command = inside(CLIENT, "/usr/bin/python3", "-c", GET, f"http://{VIP}/")
        got = subprocess.run(command, capture_output=True, text=True, check=False)
        assert got.stdout.strip() == wanted, f"download {number}: {got.stdout or got.stderr.strip().splitlines()[-1]}"


def check_datagrams(count=DATAGRAMS):
    command = inside(CLIENT, "/usr/bin/python3", "-c", ECHO, VIP, str(count))
    with running(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        said = client.communicate()[0]
        assert client.returncode == 0, "the VIP echoes nothing"
        sent, lost = json.loads(said)
    assert sent >= count and not lost, (sent, lost)


def check_pings():
    said = subprocess.run(
        inside(CLIENT, "ping", "-n", "-q", "-c", str(PINGS), "-i", "0.05", VIP), capture_output=True, text=True, check=False
    ).stdout
    assert f" {PINGS} received" in said, said


def check_counters(controls):
    for ld, control in controls.items():
        counters = control.counters()
        port, drops = named(counters, 2), named(counters, 3)
        assert port["sessions_opened"] > 0, f"{ld} opened no session: {port}"
        assert port["passed_on"] > 0, f"{ld} passed nothing on: {port}"
        assert drops.get("bucket_not_owned", 0) == 0, drops
        first, last = BUCKETS[ld]
        print(f"{ld}: buckets {first} to {last}, {port['sessions_opened']} sessions, {port['passed_on']} packets passed on")


def test(binary, folder):
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(*inside(RS, "/usr/bin/python3", "-c", SERVER, str(BYTES))))
        processes = {ld: stack.enter_context(dataplane(binary, folder, ld)) for ld in VTEPS}
        controls = {ld: connect(f"{folder}/{ld}.sock", process) for ld, process in processes.items()}
        for ld, control in controls.items():
            code, reason = control.apply_config(config(ld, BUCKETS))
            assert code == 0, reason
        check_datagrams()
        check_downloads()
        check_pings()
        check_counters(controls)


if __name__ == "__main__":
    sys.exit(main("routers test", (HUB, CLIENT, *FABRIC), make_network, test))
