"""Connections in transfer, new ones and datagrams, to the VIP, while a show changes something: begun, ended and judged in one way."""

import time
from contextlib import ExitStack

from .. import background, plan, tools
from ..show import Lab, Show
from .failover_round import STALL_BAR_S, Round

CONNECTIONS, PATIENT, INTERVAL_MS, NEW_PER_S = 100, 10, 100, 20
# Source ports of datagrams that go there and back: of a packet that is lost there, no TCP makes a late one.
_FLOWS, _FLOW_INTERVAL_MS = range(41000, 41016), 40


class UnderLoad:
    """The load, from its first connection on. `result` is what the connections saw, once it has ended."""

    def __init__(self, lab: Lab, what: str) -> None:
        client = lab.node(plan.CLIENT)
        self._servers = ExitStack()
        for name in plan.REAL_SERVERS:
            self._servers.enter_context(tools.udp_echo_server(lab.node(name), plan.address_of(name)))
        self._flows = background.start(client, "probe", plan.VIP, tools.ECHO_PORT, _FLOW_INTERVAL_MS, *_FLOWS)
        tools.wait_until_ready(self._flows)
        self._load = background.start(
            client, "steady", plan.VIP, plan.VIP_PORT, CONNECTIONS, PATIENT, INTERVAL_MS, NEW_PER_S
        )  # fmt: skip
        tools.wait_until_ready(self._load)
        self.result = Round(what, began=time.monotonic())

    def end(self) -> None:
        """Returns when all requests have been answered, or will not be."""
        self.result.ended = time.monotonic()
        seen = background.end(self._load)
        self.result.stayed, self.result.came = seen["stayed"], seen["came"]
        self.result.late_s = seen["late_s"]
        self._took = [took for flow in background.end(self._flows) for took in flow["took"]]
        self._servers.close()

    def judge(self, show: Show) -> None:
        """Nothing may have been lost. Times are only shown: they are of the machine as well."""
        missing = {"datagrams without an answer": self._took.count(None)}
        for what, found in {**self.result.wrong(), **missing}.items():
            show.expect(what, found, 0)

    def lines(self) -> "list[str]":
        """For a report."""
        result = self.result
        stall = max(result.stalls([(result.began, result.ended)], False), default=0.0)
        bar = "" if stall < STALL_BAR_S else f" (over {1000 * STALL_BAR_S:.0f})"
        return [
            f"  {CONNECTIONS} connections in transfer: {result.resets()} lost, {result.unanswered()} requests"
            f" without an answer, longest stall {1000 * stall:.0f} ms{bar}",
            f"  {len(result.came)} new connections: {result.failed_new()} failed,"
            f" the slowest took {1000 * result.slowest_new():.0f} ms",
            f"  {len(self._took):,} datagrams of {len(_FLOWS)} flows: {self._took.count(None)} without an answer",
        ]
