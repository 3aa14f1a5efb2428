"""Connections that stay, each in transfer all the time, and new ones that come and go, to one address. Runs in a
node: prints "ready" when all connections are there, and what happened, as JSON, after the end of its standard input.
Times are of CLOCK_MONOTONIC, which all processes of the machine share.

    steady.py ADDRESS PORT CONNECTIONS PATIENT INTERVAL_MS NEW_PER_S [CALM_S]

A line "report" on standard input asks for what happened since the report before: a line of JSON, when all that was asked
for has its answer or will not have one, and "ready" after it. A connection that was lost is then opened again; the others
go on. With CALM_S, "ready" comes when every answer of so many seconds was in time, or does not get better.

Each connection asks for a page every INTERVAL_MS, whether or not the one before has been answered (HTTP pipelining,
RFC 9112 9.3.2). The first PATIENT of them wait for their answer first, as most clients do: they have one segment on its
way, and when that is lost nothing but TCP's timer sends it again. One thread with epoll: a client that is busy would
measure itself.
"""

import errno
import json
import os
import re
import resource
import select
import socket
import struct
import sys
import time
from collections import deque
from typing import Any, Optional

# How long answers that are missing at the end are waited for: longer than TCP's first retransmissions.
_PATIENCE_S = 20.0
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_READ_BYTES = 65536
# In time, where nothing fails: a tenth of that is usual. A machine that is busy with something else is waited for so long.
_IN_TIME_S = 0.05
_CALM_LIMIT_S = 20.0
_TCP_INFO_BYTES, _TOTAL_RETRANS = 104, 100  # tcpi_total_retrans in struct tcp_info, linux/tcp.h
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
        self.port = self.socket.getsockname()[1]

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
        self.slowest: tuple[float, float, int] = (0.0, 0.0, 0)  # asked, took, segments sent again until then
        self._sent_again = 0

    def due(self, client: "Client") -> None:
        if self.open and self.error is None and not (self.patient and self.asked):
            self.ask(client.request)

    def step(self, client: "Client") -> None:
        for began, took, body in self.read():
            self.answers.append((began, took))
            if took > _IN_TIME_S:
                client.slow_at = time.monotonic()
            if took > max(_IN_TIME_S, self.slowest[1]):
                self.slowest = (began, took, sent_again(self.socket) - self._sent_again)
            if body not in self.pages:
                self.pages.append(body)

    def begin(self) -> None:
        """What is seen from now on is of the next report."""
        self.answers = []
        self.pages = self.pages[-1:]
        self.slowest = (0.0, 0.0, 0)
        if self.error is None:
            self._sent_again = sent_again(self.socket)

    def unanswered(self, until: float) -> int:
        """Of the requests until then."""
        return sum(asked <= until for asked in self.asked)

    def seen(self, until: float) -> dict[str, Any]:
        return {
            "patient": self.patient,
            "port": self.port,
            "slowest": self.slowest,
            "answers": self.answers,
            "peers": [page.decode().split(" .")[0] for page in self.pages],
            "page_bytes": len(self.pages[0]) if self.pages else 0,
            "error": self.error,
            "unanswered": self.unanswered(until),
        }


def sent_again(tcp: socket.socket) -> int:
    """Segments that the kernel has sent again on this connection, in all."""
    info = tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    return int(struct.unpack_from("=I", info, _TOTAL_RETRANS)[0])


class Coming(Connection):
    """A connection for one request."""

    def __init__(self, client: "Client") -> None:
        super().__init__(client)
        self.took = 0.0
        self.opened = 0.0  # how long the handshake took; 0: it is not over

    def step(self, client: "Client") -> None:
        if self.read():
            self.took = time.monotonic() - self.began
            self.error = None
        if self.took or self.error:
            client.forget(self)

    def is_over(self) -> bool:
        return bool(self.took or self.error)

    def seen(self) -> dict[str, Any]:
        error = self.error if self.is_over() else "no answer"
        return {"began": self.began, "opened": self.opened, "took": self.took, "port": self.port, "error": error}


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
        self.slow_at = 0.0  # when an answer last was not in time
        self._epoll = select.epoll()
        self._by_fd: dict[int, Connection] = {}
        self._next_ask = self._next_new = 0.0
        self._turn = 0
        self._calm = True
        self._wanted = self._ended = False  # a report, by standard input; its end

    def add(self, connection: Connection) -> None:
        if connection.error is None:
            self._by_fd[connection.socket.fileno()] = connection
            self._epoll.register(connection.socket, select.EPOLLOUT)

    def forget(self, connection: Connection) -> None:
        self._by_fd.pop(connection.socket.fileno(), None)
        connection.socket.close()

    def run(self, new_per_s: float, calm_s: float) -> None:
        """Asks until standard input ends, then waits for what has not been answered yet. A connection that cannot be
        opened has its error."""
        self._epoll.register(_STDIN, select.EPOLLIN)
        while True:
            while any(not one.open and one.error is None for one in self.staying):
                self._poll(_PATIENCE_S)
            self._next_ask = self._next_new = self.slow_at = began = time.monotonic()
            while not self._is_calm(calm_s) and time.monotonic() - began < _CALM_LIMIT_S:
                self._ask(new_per_s)
            self._calm = self._is_calm(calm_s)
            self.late_s = 0.0
            print("ready", flush=True)
            while not self._wanted and not self._ended:
                self._ask(new_per_s)
            self._report(new_per_s)
            if self._ended:
                return
            self._wanted = False

    def _is_calm(self, calm_s: float) -> bool:
        """Nothing was late for so long, and nothing is."""
        now = time.monotonic()
        if now - self.slow_at < calm_s:
            return False
        return calm_s == 0 or not any(one.asked and now - one.asked[0] > _IN_TIME_S for one in self.staying)

    def _ask(self, new_per_s: float) -> None:
        """One turn of the loop."""
        now = time.monotonic()
        self.late_s = max(self.late_s, now - min(self._next_ask, self._next_new))
        # A client that was held up makes up for no more than one interval: a burst would hold all others up.
        self._next_ask = max(self._next_ask, now - self.interval_s)
        self._next_new = max(self._next_new, now - self.interval_s)
        while self._next_ask <= now:
            self.staying[self._turn % len(self.staying)].due(self)
            self._turn += 1
            self._next_ask += self.interval_s / len(self.staying)
        while self._next_new <= now:
            self.coming.append(Coming(self))
            self.add(self.coming[-1])
            self._next_new += 1 / new_per_s
        self._poll(min(self._next_ask, self._next_new) - time.monotonic())

    def _report(self, new_per_s: float) -> None:
        """Waits for what was begun until now, tells what was seen, and begins to look anew."""
        until = time.monotonic()
        while self._is_waiting(until) and time.monotonic() - until < _PATIENCE_S:
            if self._ended:
                self._poll(0.05)
            else:
                self._ask(new_per_s)
        seen = {
            "stayed": [one.seen(until) for one in self.staying],
            "came": [one.seen() for one in self.coming if one.began <= until],
            "late_s": self.late_s,
            "calm": self._calm,
        }
        print(json.dumps(seen), flush=True)
        for i, one in enumerate(self.staying):
            if one.error is not None or one.unanswered(until):
                self.forget(one)
                self.staying[i] = Staying(self, one.patient)
                self.add(self.staying[i])
            else:
                one.begin()
        for coming in self.coming:
            if coming.began <= until and not coming.is_over():
                self.forget(coming)
        self.coming = [one for one in self.coming if one.began > until]

    def _is_waiting(self, until: float) -> bool:
        stayed = any(one.error is None and one.unanswered(until) for one in self.staying)
        return stayed or any(not one.is_over() for one in self.coming if one.began <= until)

    def _poll(self, timeout_s: float) -> None:
        for fd, events in self._epoll.poll(max(0.0, timeout_s)):
            connection = self._by_fd.get(fd)
            if fd == _STDIN:
                self._hear(os.read(_STDIN, _READ_BYTES))
            elif connection is not None and not connection.open and events == select.EPOLLOUT:
                self._opened(connection)
            elif connection is not None:
                connection.step(self)
                if connection.error is not None:
                    self.forget(connection)

    def _hear(self, said: bytes) -> None:
        self._wanted = bool(said)
        if not said:
            self._ended = True
            self._epoll.unregister(_STDIN)

    def _opened(self, connection: Connection) -> None:
        connection.open = True
        self._epoll.modify(connection.socket, select.EPOLLIN)
        if isinstance(connection, Coming):
            connection.opened = time.monotonic() - connection.began
            connection.ask(self.last_request)


def main() -> None:
    address, port, connections, patient, interval_ms, new_per_s, *calm_s = sys.argv[1:]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    client = Client(address, int(port), int(interval_ms) / 1000)
    for i in range(int(connections)):
        client.staying.append(Staying(client, i < int(patient)))
        client.add(client.staying[-1])
    client.run(float(new_per_s), float(calm_s[0]) if calm_s else 0.0)


if __name__ == "__main__":
    main()
