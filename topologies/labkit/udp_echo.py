"""UDP echo (RFC 862) and a client that compares the answers. A program of its own, with two ends:

    udp_echo.py serve ADDRESS PORT               prints "ready" when it is
    udp_echo.py ask ADDRESS PORT BYTES COUNT     prints how many of COUNT datagrams came back as they were sent
    udp_echo.py ask-by-options ADDRESS …         the same, with options in the IP header, or in one of IPv6's extension headers
"""

import os
import socket
import sys

_LARGEST = 65_535
_PATIENCE_S = 20.0
# RFC 791 3.1: no operations, and the end. RFC 8200 4.2 and 4.6: a header of destination options, which are padding.
_OPTIONS_V4 = b"\x01\x01\x01\x00"
_OPTIONS_V6 = bytes([0, 0, 1, 4, 0, 0, 0, 0])


def _socket_for(address: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)


def serve(address: str, port: int) -> None:
    with _socket_for(address) as server:
        server.bind((address, port))
        print("ready", flush=True)
        while True:
            data, client = server.recvfrom(_LARGEST)
            server.sendto(data, client)


def _add_options(client: socket.socket) -> None:
    if client.family == socket.AF_INET6:
        client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, _OPTIONS_V6)
    else:
        client.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, _OPTIONS_V4)


def ask(address: str, port: int, octets: int, count: int, options: bool = False) -> int:
    """One datagram after the other, each from a port of its own; random bytes, so that no two are alike."""
    answered = 0
    for _ in range(count):
        with _socket_for(address) as client:
            if options:
                _add_options(client)
            client.settimeout(_PATIENCE_S)
            client.connect((address, port))
            data = os.urandom(octets)
            client.send(data)
            try:
                answered += client.recv(_LARGEST) == data
            except (TimeoutError, ConnectionRefusedError):
                pass
    return answered


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        print(ask(sys.argv[2], *map(int, sys.argv[3:6]), options=sys.argv[1] == "ask-by-options"))
