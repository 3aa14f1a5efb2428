"""The bucket of a flow, as switch and LD compute it (docs/design.md)."""

import socket
import struct
import zlib

_BUCKETS = 1024


def bucket_of(source: str, source_port: int, destination: str, port: int, protocol: int, vni: int = 0) -> int:
    """Of an IPv4 flow outside any VPC, unless `vni` says which."""
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    key = struct.pack("!I", vni)[1:] + addresses + struct.pack("!BHH", protocol, source_port, port)
    return zlib.crc32(key) % _BUCKETS
