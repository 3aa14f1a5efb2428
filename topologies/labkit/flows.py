"""Many UDP flows at once, and by which interface each of them arrives. A program of its own, with two ends:

    flows.py receive PORT COUNT          prints, as JSON, source port → interface of the datagrams that came
    flows.py send ADDRESS PORT COUNT     one datagram from each of COUNT source ports
"""

import json
import random
import socket
import struct
import sys
import time

# Between datagrams: no switch of the lab drops them at this rate.
_GAP_S = 0.001
# After the last datagram that comes; before the first one a process still has to start.
_IDLE_S = 20.0
_PKTINFO = struct.Struct("=I4s4s")  # interface index, local address, destination (ip(7))
# Not in Python's socket module before 3.14.
_IP_PKTINFO = 8


def receive(port: int, count: int) -> dict[int, str]:
    """Ends when `count` flows have come, or nothing comes any more."""
    arrived: dict[int, str] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        server.bind(("", port))
        server.settimeout(_IDLE_S)
        print("ready", flush=True)
        while len(arrived) < count:
            try:
                _data, ancillary, _flags, source = server.recvmsg(64, socket.CMSG_SPACE(_PKTINFO.size))
            except TimeoutError:
                break
            ((_level, _type, info),) = ancillary
            arrived[source[1]] = socket.if_indextoname(_PKTINFO.unpack(info)[0])
    return arrived


def source_ports(count: int) -> list[int]:
    """As scattered as those of many clients, and the same each time."""
    return random.Random(count).sample(range(1024, 32_768), count)


def send(address: str, port: int, count: int) -> None:
    for source_port in source_ports(count):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind(("", source_port))
            client.sendto(b"flow", (address, port))
        time.sleep(_GAP_S)


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        print(json.dumps(receive(int(sys.argv[2]), int(sys.argv[3]))))
    else:
        send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
