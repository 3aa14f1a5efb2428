"""The bandwidth limit of an EIP, both ways at once: far more low-priority traffic than it allows, and a small paced
flow of high priority, which must not notice."""

import time
from dataclasses import dataclass
from typing import Sequence

from .. import iperf, plan, tools
from ..measure import Measured, switch_drops
from ..show import Lab, Show
from ..terminal import heading, table

# The sum may be so far from the limit over this time.
TOLERANCE = 0.05
WINDOW_S = 5.0
# TCP gives way to losses: it need not fill the limit, but has to get most of it.
TCP_AT_LEAST = 0.5
TCP_WINDOW_S = 3.0
OVERLOAD = 3.0  # times the limit
LOW_PORT = 5201
HIGH_PORT = 22
PACED_BPS = 400_000
PACED_BYTES = 500
# Until all flows have begun; what the limit allows as a burst is then over.
BEGIN_S = 1.0


@dataclass(frozen=True)
class Direction:
    """What passed the limit one way."""

    name: str
    limit_bps: int
    passed_bps: float
    paced: iperf.Flow

    @property
    def ratio(self) -> float:
        return self.passed_bps / self.limit_bps


@dataclass(frozen=True)
class Round:
    overload: str
    least: float  # of the limit, that has to pass
    directions: Sequence[Direction]


class LimitsShow(Show):
    name = "limits"

    def run(self, lab: Lab) -> str:
        (eip,) = [item for item in lab.sluice.get("eips") if item["name"] == plan.EIP.name]
        self.limits = (int(eip["limit_in_bps"]), int(eip["limit_out_bps"]))
        udp = iperf.udp(OVERLOAD * max(self.limits), 1200)
        before = switch_drops(lab.sluice)["rate_limit"]
        self.rounds = [
            self._round(lab, f"UDP, {OVERLOAD:g} × the limit", 1 - TOLERANCE, WINDOW_S, udp),
            self._round(lab, "4 × TCP", TCP_AT_LEAST, TCP_WINDOW_S, ("--parallel", "4")),
        ]
        self.dropped = switch_drops(lab.sluice)["rate_limit"] - before
        for item in self.rounds:
            for way in item.directions:
                what = f"{item.overload}, {way.name}"
                if not item.least <= way.ratio <= 1 + TOLERANCE:
                    self.fail(f"{what}: {way.passed_bps / 1e6:.2f} Mbit/s passed, {way.ratio:.1%} of the limit")
                self.expect(f"{what}: packets lost of the paced flow on port {HIGH_PORT}", way.paced.lost, 0)
        return f"iperf3 against the limit of EIP {plan.EIP.address}, UDP and TCP, both ways"

    def _round(self, lab: Lab, overload: str, least: float, window_s: float, options: Sequence[str]) -> Round:
        client, vm = lab.node(plan.CLIENT), lab.node(plan.VM)
        seconds = BEGIN_S + window_s + 0.5
        with tools.running(vm, *iperf.server(LOW_PORT)), tools.running(vm, *iperf.server(HIGH_PORT)):
            for port in (LOW_PORT, HIGH_PORT):
                tools.wait_for_listener(vm, port)
            low = iperf.client(plan.EIP.address, LOW_PORT, seconds, "--bidir", *options)
            high = iperf.client(plan.EIP.address, HIGH_PORT, seconds, "--bidir", *iperf.udp(PACED_BPS, PACED_BYTES))
            with tools.running(client, *high) as paced, tools.running(client, *low) as loaded:
                time.sleep(BEGIN_S)
                start, vm_before, client_before = time.monotonic(), tools.traffic_of(vm), tools.traffic_of(client)
                time.sleep(window_s)
                end, vm_after, client_after = time.monotonic(), tools.traffic_of(vm), tools.traffic_of(client)
                flows = iperf.udp_flows(iperf.parse(tools.output_of(paced, seconds + 10)))
                iperf.parse(tools.output_of(loaded, seconds + 10))
        passed = ((vm_after - vm_before).rx_bytes, (client_after - client_before).rx_bytes)
        directions = [
            Direction(name, limit, 8 * octets / (end - start), flow)
            for name, limit, octets, flow in zip(("in", "out"), self.limits, passed, flows)
        ]
        return Round(overload, least, directions)

    def report(self, measured: Measured) -> str:
        rows = [
            (
                item.overload,
                way.name,
                f"{way.limit_bps / 1e6:g} Mbit/s",
                f"{way.passed_bps / 1e6:.2f} Mbit/s",
                f"{way.ratio:.1%}",
                f"{way.paced.lost} of {way.paced.sent:,}",
            )
            for item in self.rounds
            for way in item.directions
        ]
        columns = ("overload", "direction", "limit", "passed", "of the limit", "lost of the paced flow")
        return "\n".join(
            [
                heading(f"Limit of EIP {plan.EIP.address} (from the interfaces of {plan.VM} and {plan.CLIENT})"),
                table(columns, rows),
                f"  paced flow: {PACED_BPS / 1e3:g} kbit/s of UDP on port {HIGH_PORT}, which has high priority",
                f"  dropped by the switch as rate_limit: {self.dropped:,} packets",
            ]
        )
