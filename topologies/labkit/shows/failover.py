"""An LD fails under connections that stay and new ones that come, and returns. The controller does nothing at the failure."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

from .. import parts, plan
from ..errors import LabError
from ..measure import Measured
from ..show import Lab, Show
from ..terminal import heading, table

_STEADY = Path(__file__).resolve().parents[1] / "steady.py"
VICTIM = "ld1"
# The lab's own is longer, so that no other show meets a failover. This one is for a machine that does nothing else.
HOLD_MS = int(os.environ.get("SLUICE_HOLD_MS", "100"))
_CLUSTER, _LAB_HOLD = "edge", "hold_ms: 500"
# With $SLUICE_FAILOVER, a product such as 500x200x20: connections, new ones a second, rounds of all faults.
CONNECTIONS, NEW_PER_S, ROUNDS = (int(n) for n in os.environ.get("SLUICE_FAILOVER", "20x20x1").split("x"))
INTERVAL_MS = 50
BEFORE_S, DOWN_S, AFTER_S = 1.5, 2.5, 3.0
BAR_S = 0.1
BARS = " ▁▂▃▄▅▆▇█"


@dataclass
class Round:
    fault: str
    began: float
    failed: float
    returned: float
    stayed: list[dict[str, Any]] = field(default_factory=list)
    came: list[tuple[float, float, Any]] = field(default_factory=list)

    def answers(self) -> list[tuple[float, float]]:
        return [(begin, took) for one in self.stayed for begin, took in one["answers"]]

    def longest(self, since: float, until: float) -> float:
        """The longest wait for an answer that was asked for, or arrived, between two moments, in s."""
        return max((took for begin, took in self.answers() if begin < until and begin + took > since), default=0.0)

    def resets(self) -> int:
        return sum(one["error"] is not None for one in self.stayed)

    def moved(self) -> int:
        """Connections whose real server, or whose local address and port, did not stay the same."""
        return sum(len(one["peers"]) > 1 for one in self.stayed)

    def unanswered(self) -> int:
        return sum(one["unanswered"] for one in self.stayed)


class FailoverShow(Show):
    name = "failover"

    def run(self, lab: Lab) -> str:
        faults: dict[str, Callable[[Lab], Callable[[], None]]] = {
            "killed (SIGKILL)": lambda lab: _end(lab, signal.SIGKILL),
            "crashed (SIGSEGV)": lambda lab: _end(lab, signal.SIGSEGV),
            "stopped (SIGSTOP)": _pause,
        }
        _apply_hold(lab, _LAB_HOLD, f"hold_ms: {HOLD_MS}")
        self.rounds = [self._round(lab, fault, make) for _ in range(ROUNDS) for fault, make in faults.items()]
        _apply_hold(lab, f"hold_ms: {HOLD_MS}", _LAB_HOLD)
        return f"{VICTIM} failed and returned {len(self.rounds)} times under {CONNECTIONS} connections and {NEW_PER_S} new ones/s"

    def _round(self, lab: Lab, fault: str, make: "Callable[[Lab], Callable[[], None]]") -> Round:
        steady = _start_steady(lab)
        began = time.monotonic()
        time.sleep(BEFORE_S)
        failed = time.monotonic()
        mend = make(lab)
        time.sleep(DOWN_S)
        mend()
        returned = time.monotonic()
        time.sleep(AFTER_S)
        seen = _end_steady(steady)
        result = Round(fault, began, failed, returned, seen["stayed"], [tuple(one) for one in seen["came"]])
        self._judge(result)
        return result

    def _judge(self, result: Round) -> None:
        for what, found in (
            ("connections lost", result.resets()),
            ("connections that changed their session", result.moved()),
            ("requests without an answer", result.unanswered()),
            ("new connections that failed", sum(error is not None for _, _, error in result.came)),
        ):
            self.expect(f"{VICTIM} {result.fault}: {what}", found, 0)
        for one in result.stayed:
            if one["error"] is not None:
                self.fail(f"{VICTIM} {result.fault}: {one['error']}")
                break

    def report(self, measured: Measured) -> str:
        rows = [
            (
                result.fault,
                len(result.stayed),
                result.resets(),
                result.unanswered(),
                f"{1000 * result.longest(result.failed, result.returned):.0f} ms",
                f"{1000 * result.longest(result.returned, result.returned + AFTER_S):.0f} ms",
                len(result.came),
                sum(error is not None for _, _, error in result.came),
                f"{1000 * max((took for _, took, _ in result.came), default=0):.0f} ms",
            )
            for result in self.rounds
        ]
        columns = (
            VICTIM, "connections", "lost", "unanswered", "longest wait", "at return", "new ones", "failed", "slowest",
        )  # fmt: skip
        return "\n".join(
            [
                heading("Failover: no controller acts at the failure; the LD returns with all sessions"),
                table(columns, rows),
                *(line for result in self.rounds for line in drawing(result)),
            ]
        )


def drawing(result: Round) -> list[str]:
    """Answers of the connections that stay, a bar for each tenth of a second."""
    end = result.returned + AFTER_S
    counts = [0] * (int((end - result.began) / BAR_S) + 1)
    for begin, took in result.answers():
        at = int((begin + took - result.began) / BAR_S)
        if 0 <= at < len(counts):
            counts[at] += 1
    most = max(counts) or 1
    bars = "".join(BARS[(count * (len(BARS) - 1) + most - 1) // most] for count in counts)
    marks = [" "] * len(counts)
    for moment, mark in ((result.failed, "✗"), (result.returned, "✓")):
        marks[min(len(marks) - 1, int((moment - result.began) / BAR_S))] = mark
    return [f"  {result.fault}: answers per {BAR_S} s, at most {most}", f"    {bars}", f"    {''.join(marks)}"]


def _apply_hold(lab: Lab, old: str, new: str) -> None:
    lab.sluice.change_line(_CLUSTER, old, new)
    lab.sluice.apply()


def _start_steady(lab: Lab) -> "subprocess.Popen[str]":
    arguments = (plan.VIP, str(plan.VIP_PORT), str(CONNECTIONS), str(INTERVAL_MS), str(NEW_PER_S))
    return subprocess.Popen(
        lab.node(plan.CLIENT).in_namespace(sys.executable, "-B", str(_STEADY), *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _end_steady(steady: "subprocess.Popen[str]") -> Any:
    text, _ = steady.communicate(timeout=60)
    if steady.returncode != 0:
        raise LabError(f"steady.py: exit status {steady.returncode}")
    return json.loads(text)


def _end(lab: Lab, how: signal.Signals) -> Callable[[], None]:
    """The data plane's process ends; a new one knows nothing, until the controller and the other LD have told it."""
    lab.programs.end(VICTIM, how)

    def mend() -> None:
        parts.start_dataplane(lab.programs, lab.directory, lab.node(VICTIM))
        parts.wait_for_dataplane(lab.programs, lab.directory, VICTIM)
        lab.sluice.apply()

    return mend


def _pause(lab: Lab) -> Callable[[], None]:
    """All its threads stand still, and go on as if nothing had happened."""
    part = lab.programs.part(VICTIM)
    part.popen.send_signal(signal.SIGSTOP)
    return lambda: part.popen.send_signal(signal.SIGCONT)
