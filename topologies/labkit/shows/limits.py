"""The bandwidth limit of an EIP, both ways at once: far more low-priority traffic than it allows, and a small paced
flow of high priority, which must not notice."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Sequence

from .. import iperf, plan, tools
from ..measure import Measured, switch_drops
from ..show import Lab, Show
from ..terminal import heading, table

# Over this time the limit is kept within 5 %, by traffic that does not give way. What the limit would have let through while the
# switch had no CPU for longer than the limit's tolerance is lost: then it is what passes in most moments of the time.
WINDOW_S = 5.0
UDP_AT_LEAST = 0.95
AT_MOST = 1.05
# TCP gives way to losses, so that it may offer less than the limit: what passes then is its own doing. At a round trip
# of less than a millisecond the limit is a window of a segment or two, and a timeout of 200 ms costs far more than
# that.
TCP_AT_LEAST = 0.3
TCP_WINDOW_S = 3.0
OVERLOAD = 3.0  # times the limit
LOW_PORT = 5201
HIGH_PORT = 22
PACED_BYTES = 500
# Until all flows have begun; what the limit allows as a burst is then over.
BEGIN_S = 1.0


@dataclass(frozen=True)
class Direction:
    """What passed the limit one way."""

    name: str
    limit_bps: int
    passed: tools.Received
    paced: iperf.Flow


@dataclass(frozen=True)
class Round:
    overload: str
    least: float  # of the limit, that has to pass
    directions: Sequence[Direction]


class LimitsShow(Show):
    name = "limits"

    def run(self, lab: Lab) -> str:
        (eip,) = [item for item in lab.sluice.get("eips") if item["name"] == plan.LIMITED_EIP.name]
        self.limits = (int(eip["limit_in_bps"]), int(eip["limit_out_bps"]))
        self.paced_bps = lab.load.paced_bps
        udp = iperf.udp(OVERLOAD * max(self.limits), 1200)
        before = switch_drops(lab.sluice)["rate_limit"]
        self.rounds = [
            self._round(lab, f"UDP, {OVERLOAD:g} × the limit", UDP_AT_LEAST, WINDOW_S, udp),
            self._round(lab, "4 × TCP", TCP_AT_LEAST, TCP_WINDOW_S, ("--parallel", "4")),
        ]
        self.dropped = switch_drops(lab.sluice)["rate_limit"] - before
        for item in self.rounds:
            for way in item.directions:
                what = f"{item.overload}, {way.name}"
                wrong = way.passed.outside(way.limit_bps, item.least, AT_MOST)
                if wrong:
                    self.fail(f"{what}: {wrong}")
                self.expect(f"{what}: packets lost of the paced flow on port {HIGH_PORT}", way.paced.lost, 0)
        return f"iperf3 against the limit of EIP {plan.LIMITED_EIP.address}, UDP and TCP, both ways"

    def _round(self, lab: Lab, overload: str, least: float, window_s: float, options: Sequence[str]) -> Round:
        eip = plan.LIMITED_EIP
        client, vm = lab.node(plan.CLIENT), lab.node(eip.vm)
        seconds = BEGIN_S + window_s + 0.5
        pace = iperf.udp(self.paced_bps, PACED_BYTES)
        with ExitStack() as servers:
            for port in (LOW_PORT, HIGH_PORT):
                servers.enter_context(tools.running(vm, *iperf.server(eip.vm_address, port)))
                tools.wait_for_listener(vm, port)
            low = iperf.client(eip.address, LOW_PORT, seconds, "--bidir", *options)
            high = iperf.client(eip.address, HIGH_PORT, seconds, "--bidir", *pace)
            with tools.running(client, *high) as paced, tools.running(client, *low) as loaded:
                time.sleep(BEGIN_S)
                passed = tools.received([vm, client], window_s)
                flows = iperf.udp_flows(iperf.parse(tools.output_of(paced, seconds + 60)))
                iperf.parse(tools.output_of(loaded, seconds + 60))
        directions = [Direction(*way) for way in zip(("in", "out"), self.limits, passed, flows)]
        return Round(overload, least, directions)

    def report(self, measured: Measured) -> str:
        rows = [
            (
                item.overload,
                way.name,
                f"{way.limit_bps / 1e6:g} Mbit/s",
                f"{way.passed.overall_bps / 1e6:.2f} Mbit/s",
                f"{way.passed.overall_bps / way.limit_bps:.1%}",
                f"{way.paced.lost} of {way.paced.sent:,}",
            )
            for item in self.rounds
            for way in item.directions
        ]
        columns = ("overload", "direction", "limit", "passed", "of the limit", "lost of the paced flow")
        eip = plan.LIMITED_EIP
        return "\n".join(
            [
                heading(f"Limit of EIP {eip.address} (from the interfaces of {eip.vm} and {plan.CLIENT})"),
                table(columns, rows),
                f"  paced flow: {self.paced_bps / 1e3:g} kbit/s of UDP on port {HIGH_PORT}, which has high priority",
                f"  dropped by the switch as rate_limit: {self.dropped:,} packets",
            ]
        )
