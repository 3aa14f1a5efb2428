"""The client's address at real servers that see a local IP, by PROXY protocol and by TOA; and `sluice capture`, which shows
both sides of one session."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from .. import plan, tools
from ..errors import LabError
from ..measure import Measured
from ..processes import wait_for
from ..show import Lab, Show
from ..terminal import heading, table

REQUESTS = 6
# Of one request: SYN, SYN-ACK, ACK, request, its acknowledgement, answer, its acknowledgement, and both ends' FIN; each comes
# and leaves.
_PACKETS_AT_LEAST = 2 * 7
_CLIENT_PORT = 40123
_TOA_KIND, _TOA_BYTES = 0xFE, 8
_DIRECTIONS = {1: "in", 2: "out"}
_FIELDS = ("frame.packet_flags_direction", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "tcp.flags.str", "tcp.options")


@dataclass(frozen=True)
class Packet:
    """The innermost packet of a frame."""

    direction: str
    source: str
    destination: str
    flags: str
    options: bytes

    @property
    def toa(self) -> str:
        """The address that it tells, "" for none."""
        return toa_of(self.options)


class CaptureShow(Show):
    name = "capture"

    def run(self, lab: Lab) -> str:
        client = plan.address_of(plan.CLIENT)
        self.proxied = tools.http_answers(lab.node(plan.CLIENT), plan.VIP, REQUESTS, port=plan.PROXIED_PORT)
        self.expect("answers by PROXY protocol", len(self.proxied), REQUESTS)
        for answer in self.proxied:
            if not answer.split(" ")[1].startswith(f"{client}:"):
                self.fail(f"a real server was told another client than {client}: {answer}")
        self.packets = self._captured(lab)
        told = {packet.toa for packet in self.packets if packet.toa}
        self.expect("addresses told by TOA", told, {f"{client}:{_CLIENT_PORT}"})
        if len(self.packets) < _PACKETS_AT_LEAST:
            self.fail(f"{len(self.packets)} packets captured of a connection, {_PACKETS_AT_LEAST} are the least it has")
        return "a client's address by PROXY protocol and by TOA, and a session captured on both sides of an LD"

    def _captured(self, lab: Lab) -> Sequence[Packet]:
        """One request while the LDs capture. The session is one LD's."""
        files = [lab.directory / f"flow.{ld}.pcapng" for ld in plan.LDS]
        choice = ("--vip", plan.VIP, "--vip-port", str(plan.TOA_PORT))
        with lab.sluice.until_interrupted("capture", *choice, "-w", str(lab.directory / "flow.pcapng")):
            # Each LD sends the file's beginning when it begins.
            wait_for(lambda: all(file.exists() and file.stat().st_size > 0 for file in files), "LDs capture", lab.programs)
            options = f"--local-port {_CLIENT_PORT}"
            answers = tools.http_answers(lab.node(plan.CLIENT), plan.VIP, 1, options, plan.TOA_PORT)
            wait_for(lambda: _packets_in(files) >= _PACKETS_AT_LEAST, "all of it is captured", lab.programs)
        self.expect("answers while the LDs captured", len(answers), 1)
        return [packet for file in files for packet in read(str(file))]

    def report(self, measured: Measured) -> str:
        rows = [(p.direction, p.source, p.destination, p.flags, p.toa) for p in self.packets[:8]]
        peers = sorted({answer.split(" ")[1].rpartition(":")[0] for answer in self.proxied})
        return "\n".join(
            [
                heading("Who the client is, told to real servers that see a local IP"),
                f"  PROXY protocol: {len(self.proxied)} requests, nginx was told {', '.join(peers)}",
                f"  sluice capture --vip {plan.VIP} --vip-port {plan.TOA_PORT} -w flow.pcapng: {len(self.packets)} packets"
                " of one connection, the first of them (from tshark)",
                table(("LD", "from", "to", "flags", "TOA says"), rows),
            ]
        )


def _packets_in(files: "Sequence[Path]") -> int:
    """So far: the last one may not be whole yet."""
    command = ["tshark", "-T", "fields", "-e", "frame.number", "-r"]
    return sum(
        len(subprocess.run([*command, str(file)], capture_output=True, text=True, check=False).stdout.splitlines())
        for file in files
    )


def read(path: str) -> Sequence[Packet]:
    """What tshark finds in a file. Raises LabError when it is none."""
    command = ["tshark", "-r", path, "-T", "fields", "-E", "occurrence=l"]
    command += [word for field in _FIELDS for word in ("-e", field)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"tshark: {path}: {done.stderr.strip()}")
    return [_packet(line) for line in done.stdout.splitlines()]


def _packet(line: str) -> Packet:
    direction, source, sport, destination, dport, flags, options = line.split("\t")
    return Packet(
        _DIRECTIONS.get(int(direction, 0), "?"),
        f"{source}:{sport}",
        f"{destination}:{dport}",
        flags.replace("·", "").strip(),
        bytes.fromhex(options.replace(":", "")),
    )


def toa_of(options: bytes) -> str:
    """The address in the TCP option of kind 254, as LVS writes it: port, then IPv4 address."""
    at = 0
    while at < len(options) and options[at] != 0:
        kind = options[at]
        length = 1 if kind == 1 else options[at + 1]
        if kind == _TOA_KIND and length == _TOA_BYTES:
            port = int.from_bytes(options[at + 2 : at + 4], "big")
            return f"{'.'.join(map(str, options[at + 4 : at + 8]))}:{port}"
        at += length
    return ""
