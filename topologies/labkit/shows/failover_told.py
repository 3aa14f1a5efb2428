"""What switch and LDs themselves say of a round: packets that they have dropped, and LDs that have taken themselves offline."""

import re
from typing import Mapping

from .. import plan
from ..show import Lab

# By part, its process, and reason: a program that was started anew counts from 0.
Drops = Mapping["tuple[str, int, str]", int]
_OFFLINE = re.compile(rb"replication: (offline: .*)")


class Told:
    """Each of `lines` is of what has come since the one before, or since this was made."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._drops = self._read_drops()
        self._offline = self._read_offline()

    def lines(self) -> "list[str]":
        drops_before, self._drops = self._drops, self._read_drops()
        offline_before, self._offline = self._offline, self._read_offline()
        return [
            f"packets dropped since the last such line: {named(drops_before, self._drops)}",
            *(f"{process[0]} has said: {line}" for process, line in new_lines(offline_before, self._offline)),
        ]

    def _pid(self, part: str) -> int:
        programs = self._lab.programs
        return programs.part(part).popen.pid if programs.runs(part) else 0

    def _read_drops(self) -> Drops:
        parts = self._lab.sluice.get("drops")
        return {(p["part"], self._pid(p["part"]), name): int(count) for p in parts for name, count in p["drops"].items()}

    def _read_offline(self) -> "dict[tuple[str, int], list[str]]":
        """By LD and its process, whose log is its own."""
        running = [ld for ld in plan.LDS if self._lab.programs.runs(ld)]
        logs = {(ld, self._pid(ld)): self._lab.programs.part(ld).log.read_bytes() for ld in running}
        return {process: [line.decode() for line in _OFFLINE.findall(log)] for process, log in logs.items()}


def named(before: Drops, now: Drops) -> str:
    new = {f"{part} {name}": count - before.get((part, pid, name), 0) for (part, pid, name), count in now.items()}
    return ", ".join(f"{what} {count:+,}" for what, count in new.items() if count) or "none"


def new_lines(
    before: "Mapping[tuple[str, int], list[str]]", now: "Mapping[tuple[str, int], list[str]]"
) -> "list[tuple[tuple[str, int], str]]":
    return [(process, line) for process, lines in now.items() for line in lines[len(before.get(process, [])) :]]
