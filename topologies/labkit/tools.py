"""What ordinary network tools say when they are run in a node: ping, curl, traceroute, ip."""

import re
import shlex
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

from . import udp_echo
from .errors import LabError
from .nodes import LabNode

# Of requests that are not answered.
_LIMIT_S = 120
_ECHO = (sys.executable, "-B", str(Path(udp_echo.__file__)))
ECHO_PORT = 7


def pings(node: LabNode, address: str, count: int, *options: str) -> int:
    """How many of `count` echo requests were answered."""
    text = node.sh(f"ping -n -q -c {count} -i 0.05 -W 20 {' '.join(options)} {address} || true")
    found = re.search(r"(\d+) received", text)
    return int(found.group(1)) if found else 0


def http_answers(node: LabNode, address: str, count: int, options: str = "", port: int = 80) -> list[str]:
    """The answers to `count` requests, one after the other, each on a connection of its own."""
    host = f"[{address}]" if ":" in address else address
    # `[` and `]` are ranges to curl's globbing: the address must not be one.
    url = f"http://{host}:{port}/?[1-{count}]".replace(f"[{address}]", f"\\[{address}\\]")
    return node.sh(
        f"timeout {_LIMIT_S} curl --silent --max-time 60 --header 'Connection: close' {options} '{url}' || true"
    ).splitlines()


def traceroute(node: LabNode, address: str, options: str = "") -> list[str]:
    """The address of each hop, * for none."""
    text = node.sh(f"traceroute -n -q 1 -w 20 -m 6 {options} {address} || true")
    return re.findall(r"^ *\d+  (\S+)", text, re.MULTILINE)


def path_mtu(node: LabNode, address: str) -> int:
    """What the node's kernel has learned about the path, 0 when nothing."""
    found = re.search(r"\bmtu (\d+)", node.sh(f"ip route get {address}"))
    return int(found.group(1)) if found else 0


def path_mtus(node: LabNode, ip: str) -> list[int]:
    """All that the node's kernel has learned about paths of a family, by `ip`'s option of it."""
    return [int(mtu) for mtu in re.findall(r"\bmtu (\d+)", node.sh(f"ip {ip} route show cache"))]


def forwarded(node: LabNode) -> int:
    """IPv4 packets that a router has forwarded, in any direction (RFC 4293, ipSystemStatsOutForwDatagrams)."""
    return snmp_counter(_snmp(node), "Ip", "ForwDatagrams")


def forwarded_v6(node: LabNode) -> int:
    """The same of IPv6."""
    lines = Path(f"/proc/{node.pid}/net/snmp6").read_text(encoding="ascii").splitlines()
    return next(int(value) for name, value in map(str.split, lines) if name == "Ip6OutForwDatagrams")


def received_by(node: LabNode, interface: str) -> int:
    """Packets that have come to one of a node's interfaces."""
    lines = Path(f"/proc/{node.pid}/net/dev").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[2]) for line in lines if line.strip().startswith(f"{interface}:"))


def echo_requests(node: LabNode) -> int:
    """Pings that a node has received."""
    return snmp_counter(_snmp(node), "Icmp", "InEchos")


def snmp_counter(snmp: str, group: str, name: str) -> int:
    """A counter of /proc/net/snmp: of each group a line with the names, and one with the values."""
    names, values = [line.split() for line in snmp.splitlines() if line.startswith(f"{group}:")]
    return int(values[names.index(name)])


def _snmp(node: LabNode) -> str:
    return Path(f"/proc/{node.pid}/net/snmp").read_text(encoding="ascii")


@dataclass(frozen=True)
class Traffic:
    """Counters of interfaces: packets, and bytes of their IP packets."""

    rx_packets: int
    rx_bytes: int
    tx_packets: int
    tx_bytes: int

    def __sub__(self, other: "Traffic") -> "Traffic":
        return Traffic(
            self.rx_packets - other.rx_packets,
            self.rx_bytes - other.rx_bytes,
            self.tx_packets - other.tx_packets,
            self.tx_bytes - other.tx_bytes,
        )


_ETHERNET_BYTES = 14
_LOOK_S = 0.1


def traffic_of(node: LabNode) -> Traffic:
    """The sum of a node's interfaces but lo. Takes microseconds: it starts no process in the node."""
    return traffic_in(Path(f"/proc/{node.pid}/net/dev").read_text(encoding="ascii"))


@dataclass(frozen=True)
class Received:
    """What a node received over some time, in bits of IP packets a second."""

    overall_bps: float  # at least: over the longest that the time may have been
    usual_bps: float  # in the middle of all short parts of the time: moments in which somebody had no CPU do not count

    def outside(self, limit_bps: float, at_least: float, at_most: float) -> str:
        """What is wrong when a limit is offered more than it allows; "" when it lets through what it shall."""
        if at_least <= max(self.overall_bps, self.usual_bps) / limit_bps and self.overall_bps / limit_bps <= at_most:
            return ""
        usual, overall = (f"{bps / 1e6:.2f} Mbit/s ({bps / limit_bps:.1%})" for bps in (self.usual_bps, self.overall_bps))
        return f"{overall} passed over all, usually {usual}"


def received(nodes: Sequence[LabNode], seconds: float) -> list[Received]:
    """Returns after so many seconds."""
    looks: list[_Look] = []
    began = time.monotonic()
    while not looks or looks[-1].before < began + seconds:
        before = time.monotonic()
        octets = [traffic_of(node).rx_bytes for node in nodes]
        looks.append(_Look(before, time.monotonic(), octets))
        time.sleep(_LOOK_S)
    return [received_in([(look.before, look.after, look.octets[i]) for look in looks]) for i in range(len(nodes))]


def received_in(looks: "Sequence[tuple[float, float, int]]") -> Received:
    """`looks`: moments before and after the counter of bytes was read, and the counter."""
    (first, _, begin), (_, last, end) = looks[0], looks[-1]
    parts = [8 * (b[2] - a[2]) / (b[0] - a[0]) for a, b in zip(looks, looks[1:])]
    return Received(8 * (end - begin) / (last - first), statistics.median(parts))


@dataclass(frozen=True)
class _Look:
    before: float
    after: float
    octets: list[int]


def traffic_in(net_dev: str) -> Traffic:
    totals = [0, 0, 0, 0]
    for line in net_dev.splitlines()[2:]:  # two lines of headings
        name, _, counters = line.partition(":")
        rx_bytes, rx_packets, *_ = rx = [int(field) for field in counters.split()]
        tx_bytes, tx_packets = rx[8:10]
        if name.strip() != "lo":
            for i, (packets, octets) in ((0, (rx_packets, rx_bytes)), (2, (tx_packets, tx_bytes))):
                totals[i] += packets
                totals[i + 1] += octets - _ETHERNET_BYTES * packets
    return Traffic(*totals)


@contextmanager
def running(node: LabNode, *command: str) -> "Iterator[subprocess.Popen[str]]":
    """A program in a node while the block runs; its standard output is a pipe. It is ended with the block."""
    popen = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *node.in_namespace(*command)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # Ctrl-C is for the lab
    )
    try:
        yield popen
    finally:
        popen.kill()
        popen.communicate()


@contextmanager
def udp_echo_server(node: LabNode, address: str) -> Iterator[None]:
    """Datagrams to the node's address are sent back while the block runs."""
    with running(node, *_ECHO, "serve", address, str(ECHO_PORT)) as server:
        wait_until_ready(server)
        yield


def udp_echos(
    node: LabNode, address: str, octets: int, count: int, port: int = ECHO_PORT, options: bool = False
) -> int:
    """How many of `count` datagrams came back as they were sent; those that do not fit a packet go in fragments. `options`:
    there are some in their IPv4 header, or in an extension header of IPv6."""
    how = "ask-by-options" if options else "ask"
    return int(node.sh(shlex.join((*_ECHO, how, address, str(port), str(octets), str(count)))))


def wait_until_ready(popen: "subprocess.Popen[str]") -> None:
    """Returns when a program of `running` has said "ready". Raises LabError when it says anything else, or ends."""
    assert popen.stdout is not None
    line = popen.stdout.readline()
    if line != "ready\n":
        rest = popen.stdout.read() if line else ""
        raise LabError(f"{shlex.join(popen.args)}: does not run: {line}{rest}")  # type: ignore[arg-type]


def line_of(popen: "subprocess.Popen[str]") -> str:
    """The next line that a program of `running` prints. Raises LabError with what it says when it ends before."""
    assert popen.stdout is not None
    line = popen.stdout.readline()
    if not line.endswith("\n"):
        raise LabError(f"{shlex.join(popen.args)}: ended with {line or 'no output'}")  # type: ignore[arg-type]
    return line


def output_of(popen: "subprocess.Popen[str]", limit_s: float) -> str:
    """What a program of `running` has printed when it has ended. Raises LabError when it does not."""
    try:
        return popen.communicate(timeout=limit_s)[0]
    except subprocess.TimeoutExpired:
        raise LabError(f"{shlex.join(popen.args)}: no end after {limit_s:.0f} s") from None  # type: ignore[arg-type]


def wait_for_listener(node: LabNode, port: int, limit_s: float = 60) -> None:
    """Returns when someone in the node listens on a TCP port. Raises LabError when nobody does."""
    deadline = time.monotonic() + limit_s
    while not any(listens(Path(f"/proc/{node.pid}/net/{table}").read_text(), port) for table in ("tcp", "tcp6")):
        if time.monotonic() > deadline:
            raise LabError(f"{node.name}: nobody listens on TCP port {port} after {limit_s:.0f} s")
        time.sleep(0.02)


def listens(proc_net_tcp: str, port: int) -> bool:
    """Whether /proc/net/tcp has a socket in state LISTEN (0A) on a port."""
    rows = (line.split() for line in proc_net_tcp.splitlines()[1:])
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)
