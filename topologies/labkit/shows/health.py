"""A real server in a VPC stops answering and returns, under new connections to a VIP of each family: health checks by the LDs, of its
IPv4 and of its IPv6 address, take it out and bring it back."""

import datetime
import signal
import time
from dataclasses import dataclass
from typing import Any, Optional, Sequence

from .. import background, parts, plan
from ..measure import Measured
from ..processes import wait_for
from ..requests import LIMIT_S
from ..show import Lab, Show
from ..terminal import heading, table

VICTIM = "rs2"
# Service → its VIP, and new connections a second. Of web-v6 the victim is a real server by its IPv6 address.
SERVICES = {"web": (plan.VIP, 40), "web-v6": (plan.VIP_V6, 20)}
# As sluice.yaml has it for the services, the LDs know after 3.5 s (fall × interval_ms + timeout_ms), where they get their CPUs.
PATIENCE_S = 60
STEADY_S = 3.0
# As sluice.yaml has it: no LD gives it its whole weight sooner. A busy machine makes it later only.
SLOW_START_S = 4.0

# Of the share that it has afterwards. It gets 55 % of its weight on the average, and all of it until the LDs' agents have said so.
_LESS_THAN_ALL = 0.95


@dataclass(frozen=True)
class Answer:
    """When a request began, who answered it (None: nobody), and when it ended."""

    began: float
    name: Optional[str]
    ended: float = 0.0

    def was_cut_off(self, stopped: float) -> bool:
        """Nobody answered, because a server was stopped at this time; not because nobody did for as long as was waited for."""
        return self.name is None and self.began < stopped <= self.ended < self.began + LIMIT_S


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
        client = lab.node(plan.CLIENT)
        loads = {
            service: background.start(client, "requests", vip, plan.VIP_PORT, per_s)
            for service, (vip, per_s) in SERVICES.items()
        }
        began = time.monotonic()
        time.sleep(STEADY_S)
        stopped = time.monotonic()
        wall = datetime.datetime.now(datetime.timezone.utc)
        lab.programs.end(VICTIM, signal.SIGKILL)
        wait_for(lambda: _all(lab, "down", 0), f"{VICTIM} is down for all LDs", lab.programs, PATIENCE_S)
        self.seen = {(item["ld"], item["service"]): _seconds_since(wall, item["since"]) for item in _states(lab)}
        down = time.monotonic()
        time.sleep(STEADY_S)
        started = time.monotonic()
        parts.start_web_server(lab.programs, lab.directory, lab.node(VICTIM))
        wait_for(lambda: _all(lab, "up", 1), f"{VICTIM} is up for all LDs", lab.programs, PATIENCE_S)
        up = time.monotonic()
        wait_for(lambda: _all(lab, "up", 100), f"{VICTIM} has its weight back", lab.programs, PATIENCE_S)
        back = time.monotonic()
        wall = datetime.datetime.now(datetime.timezone.utc)
        self.rising = {(item["ld"], item["service"]): -_seconds_since(wall, item["since"]) for item in _states(lab)}
        time.sleep(STEADY_S)
        self.answers = {service: [Answer(*one) for one in background.end(load)] for service, load in loads.items()}
        self.phases = (
            Phase("all are well", began, stopped),
            Phase(f"{VICTIM} has stopped", stopped, down),
            Phase("its LDs know", down, started),
            Phase(f"{VICTIM} has started", started, up),
            Phase("slow start", up, back),
            Phase("all are well", back, time.monotonic()),
        )
        self._judge()
        per_s = sum(per_s for _, per_s in SERVICES.values())
        return f"{VICTIM} stopped and returned under {per_s} new connections/s to VIPs of both families"

    def _judge(self) -> None:
        well, _, known, _, slow, again = self.phases
        for service in SERVICES:
            for phase in (well, known, slow, again):
                self.expect(f"{service}, {phase.name}: requests that nobody answered", self._count(service, phase, None), 0)
            self.expect(f"{service}: requests that {VICTIM} got while it was down", self._count(service, known, VICTIM), 0)
            for phase in (well, again):
                if self._count(service, phase, VICTIM) == 0:
                    self.fail(f"{service}, {phase.name}: {VICTIM} got no request")
            if self._victims_share(service, slow) > _LESS_THAN_ALL * self._victims_share(service, again):
                self.fail(f"{service}, {slow.name}: {VICTIM} got as large a share of the requests as afterwards")
        for (ld, service), seconds in self.rising.items():
            if seconds < SLOW_START_S:
                self.fail(f"{service}: {VICTIM} had its weight back at {ld} after {seconds:.1f} s, not {SLOW_START_S:g} s or more")

    def _victims_share(self, service: str, phase: Phase) -> float:
        answered = sum(self._count(service, phase, name) for name in plan.REAL_SERVERS)
        return self._count(service, phase, VICTIM) / max(1, answered)

    def _count(self, service: str, phase: Phase, name: Optional[str]) -> int:
        stopped = self.phases[0].end
        return sum(
            answer.name == name and phase.begin <= answer.began < phase.end and not answer.was_cut_off(stopped)
            for answer in self.answers[service]
        )

    def report(self, measured: Measured) -> str:
        columns = ("", "for", *plan.REAL_SERVERS, "nobody")
        lines = [heading(f"Health checks: nginx of {VICTIM}, in a VPC, stops and returns (from the answers)")]
        for service, (vip, _) in SERVICES.items():
            seen = [f"{ld} after {seconds:.1f} s" for (ld, its), seconds in sorted(self.seen.items()) if its == service]
            lines += [
                f"  {service}, VIP {vip}: {VICTIM} was down for {', '.join(seen)} (sluice get rs)",
                table(columns, [phase.row(self.answers[service]) for phase in self.phases]),
            ]
        return "\n".join(lines)


def _states(lab: Lab) -> list[dict[str, Any]]:
    return [item for item in lab.sluice.get("rs") if item["service"] in SERVICES and item["rs"] == VICTIM]


def _all(lab: Lab, health: str, least_percent: float) -> bool:
    """Whether every LD says so, for each of the services."""
    return all(item["health"] == health and item["share_percent"] >= least_percent for item in _states(lab))


def _seconds_since(begin: datetime.datetime, text: str) -> float:
    return (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - begin).total_seconds()
