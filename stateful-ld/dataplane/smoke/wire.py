"""The control socket's messages, written from the .proto files by hand.

An encoder of its own, so that the smoke test checks the wire format and not one library against itself.
"""

import socket
import struct


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """One field: int as varint; bytes, str and nested messages as length-delimited."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def message(*fields):
    return b"".join(field(number, value) for number, value in fields)


def parse(data):
    """{field number: [int or bytes, ...]}"""
    fields, at = {}, 0

    def take_varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = take_varint()
        if tag & 7 == 0:
            value = take_varint()
        elif tag & 7 == 2:
            size = take_varint()
            value = data[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {tag & 7}")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


class Control:
    """A connection to sluice-ld's control socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(60)  # only so that nothing hangs
        self.socket.connect(path)

    def close(self):
        self.socket.close()

    def send(self, request):
        self.socket.sendall(struct.pack(">I", len(request)) + request)

    def receive(self):
        (size,) = struct.unpack(">I", self._exactly(4))
        return parse(self._exactly(size))

    def call(self, number, body=b""):
        self.send(field(number, body))
        return self.receive()

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError("control socket closed")
            data += part
        return data

    def get_config(self):
        return self.call(1)[3][0]

    def apply_config(self, config):
        """(code, message)"""
        answer = self.call(2, config)
        return answer.get(1, [0])[0], answer.get(2, [b""])[0].decode()

    def list_sessions(self, service="", limit=0):
        self.send(field(3, message((1, service), (2, limit))))
        sessions = []
        while True:
            batch = parse(self.receive()[4][0])
            sessions += [parse(session) for session in batch.get(1, [])]
            if batch.get(2, [0])[0]:
                return sessions

    def counters(self):
        return parse(self.call(4)[5][0])

    def status(self):
        return parse(self.call(5)[6][0])


def named(counters, number):
    """{name: value} of a list of NamedCounter."""
    out = {}
    for counter in counters.get(number, []):
        fields = parse(counter)
        out[fields[1][0].decode()] = fields.get(2, [0])[0]
    return out
