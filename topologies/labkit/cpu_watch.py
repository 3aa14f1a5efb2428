"""How long the threads of programs ran, and how long they were ready to run and had no CPU, over time: what tells a stall
of the machine from one of the programs. From /proc/PID/task/TID/schedstat: ns on a CPU, ns waiting for one."""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

_INTERVAL_S = 0.05
# Threads that are new are looked for so often: most programs begin with those they keep.
_LOOK_S = 0.5
_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

# Beside the programs, of all CPUs together: nobody ran, or a virtual machine's host ran something else.
IDLE = "idle"
STOLEN = "the host"
_COLUMNS = {IDLE: 4, STOLEN: 8}  # of the first line of /proc/stat
_Thread = tuple[str, int]  # its program's name, its id
_Sample = dict[_Thread, tuple[int, int]]


@dataclass(frozen=True)
class Share:
    """Of a stretch of time. 1.0 is one CPU."""

    ran: float  # all threads of the program together
    waited: float  # the one that waited most: it is late by so much


class CpuWatch(threading.Thread):
    """Looks every 50 ms until it is told to end. When a program begins anew, the caller changes `pids`."""

    def __init__(self, pids: "dict[str, int]") -> None:
        super().__init__(daemon=True)
        self.pids = pids
        self._samples: "list[tuple[float, _Sample]]" = []
        self._over = threading.Event()

    def run(self) -> None:
        threads: "list[tuple[_Thread, Path]]" = []
        look = 0.0
        while not self._over.wait(_INTERVAL_S):
            now = time.monotonic()
            if now >= look:
                threads, look = list(_threads(dict(self.pids))), now + _LOOK_S
            self._samples.append((now, {**dict(_times(threads)), **_machine()}))

    def end(self) -> None:
        self._over.set()
        self.join()

    def begin(self) -> None:
        """What was seen before is not asked for any more."""
        self._samples = self._samples[-1:]

    def shares(self, since: float, until: float) -> "dict[str, Share]":
        """By program."""
        within = [sample for sample in list(self._samples) if since <= sample[0] <= until]
        return shares_of(within)

    def stolen_s(self, since: float, until: float) -> float:
        """CPU time that the host of this virtual machine had for others; 0 where it does not say."""
        samples = [sample for sample in list(self._samples) if since <= sample[0] <= until]
        share = shares_of(samples).get(STOLEN)
        return share.ran * (samples[-1][0] - samples[0][0]) if share else 0.0


def shares_of(samples: "list[tuple[float, _Sample]]") -> "dict[str, Share]":
    ran: "dict[str, int]" = {}
    waited: "dict[_Thread, int]" = {}
    for (_, before), (_, after) in zip(samples, samples[1:]):
        for thread in before.keys() & after.keys():
            ran[thread[0]] = ran.get(thread[0], 0) + after[thread][0] - before[thread][0]
            waited[thread] = waited.get(thread, 0) + after[thread][1] - before[thread][1]
    if not ran:
        return {}
    length_ns = 1e9 * (samples[-1][0] - samples[0][0])
    most = {name: max(wait for thread, wait in waited.items() if thread[0] == name) for name in ran}
    return {name: Share(ran[name] / length_ns, most[name] / length_ns) for name in ran}


def _threads(pids: "dict[str, int]") -> "Iterator[tuple[_Thread, Path]]":
    for name, pid in pids.items():
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                yield (name, int(task.name)), task / "schedstat"
        except OSError:
            continue  # it has ended


def _machine() -> _Sample:
    """In steps of a tick."""
    with open("/proc/stat", encoding="ascii") as stat:
        fields = stat.readline().split()
    return {(name, 0): (int(fields[column]) * _TICK_NS, 0) for name, column in _COLUMNS.items()}


def _times(threads: "list[tuple[_Thread, Path]]") -> "Iterator[tuple[_Thread, tuple[int, int]]]":
    for thread, file in threads:
        try:
            ran, waited, _ = file.read_text(encoding="ascii").split()
            yield thread, (int(ran), int(waited))
        except (OSError, ValueError):
            continue
