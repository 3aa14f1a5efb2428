"""What tools print is understood."""

import json
import unittest
from typing import cast

from labkit import tools
from labkit.nodes import LabNode


class Says:
    """A node whose every command prints the same."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: list[str] = []

    def sh(self, *lines: str) -> str:
        self.asked += lines
        return self.text


def node(says: Says) -> LabNode:
    return cast(LabNode, says)


class ToolsTest(unittest.TestCase):
    def test_ping(self) -> None:
        self.assertEqual(tools.pings(node(Says("10 packets transmitted, 7 received, 30% packet loss")), "a", 10), 7)
        self.assertEqual(tools.pings(node(Says("ping: connect: Network is unreachable")), "a", 10), 0)

    def test_traceroute(self) -> None:
        text = "traceroute to 203.0.113.50, 6 hops max\n 1  198.51.100.1  0.1 ms\n 2  *\n 3  203.0.113.50  0.2 ms\n"
        self.assertEqual(tools.traceroute(node(Says(text)), "a"), ["198.51.100.1", "*", "203.0.113.50"])

    def test_an_ipv6_url_is_no_range_to_curl(self) -> None:
        says = Says("vm1 x\nvm1 y\n")
        self.assertEqual(tools.http_answers(node(says), "2001:db8::1", 2), ["vm1 x", "vm1 y"])
        self.assertIn(r"http://\[2001:db8::1\]/?[1-2]", says.asked[0])

    def test_path_mtu(self) -> None:
        route = "10.0.0.1 via 10.0.0.2 dev x"
        self.assertEqual(tools.path_mtu(node(Says(f"{route}\n cache expires 9sec mtu 1300")), "a"), 1300)
        self.assertEqual(tools.path_mtu(node(Says(route)), "a"), 0)

    def test_forwarded(self) -> None:
        text = "Ip: Forwarding ForwDatagrams InReceives\nIp: 1 42 99\n"
        self.assertEqual(tools.forwarded(node(Says(text))), 42)

    def test_traffic_is_counted_in_ip_bytes_and_without_lo(self) -> None:
        link = lambda name, packets: {  # noqa: E731
            "ifname": name,
            "stats64": {way: {"packets": packets, "bytes": 114 * packets} for way in ("rx", "tx")},
        }
        says = node(Says(json.dumps([link("lo", 9), link("a", 1), link("b", 2)])))
        self.assertEqual(tools.traffic_of(says), tools.Traffic(3, 300, 3, 300))
        self.assertEqual(tools.traffic_of(says, ["b"]) - tools.traffic_of(says, ["a"]), tools.Traffic(1, 100, 1, 100))


if __name__ == "__main__":
    unittest.main()
