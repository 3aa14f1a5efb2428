"""The SYNs of the flood, read by scapy."""

import ipaddress
import random
import unittest

from scapy.all import IP, TCP

from labkit import syn_flood


class SynFloodTest(unittest.TestCase):
    def test_a_syn_is_one_to_others_too(self) -> None:
        addresses = "172.16.5.6", "203.0.113.10"
        source, destination = (int(ipaddress.ip_address(address)) for address in addresses)
        packet = IP(syn_flood.syn(source, destination, 80, random.Random(1)))
        self.assertEqual((packet.src, packet.dst, packet.len), (*addresses, 40))
        self.assertEqual((packet[TCP].dport, packet[TCP].flags, packet[TCP].dataofs), (80, "S", 5))
        told = packet[TCP].chksum
        del packet[TCP].chksum
        self.assertEqual(IP(bytes(packet))[TCP].chksum, told)


if __name__ == "__main__":
    unittest.main()
