"""A real server is drained: its connections go on and new ones go elsewhere, and `sluice drain rs` ends when the last one has. Then it
is in use again."""

import time
from typing import Any

from .. import background, controller, plan, tools
from ..controller import Controller
from ..errors import LabError
from ..measure import Measured
from ..processes import wait_for
from ..show import Lab, Show
from ..terminal import heading, table
from .health import Answer, Phase
from .under_load import CONNECTIONS, UnderLoad

DRAINED = "rs2"
PER_S = 40
STEADY_S = 1.5
# How long LDs remember a connection that both ends have closed, and more.
PATIENCE_S = 60


class DrainShow(Show):
    name = "drain"

    def run(self, lab: Lab) -> str:
        drain = ("drain", "rs", plan.SERVICE, DRAINED)
        with controller.running(lab) as running:
            running.sluice("apply")
            self.load = UnderLoad(lab, f"{DRAINED} drained")
            requests = background.start(lab.node(plan.CLIENT), "requests", plan.VIP, plan.VIP_PORT, PER_S)
            began = time.monotonic()
            time.sleep(STEADY_S)
            told = time.monotonic()
            running.sluice(*drain, "--no-wait")
            wait_for(lambda: _drain(running) is not None, "LDs drain", lab.programs)
            drained = time.monotonic()
            time.sleep(STEADY_S)
            self.left = int(_drain(running)["sessions"])
            with tools.running(lab.node(plan.SWITCH), *running.command(*drain)) as waiting:
                self.was_waited_for = waiting.poll() is None
                self.load.end()  # its connections are closed now
                said = tools.output_of(waiting, PATIENCE_S)
                if waiting.returncode != 0 or f"no LD has a session of {DRAINED}" not in said:
                    raise LabError(f"sluice {' '.join(drain)}: exit status {waiting.returncode}: {said}")
            complete = time.monotonic()
            self.after = int(_drain(running)["sessions"])
            running.sluice(*drain, "--cancel")
            again = time.monotonic()
            time.sleep(STEADY_S)
            self.answers = [Answer(*one) for one in background.end(requests)]
        self.phases = (
            Phase("in use", began, told),
            Phase("drained, its connections go on", drained, self.load.result.ended),
            Phase("until its last session has ended", self.load.result.ended, complete),
            Phase("in use again", again, time.monotonic()),
        )
        self.drained_at = drained
        lab.sluice.check_nothing_to_do()
        self._judge()
        return f"{DRAINED} drained under {CONNECTIONS} connections and {PER_S} new ones/s"

    def _judge(self) -> None:
        self.load.judge(self)
        self.expect("requests that nobody answered", self._count(None, *self.phases), 0)
        self.expect(f"new connections that {DRAINED} got while it was drained", self._count(DRAINED, *self.phases[1:3]), 0)
        for phase in (self.phases[0], self.phases[3]):
            if self._count(DRAINED, phase) == 0:
                self.fail(f"{phase.name}: {DRAINED} got no connection")
        self.expect(f"sessions of {DRAINED} when its drain was complete", self.after, 0)
        if self.left < len(self._its_connections()) or not self._its_connections():
            self.fail(f"{self.left} sessions were left, of {len(self._its_connections())} connections")
        if not self.was_waited_for:
            self.fail("sluice drain rs did not wait for connections that went on")
        silent = [one["port"] for one in self._its_connections() if not self._goes_on(one)]
        self.expect(f"connections of {DRAINED} without an answer while it was drained", silent, [])

    def _its_connections(self) -> "list[dict[str, Any]]":
        return [one for one in self.load.result.stayed if one["peers"] and one["peers"][0].startswith(f"{DRAINED} ")]

    def _goes_on(self, one: "dict[str, Any]") -> bool:
        return any(asked > self.drained_at for asked, _ in one["answers"])

    def _count(self, name: "str | None", *phases: Phase) -> int:
        return sum(
            answer.name == name and phase.begin <= answer.began < phase.end for answer in self.answers for phase in phases
        )

    def report(self, measured: Measured) -> str:
        return "\n".join(
            [
                heading(f"Real server {DRAINED} is drained and comes back (from the answers to new connections)"),
                table(("", "for", *plan.REAL_SERVERS, "nobody"), [phase.row(self.answers) for phase in self.phases]),
                f"  {self.left} sessions of {DRAINED} were left, {len(self._its_connections())} of them connections that"
                f" went on; sluice drain rs ended with the last one",
                *self.load.lines(),
            ]
        )


def _drain(running: Controller) -> Any:
    """What the LDs say of it; None while they do not know."""
    return next((one for one in running.measured("drains") if (one["service"], one["rs"]) == (plan.SERVICE, DRAINED)), None)
