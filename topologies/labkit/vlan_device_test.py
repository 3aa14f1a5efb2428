"""Tags are put in and seen as IEEE 802.1Q and packet(7) have them."""

import struct
import unittest

from labkit.vlan_device import tagged, vlan_of


class VlanDeviceTest(unittest.TestCase):
    def test_the_tag_is_behind_the_addresses(self) -> None:
        frame = bytes(range(12)) + b"\x08\x00payload"
        self.assertEqual(tagged(frame, 30), bytes(range(12)) + b"\x81\x00\x00\x1e\x08\x00payload")

    def test_the_vlan_beside_a_frame(self) -> None:
        auxdata = lambda status, tci: struct.pack("=IIIHHHH", status, 60, 60, 0, 14, tci, 0x8100)  # noqa: E731
        self.assertEqual(vlan_of(auxdata(0x51, 0xE01E)), 30)  # its priority is no part of it
        self.assertEqual(vlan_of(auxdata(0x01, 30)), 0)


if __name__ == "__main__":
    unittest.main()
