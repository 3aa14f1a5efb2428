"""What tools print is understood."""

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
    def test_what_was_received_while_somebody_had_no_cpu_for_a_moment(self) -> None:
        """100 bytes every tenth of a second, but for one that lasted five; and whoever looked was late once."""
        looks = [(0.0, 0.0, 0), (0.1, 0.1, 100), (0.6, 0.6, 200), (0.7, 0.9, 300), (0.9, 0.9, 500)]
        got = tools.received_in(looks)
        self.assertAlmostEqual(got.usual_bps, 8000)
        self.assertAlmostEqual(got.overall_bps, 8 * 500 / 0.9)

    def test_ping(self) -> None:
        self.assertEqual(tools.pings(node(Says("10 packets transmitted, 7 received, 30% packet loss")), "a", 10), 7)
        self.assertEqual(tools.pings(node(Says("ping: connect: Network is unreachable")), "a", 10), 0)

    def test_traceroute(self) -> None:
        text = "traceroute to 203.0.113.50, 6 hops max\n 1  198.51.100.1  0.1 ms\n 2  *\n 3  203.0.113.50  0.2 ms\n"
        self.assertEqual(tools.traceroute(node(Says(text)), "a"), ["198.51.100.1", "*", "203.0.113.50"])

    def test_an_ipv6_url_is_no_range_to_curl(self) -> None:
        says = Says("vm1 x\nvm1 y\n")
        self.assertEqual(tools.http_answers(node(says), "2001:db8::1", 2), ["vm1 x", "vm1 y"])
        self.assertIn(r"http://\[2001:db8::1\]:80/?[1-2]", says.asked[0])

    def test_path_mtu(self) -> None:
        route = "10.0.0.1 via 10.0.0.2 dev x"
        self.assertEqual(tools.path_mtu(node(Says(f"{route}\n cache expires 9sec mtu 1300")), "a"), 1300)
        self.assertEqual(tools.path_mtu(node(Says(route)), "a"), 0)

    def test_snmp_counters(self) -> None:
        text = "Ip: Forwarding ForwDatagrams InReceives\nIp: 1 42 99\nIcmp: InMsgs InEchos\nIcmp: 3 2\n"
        self.assertEqual(tools.snmp_counter(text, "Ip", "ForwDatagrams"), 42)
        self.assertEqual(tools.snmp_counter(text, "Icmp", "InEchos"), 2)

    def test_traffic_is_counted_in_ip_bytes_and_without_lo(self) -> None:
        heading = "Inter-|   Receive  |  Transmit\n face |bytes  packets\n"
        line = "{}: {} {} 0 0 0 0 0 0 {} {} 0 0 0 0 0 0\n"
        first = heading + line.format("    lo", 900, 9, 900, 9) + line.format("a-eth0", 114, 1, 228, 2)
        self.assertEqual(tools.traffic_in(first), tools.Traffic(1, 100, 2, 200))
        second = heading + line.format("a-eth0", 228, 2, 342, 3) + line.format("a-eth1", 114, 1, 0, 0)
        self.assertEqual(tools.traffic_in(second) - tools.traffic_in(first), tools.Traffic(2, 200, 1, 100))

    def test_who_listens(self) -> None:
        text = "  sl  local_address rem_address   st\n   0: 00000000:1451 00000000:0000 {} 00000000:00000000\n"
        self.assertTrue(tools.listens(text.format("0A"), 5201))
        self.assertFalse(tools.listens(text.format("01"), 5201))
        self.assertFalse(tools.listens(text.format("0A"), 22))


if __name__ == "__main__":
    unittest.main()
