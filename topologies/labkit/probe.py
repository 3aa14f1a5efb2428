"""Small UDP flows at a steady pace to an echo server: what the network loses, without a transport protocol that mends
it. Runs in a node: prints "ready" when it has begun, and after the end of its standard input, as JSON, when each flow's
datagrams were sent and how long their answers took (null: none came). Times are of CLOCK_MONOTONIC.

    probe.py ADDRESS PORT INTERVAL_MS SOURCE_PORT...

A line "report" on standard input asks for the same at once, of the datagrams since the report before.
"""

import json
import os
import select
import socket
import struct
import sys
import time
from typing import Iterable

_NUMBER = struct.Struct("!I")
# For answers that are on their way at the end, and as late as those of a busy machine.
_PATIENCE_S = 10.0


class Flow:
    def __init__(self, address: str, port: int, source_port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(("", source_port))
        self.socket.connect((address, port))
        self.sent: list[float] = []
        self.took: "list[float | None]" = []
        self._before = 0  # datagrams of reports that are over

    def send(self) -> None:
        number = self._before + len(self.sent)
        self.sent.append(time.monotonic())
        self.took.append(None)
        try:
            self.socket.send(_NUMBER.pack(number))
        except OSError:
            pass  # lost, as on the wire

    def receive(self) -> None:
        try:
            (number,) = _NUMBER.unpack(self.socket.recv(_NUMBER.size))
        except (OSError, struct.error):
            return
        at = number - self._before
        if 0 <= at < len(self.sent) and self.took[at] is None:
            self.took[at] = time.monotonic() - self.sent[at]

    def begin(self) -> None:
        """What is sent from now on is of the next report."""
        self._before += len(self.sent)
        self.sent, self.took = [], []


def report(flows: "Iterable[Flow]") -> None:
    print(json.dumps([{"sent": flow.sent, "took": flow.took} for flow in flows]), flush=True)


def main() -> None:
    address, port, interval_ms, *source_ports = sys.argv[1:]
    flows = {flow.socket.fileno(): flow for flow in (Flow(address, int(port), int(one)) for one in source_ports)}
    epoll = select.epoll()
    epoll.register(0, select.EPOLLIN)
    for fd in flows:
        epoll.register(fd, select.EPOLLIN)
    interval_s = int(interval_ms) / 1000
    print("ready", flush=True)
    due, ending = time.monotonic(), float("inf")
    while time.monotonic() < ending and (ending == float("inf") or any(None in flow.took for flow in flows.values())):
        now = time.monotonic()
        if due <= now and ending == float("inf"):
            for flow in flows.values():
                flow.send()
            due = max(due + interval_s, now)  # none is made up for
        for fd, _ in epoll.poll(max(0.0, due - time.monotonic()) if ending == float("inf") else 0.05):
            if fd != 0:
                flows[fd].receive()
            elif os.read(0, 64):
                report(flows.values())
                for flow in flows.values():
                    flow.begin()
            else:
                ending = time.monotonic() + _PATIENCE_S
                epoll.unregister(0)
    report(flows.values())


if __name__ == "__main__":
    main()
