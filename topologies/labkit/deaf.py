"""Keeps from an LD what other LDs tell it of their sessions, and nothing else: a filter on the socket that the LD receives from. The
socket is its process's own (pidfd_getfd(2)); packets reach it before anything in a namespace that could filter them."""

import ctypes
import os
import socket
import struct
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Iterator

from .errors import LabError

_REPLICATION_PORT = 53794
_PIDFD_GETFD = 438  # on every architecture
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27  # linux/socket.h
# struct sock_filter, as in linux/filter.h: code, jump when true, jump when false, operand. Of UDP to that port, over IPv4 or over IPv6
# without extension headers, nothing is taken, of everything else all.
_FILTER = (
    (0x28, 0, 0, 12),  # ldh: the Ethernet type
    (0x15, 0, 4, 0x86DD),
    (0x30, 0, 0, 20),  # ldb: the next header
    (0x15, 0, 9, socket.IPPROTO_UDP),
    (0x28, 0, 0, 56),  # ldh: the destination port, behind the IPv6 header
    (0x05, 0, 0, 5),  # ja
    (0x15, 0, 6, 0x0800),
    (0x30, 0, 0, 23),  # ldb: the protocol
    (0x15, 0, 4, socket.IPPROTO_UDP),
    (0xB1, 0, 0, 14),  # ldx: the length of the IPv4 header
    (0x48, 0, 0, 16),  # ldh: the destination port, behind it
    (0x15, 0, 1, _REPLICATION_PORT),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 0xFFFFFFFF),
)

_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def to_replication(pid: int) -> Iterator[None]:
    """A data plane hears no replication while the block runs. What it says itself is heard."""
    with ExitStack() as stack:
        cables = [stack.enter_context(one) for one in _sockets(pid) if one.family == socket.AF_PACKET]
        if not cables:
            raise LabError(f"process {pid}: has no packet socket, so it is no LD of the lab")
        for cable in cables:
            filter_replication(cable)
            stack.callback(cable.setsockopt, socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
        yield


def filter_replication(cable: socket.socket) -> None:
    """The socket gets no frames of replication any more."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in _FILTER))
    program = struct.pack("@HP", len(_FILTER), ctypes.addressof(code))
    cable.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def _sockets(pid: int) -> Iterator[socket.socket]:
    """Those of a process, each by a descriptor of this one."""
    pidfd = os.pidfd_open(pid)
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            if os.readlink(link).startswith("socket:"):
                yield socket.socket(fileno=_same(pidfd, int(link.name)))
    finally:
        os.close(pidfd)


def _same(pidfd: int, fd: int) -> int:
    ours = _libc.syscall(_PIDFD_GETFD, pidfd, fd, 0)
    if ours < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"pidfd_getfd of {fd}: {os.strerror(error)}")
    return int(ours)
