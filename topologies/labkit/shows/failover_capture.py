"""What opens and ends TCP connections (SYN, FIN, RST), captured at the switch's ports towards clients, LDs and servers: as the switch
sees it, plain and inside VXLAN. All ports have one clock. What is captured of rounds in which nothing was wrong is not kept."""

import os
from pathlib import Path
from typing import Optional

from .. import plan
from ..errors import LabError
from ..processes import wait_for
from ..show import Lab

_FLAGS = "(tcp-syn|tcp-fin|tcp-rst)"
# Of a frame in a tunnel of the fabric, which is IPv4: behind IPv4, UDP, VXLAN and Ethernet is the inner IPv4, and the byte of
# flags 13 bytes into its TCP. No host here sends IPv4 options.
_INNER_IP = 20 + 8 + 8 + 14
_TUNNELLED = f"udp port 4789 and ip[{_INNER_IP + 9}] = 6 and ip[{_INNER_IP + 20 + 13}] & {_FLAGS} != 0"
_FILTER = f"(tcp[tcpflags] & {_FLAGS} != 0) or ({_TUNNELLED})"
_SNAP_BYTES = 160
# A minute or more of 200 new connections a second in each file.
_FILE_KIB, _FILES = 32_768, 4
_PART = "capture"


def directory() -> Optional[Path]:
    """$SLUICE_CAPTURE, where files are to be. None: nothing is captured. Raises LabError when it is no directory."""
    name = os.environ.get("SLUICE_CAPTURE")
    if not name:
        return None
    if not Path(name).is_dir():
        raise LabError(f"SLUICE_CAPTURE: {name} is not a directory (make it first, or leave the variable out)")
    return Path(name)


class Capture:
    """From its making until `end`, into a ring of files."""

    def __init__(self, lab: Lab, into: Path) -> None:
        self._lab, self._into = lab, into
        node = lab.node(plan.SWITCH)
        nodes = (plan.UPLINK, *plan.LDS, plan.REAL_SERVERS[0], *(host.name for host in plan.HOSTS))
        ports = [f"{plan.SWITCH}-eth{plan.switch_port_of(name)}" for name in nodes]
        each = [word for port in ports for word in ("-i", port, "-f", _FILTER, "-s", str(_SNAP_BYTES))]
        ring = ("-b", f"filesize:{_FILE_KIB}", "-b", f"files:{_FILES}", "-w", str(into / "ring.pcapng"))
        lab.programs.start(_PART, node, "dumpcap", "-q", *each, *ring)
        wait_for(lambda: any(self._files()), "dumpcap captures", lab.programs)

    def keep(self, name: str) -> list[Path]:
        """What the ring has now gets a second name, and so outlives the ring. Returns the files; the last one still grows."""
        kept = [self._into / f"{name}.{i}.pcapng" for i, _ in enumerate(self._files())]
        for file, second in zip(self._files(), kept):
            second.unlink(missing_ok=True)
            os.link(file, second)
        return kept

    def end(self) -> None:
        if self._lab.programs.runs(_PART):
            self._lab.programs.part(_PART).popen.terminate()
            self._lab.programs.wait_for_end(_PART, timeout_s=10)
        for file in self._files():
            file.unlink()

    def _files(self) -> list[Path]:
        return sorted(self._into.glob("ring_*.pcapng"))
