"""A real server in a VPC stops answering and returns, under new connections: health checks by the LDs take it out and bring it back."""

import datetime
import signal
import time
from dataclasses import dataclass
from typing import Any, Optional, Sequence

from .. import background, parts, plan
from ..measure import Measured
from ..processes import wait_for
from ..show import Lab, Show
from ..terminal import heading, table

VICTIM = "rs2"
SERVICE = "web"
PER_S = 40
# As sluice.yaml has it for the service: fall × interval_ms + timeout_ms, and as much again for a machine that is busy.
FALL_S = 3 * 0.5 + 2.0
PATIENCE_S = 4 * FALL_S
STEADY_S = 3.0
# A request that has begun before the server is stopped, and not ended, is cut off: those before have their answers by then.
IN_FLIGHT_S = 0.3


@dataclass(frozen=True)
class Answer:
    """When a request began, and who answered it; None: nobody."""

    began: float
    name: Optional[str]


@dataclass(frozen=True)
class Phase:
    name: str
    begin: float
    end: float

    def row(self, answers: Sequence[Answer]) -> tuple[object, ...]:
        mine = [answer.name for answer in answers if self.begin <= answer.began < self.end]
        return (self.name, f"{self.end - self.begin:.1f} s", *(mine.count(rs) for rs in plan.REAL_SERVERS), mine.count(None))


class HealthShow(Show):
    name = "health"

    def run(self, lab: Lab) -> str:
        load = background.start(lab.node(plan.CLIENT), "requests", plan.VIP, plan.VIP_PORT, PER_S)
        began = time.monotonic()
        time.sleep(STEADY_S)
        stopped = time.monotonic()
        time.sleep(IN_FLIGHT_S)
        wall = datetime.datetime.now(datetime.timezone.utc)
        lab.programs.end(VICTIM, signal.SIGKILL)
        wait_for(lambda: _all(lab, "down", 0), f"{VICTIM} is down for all LDs", lab.programs, PATIENCE_S)
        self.seen = {item["ld"]: _seconds_since(wall, item["since"]) for item in _states(lab)}
        down = time.monotonic()
        time.sleep(STEADY_S)
        started = time.monotonic()
        parts.start_web_server(lab.programs, lab.directory, lab.node(VICTIM))
        wait_for(lambda: _all(lab, "up", 1), f"{VICTIM} is up for all LDs", lab.programs, PATIENCE_S)
        up = time.monotonic()
        wait_for(lambda: _all(lab, "up", 100), f"{VICTIM} has its weight back", lab.programs, 2 * PATIENCE_S)
        back = time.monotonic()
        time.sleep(STEADY_S)
        self.answers = [Answer(*one) for one in background.end(load)]
        self.phases = (
            Phase("all are well", began, stopped),
            Phase(f"{VICTIM} has stopped", stopped, down),
            Phase("its LDs know", down, started),
            Phase(f"{VICTIM} has started", started, up),
            Phase("slow start", up, back),
            Phase("all are well", back, time.monotonic()),
        )
        self._judge()
        return f"{VICTIM} stopped and returned under {PER_S} new connections/s"

    def _judge(self) -> None:
        well, _, known, _, slow, again = self.phases
        for phase in (well, known, slow, again):
            self.expect(f"{phase.name}: requests that nobody answered", self._count(phase, None), 0)
        self.expect(f"requests that {VICTIM} got while it was down", self._count(known, VICTIM), 0)
        for phase in (well, again):
            if self._count(phase, VICTIM) == 0:
                self.fail(f"{phase.name}: {VICTIM} got no request")
        for ld, seconds in self.seen.items():
            if seconds > 2 * FALL_S:
                self.fail(f"{ld} took {seconds:.1f} s to see that {VICTIM} has stopped")

    def _count(self, phase: Phase, name: Optional[str]) -> int:
        return sum(answer.name == name and phase.begin <= answer.began < phase.end for answer in self.answers)

    def report(self, measured: Measured) -> str:
        seen = ", ".join(f"{ld} after {seconds:.1f} s" for ld, seconds in sorted(self.seen.items()))
        columns = ("", "for", *plan.REAL_SERVERS, "nobody")
        return "\n".join(
            [
                heading(f"Health checks: nginx of {VICTIM}, in a VPC, stops and returns (from the answers)"),
                table(columns, [phase.row(self.answers) for phase in self.phases]),
                f"  {VICTIM} was down for {seen} (sluice get rs)",
            ]
        )


def _states(lab: Lab) -> list[dict[str, Any]]:
    return [item for item in lab.sluice.get("rs") if (item["service"], item["rs"]) == (SERVICE, VICTIM)]


def _all(lab: Lab, health: str, least_percent: float) -> bool:
    return all(item["health"] == health and item["share_percent"] >= least_percent for item in _states(lab))


def _seconds_since(begin: datetime.datetime, text: str) -> float:
    return (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - begin).total_seconds()
