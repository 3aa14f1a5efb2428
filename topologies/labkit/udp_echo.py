"""UDP echo (RFC 862) and a client that compares the answers. A program of its own, with two ends:

    udp_echo.py serve ADDRESS PORT               prints "ready" when it is
    udp_echo.py ask ADDRESS PORT BYTES COUNT     prints how many of COUNT datagrams came back as they were sent
"""

import os
import socket
import sys

_LARGEST = 65_535
_PATIENCE_S = 20.0


def _socket_for(address: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)


def serve(address: str, port: int) -> None:
    with _socket_for(address) as server:
        server.bind((address, port))
        print("ready", flush=True)
        while True:
            data, client = server.recvfrom(_LARGEST)
            server.sendto(data, client)


def ask(address: str, port: int, octets: int, count: int) -> int:
    """One datagram after the other, each from a port of its own; random bytes, so that no two are alike."""
    answered = 0
    for _ in range(count):
        with _socket_for(address) as client:
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
        print(ask(sys.argv[2], *map(int, sys.argv[3:6])))
