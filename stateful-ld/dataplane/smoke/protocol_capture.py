"""Packets of chosen sessions as pcapng, read by tshark."""

import ipaddress
import subprocess
import tempfile
import time

from net import PATIENCE_S, equal, tunnelled
from paths import ENTRY4, INTO_VPC4, NAT64, V4, V6, VPC4, Flow, ip
from wire import Control, field, message, parse

INVALID_ARGUMENT, FAILED_PRECONDITION = 3, 9
IN, OUT = 1, 2


class Capture:
    """A capture by a connection of its own."""

    def __init__(self, net, packets, *session_filter, octets=0, duration_ms=60_000):
        self.control = Control(net.control.socket.getpeername())
        request = message((1, message(*session_filter)), (2, packets), (3, octets), (4, duration_ms))
        self.control.send(field(100, request))
        self.first = self.control.receive()
        self.code = self.first.get(1, [0])[0]

    def end(self):
        self.control.close()

    def file(self):
        """All of it, when the last packet has come."""
        parts, answer = [], self.first
        while True:
            batch = parse(answer[100][0])
            parts += batch.get(1, [])
            if batch.get(2, [0])[0]:
                equal("packets missed", batch.get(3, [0])[0], 0)
                self.end()
                return b"".join(parts)
            answer = self.control.receive()


def of_client(path, flow):
    address = ipaddress.ip_address(path.client).packed
    return (100, message((1, address), (2, len(address) * 8))), (101, flow.sport)


def read(data):
    """[(direction, source port, destination port)] of a file, which may have several sections."""
    with tempfile.NamedTemporaryFile(suffix=".pcapng") as file:
        file.write(data)
        file.flush()
        fields = ("frame.packet_flags_direction", "tcp.srcport", "tcp.dstport")
        command = ["tshark", "-r", file.name, "-T", "fields", *(word for name in fields for word in ("-e", name))]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [tuple(int(value, 0) for value in line.split("\t")) for line in output.splitlines()]


def both_sides(net):
    """What comes to the LD of a session, and what leaves it, on every kind of path; nothing of another client."""
    sections, wanted = b"", []
    for path in V4, V6, NAT64, VPC4, INTO_VPC4, ENTRY4:
        flow = Flow(net, path)
        capture = Capture(net, 4, *of_client(path, flow))
        wanted += both_ways(net, path, flow)
        sections += capture.file()
    equal("captured", read(sections), wanted)


def of_one_rs(net):
    """Whose session it will be, nobody knows of the packet that opens it: that is captured as it leaves."""
    flow = Flow(net, V4)
    capture = Capture(net, 3, *of_client(V4, flow), (104, "rs"))
    wanted = both_ways(net, V4, flow)[1:]
    equal("captured", read(capture.file()), wanted)


def both_ways(net, path, flow):
    """One packet of `flow` each way, beside another client's; as they come to the LD and leave it."""
    other = Flow(net, path)
    other.open()
    flow.open()
    other.send(other.reply())
    other.to_client()
    flow.send(flow.reply())
    flow.to_client()
    client, rs = (flow.sport, path.port), (flow.local_port, path.rs_port)
    return [(IN, *client), (OUT, *rs), (IN, *rs[::-1]), (OUT, *client[::-1])]


def what_is_dropped(net):
    """Of no session: by the packet's own addresses."""
    capture = Capture(net, 1, (102, ipaddress.ip_address("203.0.113.99").packed), (103, 4711))
    flow = Flow(net, V4)
    net.wire.send(tunnelled(ip(V4.client, "203.0.113.99") / flow.l4(flow.sport, 4712, b"", "S", ()), 3))
    net.wire.send(tunnelled(ip(V4.client, "203.0.113.99") / flow.l4(flow.sport, 4711, b"", "S", ()), 3))
    equal("captured", read(capture.file()), [(IN, flow.sport, 4711)])
    net.expect_drops(no_service=2)


def limits(net):
    """Of time, when nothing comes; and of bytes, long before the packets that were asked for."""
    equal("captured", read(Capture(net, 1, *of_client(V4, Flow(net, V4)), duration_ms=50).file()), [])
    flow = Flow(net, V4)
    flow.open()
    capture = Capture(net, 1000, *of_client(V4, flow), octets=1)
    flow.send(flow.reply())
    flow.to_client()
    equal("captured", len(read(capture.file())) in (1, 2), True)


def one_at_a_time(net):
    capture = Capture(net, 1, (104, "rs"))
    equal("the first", capture.code, 0)
    another = Capture(net, 1)
    equal("another", another.code, FAILED_PRECONDITION)
    another.end()
    capture.end()  # whoever goes away has had enough
    deadline = time.monotonic() + PATIENCE_S
    while (capture := Capture(net, 1)).code != 0:
        assert time.monotonic() < deadline, "the first is still there"
        capture.end()
    capture.end()


def bad_requests(net):
    for filters in ((103, 65536),), ((105, 99),), ((102, b"\1\2\3"),):
        capture = Capture(net, 1, *filters)
        equal("code", capture.code, INVALID_ARGUMENT)
        capture.end()


CASES = [
    ("capture of both sides", both_sides, ()),
    ("capture by a real server's name", of_one_rs, ()),
    ("capture ends with its limits", limits, ()),
    ("capture of what is dropped", what_is_dropped, ()),
    ("one capture at a time", one_at_a_time, ()),
    ("bad requests for a capture", bad_requests, ()),
]
