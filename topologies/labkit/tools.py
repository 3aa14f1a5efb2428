"""What ordinary network tools say when they are run in a node: ping, curl, traceroute, ip."""

import json
import re
from dataclasses import dataclass
from typing import Optional, Sequence

from .nodes import LabNode

# Of requests that are not answered.
_LIMIT_S = 20


def pings(node: LabNode, address: str, count: int, *options: str) -> int:
    """How many of `count` echo requests were answered."""
    text = node.sh(f"ping -n -q -c {count} -i 0.05 -W 2 {' '.join(options)} {address} || true")
    found = re.search(r"(\d+) received", text)
    return int(found.group(1)) if found else 0


def http_answers(node: LabNode, address: str, count: int, options: str = "") -> list[str]:
    """The answers to `count` requests, one after the other, each on a connection of its own."""
    host = f"[{address}]" if ":" in address else address
    # `[` and `]` are ranges to curl's globbing: the address must not be one.
    url = f"http://{host}/?[1-{count}]".replace(f"[{address}]", f"\\[{address}\\]")
    return node.sh(
        f"timeout {_LIMIT_S} curl --silent --max-time 5 --header 'Connection: close' {options} '{url}' || true"
    ).splitlines()


def traceroute(node: LabNode, address: str) -> list[str]:
    """The address of each hop, * for none."""
    text = node.sh(f"traceroute -n -q 1 -w 2 -m 6 {address} || true")
    return re.findall(r"^ *\d+  (\S+)", text, re.MULTILINE)


def path_mtu(node: LabNode, address: str) -> int:
    """What the node's kernel has learned about the path, 0 when nothing."""
    found = re.search(r"\bmtu (\d+)", node.sh(f"ip route get {address}"))
    return int(found.group(1)) if found else 0


def forwarded(node: LabNode) -> int:
    """IPv4 packets that a router has forwarded, in any direction (RFC 4293, ipSystemStatsOutForwDatagrams)."""
    names, values = [line.split() for line in node.sh("grep ^Ip: /proc/net/snmp").splitlines()]
    return int(values[names.index("ForwDatagrams")])


@dataclass(frozen=True)
class Traffic:
    """Counters of an interface: packets, and bytes of their IP packets."""

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


def traffic_of(node: LabNode, interfaces: Optional[Sequence[str]] = None) -> Traffic:
    """The sum of a node's interfaces, of all but lo when none is named."""
    totals = [0, 0, 0, 0]
    for link in json.loads(node.sh("ip -j -s link show")):
        if link["ifname"] in interfaces if interfaces is not None else link["ifname"] != "lo":
            rx, tx = link["stats64"]["rx"], link["stats64"]["tx"]
            for i, counts in ((0, rx), (2, tx)):
                totals[i] += counts["packets"]
                totals[i + 1] += counts["bytes"] - _ETHERNET_BYTES * counts["packets"]
    return Traffic(*totals)
