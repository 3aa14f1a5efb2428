"""Connections that stay, each in transfer all the time, and new ones that come and go, to one address. Runs in a
node: prints "ready" when all connections are there, and what happened, as JSON, after the end of its standard input.
Times are of CLOCK_MONOTONIC, which all processes of the machine share.

    steady.py ADDRESS PORT CONNECTIONS PATIENT INTERVAL_MS NEW_PER_S

Each connection asks for a page every INTERVAL_MS, whether or not the one before has been answered (HTTP pipelining,
RFC 9112 9.3.2). The first PATIENT of them wait for their answer first, as most clients do: they have one segment on its
way, and when that is lost nothing but TCP's timer sends it again. One thread with epoll: a client that is busy would
measure itself.
"""

import errno
import json
import re
import resource
import select
import socket
import sys
import time
from collections import deque
from typing import Any, Optional

# How long answers that are missing at the end are waited for: longer than TCP's first retransmissions.
_PATIENCE_S = 8.0
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_READ_BYTES = 65536
_STDIN = 0


class Answers:
    """Cuts what arrives on a connection into the bodies of HTTP answers."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[bytes]:
        bodies = []
        self._rest += data
        while True:
            head = self._rest.find(b"\r\n\r\n")
            if head < 0:
                return bodies
            length = _LENGTH.search(self._rest, 0, head)
            if not self._rest.startswith(b"HTTP/1.1 200 ") or length is None:
                raise ValueError(f"not an answer: {self._rest[:80]!r}")
            end = head + 4 + int(length.group(1))
            if len(self._rest) < end:
                return bodies
            bodies.append(self._rest[head + 4 : end])
            self._rest = self._rest[end:]


class Connection:
    """One TCP connection, and its requests that wait for answers."""

    def __init__(self, client: "Client") -> None:
        self.began = time.monotonic()
        self.asked: deque[float] = deque()
        self.error: Optional[str] = None
        self.open = False
        self._answers = Answers()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        status = self.socket.connect_ex(client.address)
        if status not in (0, errno.EINPROGRESS):
            self.error = f"connect: {errno.errorcode[status]}"

    def ask(self, request: bytes) -> None:
        """Sends a request. A request that does not fit the send buffer is an error: there is room for hundreds."""
        self.asked.append(time.monotonic())
        try:
            if self.socket.send(request) != len(request):
                self.error = "the send buffer is full"
        except OSError as error:
            self.error = f"{type(error).__name__}: {error}"

    def read(self) -> list[tuple[float, float, bytes]]:
        """What has arrived: when it was asked for, how long that took, and the body."""
        try:
            data = self.socket.recv(_READ_BYTES)
            now = time.monotonic()
            if not data:
                self.error = "closed by the other end"
            bodies = self._answers.take(data)
        except BlockingIOError:
            return []
        except (OSError, ValueError) as error:
            self.error = f"{type(error).__name__}: {error}"
            return []
        asked = [self.asked.popleft() for _ in bodies]
        return [(began, now - began, body) for began, body in zip(asked, bodies)]


class Staying(Connection):
    """A connection that stays, and what it saw."""

    def __init__(self, client: "Client", patient: bool) -> None:
        super().__init__(client)
        self.patient = patient
        self.answers: list[tuple[float, float]] = []
        self.pages: list[bytes] = []  # that differ: the real server, and the address and port it sees

    def due(self, client: "Client") -> None:
        if self.open and self.error is None and not (self.patient and self.asked):
            self.ask(client.request)

    def step(self, client: "Client") -> None:
        for began, took, body in self.read():
            self.answers.append((began, took))
            if body not in self.pages:
                self.pages.append(body)

    def seen(self) -> dict[str, Any]:
        return {
            "patient": self.patient,
            "answers": self.answers,
            "peers": [page.decode().split(" .")[0] for page in self.pages],
            "page_bytes": len(self.pages[0]) if self.pages else 0,
            "error": self.error,
            "unanswered": len(self.asked),
        }


class Coming(Connection):
    """A connection for one request."""

    def __init__(self, client: "Client") -> None:
        super().__init__(client)
        self.took = 0.0

    def step(self, client: "Client") -> None:
        if self.read():
            self.took = time.monotonic() - self.began
            self.error = None
        if self.took or self.error:
            client.forget(self)

    def seen(self) -> tuple[float, float, Optional[str]]:
        return self.began, self.took, self.error if self.took or self.error else "no answer"


class Client:
    """The loop: what is due, then what has arrived."""

    def __init__(self, address: str, port: int, interval_s: float) -> None:
        self.address = (address, port)
        self.interval_s = interval_s
        page = f"GET /padded HTTP/1.1\r\nHost: {address}\r\nConnection: "
        self.request = f"{page}keep-alive\r\n\r\n".encode()
        self.last_request = f"{page}close\r\n\r\n".encode()
        self.staying: list[Staying] = []
        self.coming: list[Coming] = []
        self.late_s = 0.0  # what was due, and was done so late: the client had no CPU
        self._epoll = select.epoll()
        self._by_fd: dict[int, Connection] = {}
        self._ending = False

    def add(self, connection: Connection) -> None:
        if connection.error is None:
            self._by_fd[connection.socket.fileno()] = connection
            self._epoll.register(connection.socket, select.EPOLLOUT)

    def forget(self, connection: Connection) -> None:
        self._by_fd.pop(connection.socket.fileno(), None)
        connection.socket.close()

    def run(self, new_per_s: float) -> None:
        """Asks until standard input ends, then waits for what has not been answered yet. A connection that cannot be
        opened has its error."""
        while any(not one.open and one.error is None for one in self.staying):
            self._poll(_PATIENCE_S)
        print("ready", flush=True)
        self._epoll.register(_STDIN, select.EPOLLIN)
        next_ask = next_new = time.monotonic()
        turn = 0
        while not self._ending:
            now = time.monotonic()
            self.late_s = max(self.late_s, now - min(next_ask, next_new))
            while next_ask <= now:
                self.staying[turn % len(self.staying)].due(self)
                turn += 1
                next_ask += self.interval_s / len(self.staying)
            while next_new <= now:
                self.coming.append(Coming(self))
                self.add(self.coming[-1])
                next_new += 1 / new_per_s
            self._poll(min(next_ask, next_new) - time.monotonic())
        self._epoll.unregister(_STDIN)
        deadline = time.monotonic() + _PATIENCE_S
        while self._is_waiting() and time.monotonic() < deadline:
            self._poll(0.05)

    def _is_waiting(self) -> bool:
        return any(one.asked and one.error is None for one in self._by_fd.values())

    def _poll(self, timeout_s: float) -> None:
        for fd, events in self._epoll.poll(max(0.0, timeout_s)):
            connection = self._by_fd.get(fd)
            if fd == _STDIN:
                self._ending = True
            elif connection is not None and not connection.open and events == select.EPOLLOUT:
                self._opened(connection)
            elif connection is not None:
                connection.step(self)
                if connection.error is not None:
                    self.forget(connection)

    def _opened(self, connection: Connection) -> None:
        connection.open = True
        self._epoll.modify(connection.socket, select.EPOLLIN)
        if isinstance(connection, Coming):
            connection.ask(self.last_request)


def main() -> None:
    address, port, connections, patient, interval_ms, new_per_s = sys.argv[1:]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    client = Client(address, int(port), int(interval_ms) / 1000)
    for i in range(int(connections)):
        client.staying.append(Staying(client, i < int(patient)))
        client.add(client.staying[-1])
    client.run(float(new_per_s))
    stayed = [one.seen() for one in client.staying]
    json.dump({"stayed": stayed, "came": [one.seen() for one in client.coming], "late_s": client.late_s}, sys.stdout)


if __name__ == "__main__":
    main()
