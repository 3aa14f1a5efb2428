"""What an LD that is deaf to replication hears, and what it does not."""

import socket
import unittest

from labkit import deaf

_UDP, _TCP = socket.IPPROTO_UDP, socket.IPPROTO_TCP
_REPLICATION, _VXLAN = 53794, 4789


def _ports(destination: int) -> bytes:
    return (1000).to_bytes(2, "big") + destination.to_bytes(2, "big") + bytes(4)


def _over_ipv4(protocol: int, port: int, options: bytes = b"") -> bytes:
    header = bytes([0x45 + len(options) // 4]) + bytes(8) + bytes([protocol]) + bytes(10) + options
    return bytes(12) + b"\x08\x00" + header + _ports(port)


def _over_ipv6(protocol: int, port: int) -> bytes:
    return bytes(12) + b"\x86\xdd" + b"\x60" + bytes(5) + bytes([protocol]) + bytes(33) + _ports(port)


class DeafTest(unittest.TestCase):
    def _heard(self, frame: bytes) -> bool:
        """The kernel filters a Unix socket's datagrams as it does a packet socket's frames."""
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with near, far:
            deaf.filter_replication(far)
            near.send(frame)
            try:
                return far.recv(2000, socket.MSG_DONTWAIT) == frame
            except BlockingIOError:
                return False

    def test_replication_is_not_heard(self) -> None:
        self.assertFalse(self._heard(_over_ipv4(_UDP, _REPLICATION)))
        self.assertFalse(self._heard(_over_ipv4(_UDP, _REPLICATION, options=bytes(8))))
        self.assertFalse(self._heard(_over_ipv6(_UDP, _REPLICATION)))

    def test_everything_else_is(self) -> None:
        for frame in (
            _over_ipv4(_UDP, _VXLAN),
            _over_ipv4(_TCP, _REPLICATION),
            _over_ipv6(_UDP, _VXLAN),
            _over_ipv6(_TCP, _REPLICATION),
            bytes(12) + b"\x08\x06" + bytes(46),
        ):
            self.assertTrue(self._heard(frame), frame.hex())


if __name__ == "__main__":
    unittest.main()
