"""Very many UDP sessions from one machine, each heard again and again. A program of its own, with two ends:

    many_sessions.py serve ADDRESS PORT                        prints "ready"; sends every datagram back
    many_sessions.py keep ADDRESS PORT SESSIONS PER_S FROM…    SESSIONS source ports, dealt among the addresses FROM

`keep` prints "ready" when every session has been answered, then sends PER_S datagrams a second, session after session. After the
end of its standard input it sends one more of each, waits for what is on its way, and prints as JSON how many datagrams were sent,
how many had no answer, and how long the slowest took. `serve` prints after the end of its standard input how many sessions it has
seen, and how many of them came from another address or port than at first.

A raw socket sends from any port and hears what comes to any: sockets for so many would be more than a process may have open.
"""

import json
import select
import socket
import struct
import sys
import time
from typing import Iterator, Sequence

_UDP = struct.Struct("!HHHH")  # RFC 768: source port, destination port, length, checksum (0: none)
_BODY = struct.Struct("!Id")  # number of the session, when it was sent
_HEADER_BYTES = 20 + _UDP.size
# Beyond 4789: what comes back to that port by UDP is a tunnel's, for every switch (RFC 7348, section 5).
_FIRST_PORT, _PORTS = 5_000, 60_000
_OPENING_PER_S = 10_000
_OPENING_SWEEPS = 5
_PATIENCE_S = 2.0
_RECEIVE_BYTES = 32 * 2**20
_SO_RCVBUFFORCE = 33  # socket(7); not in Python's socket module
_BURST = 64


def source_ports(sessions: int, addresses: int) -> "list[tuple[int, int]]":
    """Of each session: which address, and which port of it."""
    if sessions > addresses * _PORTS:
        raise ValueError(f"{sessions} sessions need {-(-sessions // _PORTS)} addresses, there are {addresses}")
    return [(number % addresses, _FIRST_PORT + number // addresses) for number in range(sessions)]


def serve(address: str, port: int) -> None:
    seen: dict[bytes, "tuple[str, int]"] = {}
    changed: set[bytes] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
        server.bind((address, port))
        print("ready", flush=True)
        while True:
            readable, _, _ = select.select([server, sys.stdin], [], [])
            if sys.stdin in readable:
                break
            for _ in range(_BURST):
                try:
                    data, source = server.recvfrom(64, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    break
                server.sendto(data, source)
                if seen.setdefault(data[:4], source) != source:
                    changed.add(data[:4])
    print(json.dumps({"sessions": len(seen), "changed": len(changed)}))


class Keeper:
    """The sessions, and what has become of their datagrams."""

    def __init__(self, address: str, port: int, sessions: int, sources: Sequence[str]) -> None:
        self.sockets = []
        for source in sources:
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
            raw.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
            raw.bind((source, 0))
            raw.connect((address, 0))
            raw.setblocking(False)
            self.sockets.append(raw)
        self.heads = [
            (self.sockets[at], _UDP.pack(own, port, _UDP.size + _BODY.size, 0))
            for at, own in source_ports(sessions, len(sources))
        ]
        self.sent = [0] * sessions
        self.answered = [0] * sessions
        self.slowest_s = 0.0

    def send(self, numbers: Iterator[int], per_s: float, until_stdin_ends: bool = False) -> None:
        """Sends at an even pace, and takes answers in between. It does not make up for time in which it had no CPU."""
        due = time.monotonic()
        for number in numbers:
            raw, head = self.heads[number]
            self.sent[number] += 1
            raw.send(head + _BODY.pack(number, time.monotonic()))
            due = max(due + 1 / per_s, time.monotonic() - 0.01)
            if number % 16 == 0:
                if self.take(max(0.0, due - time.monotonic()), until_stdin_ends):
                    return

    def take(self, wait_s: float, stdin: bool = False) -> bool:
        """Takes answers for so long. Returns whether standard input has ended."""
        until = time.monotonic() + wait_s
        while True:
            watched = [*self.sockets, *([sys.stdin] if stdin else [])]
            readable, _, _ = select.select(watched, [], [], max(0.0, until - time.monotonic()))
            for raw in readable:
                if raw is sys.stdin:
                    return True
                self._drain(raw)
            if time.monotonic() >= until:
                return False

    def _drain(self, raw: socket.socket) -> None:
        while True:
            try:
                packet = raw.recv(128)
            except BlockingIOError:
                return
            if len(packet) == _HEADER_BYTES + _BODY.size:
                number, began = _BODY.unpack_from(packet, _HEADER_BYTES)
                self.answered[number] += 1
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)

    def open(self) -> None:
        """Until each has been answered: at this rate a packet may be lost before there is a session."""
        missing = range(len(self.heads))
        for _ in range(_OPENING_SWEEPS):
            self.send(iter(missing), _OPENING_PER_S)
            self.take(1.0)
            missing = [number for number in missing if not self.answered[number]]
            if not missing:
                break
        else:
            ports = ", ".join(str(_FIRST_PORT + number // len(self.sockets)) for number in missing[:5])
            sys.exit(f"{len(missing)} sessions have not been answered, the first of ports {ports}")
        self.sent, self.answered = [0] * len(self.heads), [0] * len(self.heads)
        self.slowest_s = 0.0


def _round_and_round(count: int) -> Iterator[int]:
    while True:
        yield from range(count)


def keep(address: str, port: int, sessions: int, per_s: float, sources: Sequence[str]) -> None:
    keeper = Keeper(address, port, sessions, sources)
    keeper.open()
    print("ready", flush=True)
    keeper.send(_round_and_round(sessions), per_s, until_stdin_ends=True)
    slowest_s, during = keeper.slowest_s, sum(keeper.sent)
    keeper.send(iter(range(sessions)), _OPENING_PER_S)
    keeper.take(_PATIENCE_S)
    unanswered = sum(sent > answered for sent, answered in zip(keeper.sent, keeper.answered))
    seen = {"sent": sum(keeper.sent), "during": during, "unanswered": unanswered, "slowest_s": slowest_s}
    print(json.dumps(seen))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        keep(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]), sys.argv[6:])
