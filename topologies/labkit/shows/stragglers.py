"""Connections whose packets come to an LD that has not been told of them: it finds them by the hint of the switch, the LD that had their
bucket before, and passes their packets on."""

import time
from contextlib import ExitStack
from typing import Any

from .. import background, deaf, plan, tools
from ..show import Lab, Show
from .failover_round import Round

COUNT, INTERVAL_MS = 20, 200


class Stragglers:
    """From the first connection on, the LD of that name is told of no session, until `told`."""

    def __init__(self, lab: Lab, ld: str) -> None:
        self._lab, self._ld = lab, ld
        self._held = ExitStack()
        self._held.enter_context(deaf.to_replication(lab.programs.part(ld).popen.pid))
        self._load = background.start(
            lab.node(plan.CLIENT), "steady", plan.VIP, plan.VIP_PORT, COUNT, 0, INTERVAL_MS, 1
        )  # fmt: skip
        tools.wait_until_ready(self._load)
        self._before = self._counted()

    def turned(self) -> None:
        """The switch sends the service's packets to the LD."""
        self._turned = time.monotonic()

    def told(self) -> None:
        """The LD is told again, from now on."""
        self._rounds = [_round("before it was told", background.report(self._load))]
        tools.wait_until_ready(self._load)
        self.passed_on = self._counted() - self._before
        self._held.close()

    def end(self) -> None:
        self._rounds.append(_round("afterwards", background.end(self._load)))

    def judge(self, show: Show) -> None:
        for seen in self._rounds:
            for what, found in seen.wrong().items():
                show.expect(f"stragglers, {seen.name}: {what}", found, 0)
        asked = [sum(began > self._turned for began, _ in one["answers"]) for one in self._rounds[0].stayed]
        self.asked = sum(asked)
        show.expect("stragglers that asked nothing when the switch had turned", asked.count(0), 0)
        if self.passed_on < self.asked:
            show.fail(f"{self._ld} passed {self.passed_on} packets on, of connections that had {self.asked} answers by it")

    def line(self) -> str:
        """For a report."""
        return (
            f"  {COUNT} connections that {self._ld} had not been told of: {self.asked} requests answered, {self.passed_on} packets passed on"
            " to the LD before (the hint of the switch)"
        )

    def _counted(self) -> int:
        """Packets that the LD has passed on."""
        counters = self._lab.sluice.get("counters")
        (value,) = [one["value"] for one in counters if (one["part"], one["counter"]) == (self._ld, "passed_on")]
        return int(value)


def _round(name: str, seen: "dict[str, Any]") -> Round:
    return Round(name, 0.0, stayed=seen["stayed"], came=seen["came"])
