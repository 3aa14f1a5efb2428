"""A VLAN device without the kernel's: moves frames between a TAP, where they are untagged, and a link, where they carry
the tag (IEEE 802.1Q). A program of its own: vlan_device.py LINK VLAN TAP
"""

import fcntl
import os
import selectors
import socket
import struct
import sys

_FRAME_BYTES = 2048
_TPID = 0x8100
_ADDRESSES = 12  # destination and source, in front of the tag

# linux/if_tun.h, linux/if_ether.h, linux/if_packet.h
_TUNSETIFF = 0x400454CA
_IFF_TAP_NO_PI = 0x0002 | 0x1000
_ETH_P_ALL = 0x0003
_SOL_PACKET = 263
_PACKET_AUXDATA = 8
_AUXDATA = struct.Struct("=IIIHHHH")  # status, len, snaplen, mac, net, vlan_tci, vlan_tpid
_STATUS_VLAN_VALID = 1 << 4


def tagged(frame: bytes, vlan: int) -> bytes:
    """An untagged frame with a tag."""
    return frame[:_ADDRESSES] + struct.pack("!HH", _TPID, vlan) + frame[_ADDRESSES:]


def vlan_of(auxdata: bytes) -> int:
    """Of a frame from a packet socket: the kernel has taken the tag out and tells it beside the frame. 0: none."""
    status, *_, tci, _tpid = _AUXDATA.unpack(auxdata[: _AUXDATA.size])
    return tci & 0x0FFF if status & _STATUS_VLAN_VALID else 0


def open_tap(name: str) -> int:
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TAP_NO_PI))
    return tap


def open_link(name: str) -> socket.socket:
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    link.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
    link.bind((name, _ETH_P_ALL))
    link.setblocking(False)
    return link


def from_link(link: socket.socket, vlan: int, tap: int) -> None:
    while True:
        try:
            frame, ancillary, _flags, (_name, _type, kind, *_rest) = link.recvmsg(
                _FRAME_BYTES, socket.CMSG_SPACE(_AUXDATA.size)
            )
        except BlockingIOError:
            return
        if kind != socket.PACKET_OUTGOING and any(vlan_of(data) == vlan for _level, _type, data in ancillary):
            os.write(tap, frame)


def from_tap(tap: int, vlan: int, link: socket.socket) -> None:
    while True:
        try:
            frame = os.read(tap, _FRAME_BYTES)
        except BlockingIOError:
            return
        try:
            link.send(tagged(frame, vlan))
        except BlockingIOError:
            pass  # its queue is full: a wire would drop the frame, too


def main(link_name: str, vlan: int, tap_name: str) -> None:
    tap, link = open_tap(tap_name), open_link(link_name)
    selector = selectors.DefaultSelector()
    selector.register(link, selectors.EVENT_READ, lambda: from_link(link, vlan, tap))
    selector.register(tap, selectors.EVENT_READ, lambda: from_tap(tap, vlan, link))
    while True:
        for key, _events in selector.select():
            key.data()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
