"""LDs fail under connections in transfer and new ones that come, and return. No controller does anything."""

import json
import os
import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Iterator, Sequence

from .. import background, faults, plan, tools, udp_echo
from ..bucket import bucket_of
from ..chart import histogram
from ..errors import LabError
from ..measure import Measured
from ..nodes import LabNode
from ..show import Lab, Show
from ..terminal import heading, table
from .failover_round import STALL_BAR_S, Outage, Round, drawing

VICTIM, OTHER = "ld1", "ld2"
# The lab's own is longer, so that no other show meets a failover. This one is for a machine that does nothing else.
HOLD_MS = int(os.environ.get("SLUICE_HOLD_MS", "100"))
_HEARTBEAT_MS = 10  # what sluice.yaml means by saying nothing
_CLUSTER, _LAB_HOLD = "edge", "hold_ms: 500"
# With $SLUICE_FAILOVER, a product such as 500x200x20: connections, new ones a second, rounds of all faults.
CONNECTIONS, NEW_PER_S, ROUNDS = (int(n) for n in os.environ.get("SLUICE_FAILOVER", "20x20x1").split("x"))
# Of the connections, those that wait for each answer.
PATIENT = CONNECTIONS // 10
INTERVAL_MS = 100
# The hosts' smallest retransmission timer. 0: as their kernel has it.
RTO_MIN_MS = int(os.environ.get("SLUICE_RTO_MIN_MS", "0"))
_RTO_MIN = Path("/proc/sys/net/ipv4/tcp_rto_min_us")
_LINUX_RTO_MIN_MS = 200  # TCP_RTO_MIN, where the kernel has no such setting
BEFORE_S, DOWN_S, AFTER_S = 1.0, 2.0, 2.0
_ECHO_PORT = 7
_PROBES_PER_LD, _PROBE_INTERVAL_MS, _PROBE_PORTS = 3, 5, range(41000, 41100)
_EDGES_MS = (20, 50, 100, 150, 200, 250, 500, 1000)

Plan = Sequence[tuple[str, faults.Fault]]


def planned() -> dict[str, Plan]:
    """The rounds by name: which LD meets which fault, one after the other."""
    every: dict[str, Plan] = {name: [(VICTIM, fault)] for name, fault in faults.BY_NAME.items()}
    kill = faults.BY_NAME["kill"]
    every["sequence"] = [(VICTIM, kill), (OTHER, kill)]  # what the second one has was given to it by the first
    names = os.environ.get("SLUICE_FAULTS", ",".join(every)).split(",")
    unknown = [name for name in names if name not in every]
    if unknown:
        raise LabError(f"SLUICE_FAULTS: {unknown[0]!r} is none of {', '.join(every)}")
    return {name: every[name] for name in names}


class FailoverShow(Show):
    name = "failover"

    def run(self, lab: Lab) -> str:
        self.rounds: list[Round] = []
        self.skipped: list[str] = []
        _apply_hold(lab, _LAB_HOLD, f"hold_ms: {HOLD_MS}")
        hosts = [lab.node(name) for name in (plan.CLIENT, *plan.REAL_SERVERS)]
        self.rto_min_ms = _set_rto_min(hosts)
        with ExitStack() as stack:
            for name in plan.REAL_SERVERS:
                tools.wait_until_ready(stack.enter_context(_echo_server(lab.node(name))))
            ports = _probe_ports(lab)
            for _ in range(ROUNDS):
                for steps in planned().values():
                    self._round_if_possible(lab, steps, ports)
        _apply_hold(lab, f"hold_ms: {HOLD_MS}", _LAB_HOLD)
        traffic = f"{CONNECTIONS} connections in transfer and {NEW_PER_S} new ones/s"
        return f"{len(self.rounds)} rounds of faults under {traffic}"

    def _round_if_possible(self, lab: Lab, steps: Plan, ports: Sequence[int]) -> None:
        for _, fault in steps:
            reason = fault.unavailable()
            if reason:
                self.skipped.append(f"{fault.name}: not shown, {reason}")
                return
        self.rounds.append(_round(lab, steps, ports))
        self._judge(self.rounds[-1])

    def _judge(self, result: Round) -> None:
        for what, found in (
            ("connections lost", result.resets()),
            ("connections that changed their session", result.moved()),
            ("requests without an answer", result.unanswered()),
            ("new connections that failed", result.failed_new()),
        ):
            self.expect(f"{result.name}: {what}", found, 0)
        for error in [one["error"] for one in result.stayed if one["error"] is not None][:1]:
            self.fail(f"{result.name}: {error}")

    def report(self, measured: Measured) -> str:
        by_name: dict[str, list[Round]] = {}
        for result in self.rounds:
            by_name.setdefault(result.name, []).append(result)
        worst = [max(rounds, key=Round.longest_stall) for rounds in by_name.values()]
        return "\n".join(
            [
                heading("Failover: no controller acts; the LD returns with all sessions"),
                f"  {CONNECTIONS} connections: {CONNECTIONS - PATIENT} ask every {INTERVAL_MS} ms,"
                f" {PATIENT} wait for each answer first; {NEW_PER_S} new ones/s",
                f"  hold time {HOLD_MS} ms, a heartbeat every {_HEARTBEAT_MS} ms;"
                f" smallest RTO of the hosts' TCP {self.rto_min_ms} ms",
                table(_COLUMNS, [_row(name, rounds) for name, rounds in by_name.items()]),
                *(f"  {line}" for line in dict.fromkeys(self.skipped)),
                "",
                "  Connections that wait for their answers, new ones, and the client itself",
                table(_OTHER_COLUMNS, [_other_row(name, rounds) for name, rounds in by_name.items()]),
                "",
                "  Connections by their longest stall, of all rounds",
                table(_histogram_columns(), [_histogram_row(name, rounds) for name, rounds in by_name.items()]),
                "",
                *(line for result in worst for line in drawing(result)),
            ]
        )


_COLUMNS = (
    "fault", "rounds", "connections", "resets", "lost bytes", "longest stall", f"< {1000 * STALL_BAR_S:.0f} ms",
    "network outage", "at return",
)  # fmt: skip
_OTHER_COLUMNS = ("fault", "ask and wait", "new ones", "failed", "slowest", "client late")


def _row(name: str, rounds: Sequence[Round]) -> Sequence[object]:
    return (
        name,
        len(rounds),
        sum(len(one.stayed) for one in rounds),
        sum(one.resets() for one in rounds),
        sum(one.lost_bytes() for one in rounds),
        _ms(one.longest_stall() for one in rounds),
        f"{sum(one.meets_the_bar() for one in rounds)}/{len(rounds)}",
        _ms(one.network_outage(one.failing()) for one in rounds),
        _ms(max(one.stalls(one.coming_back(), False), default=0.0) for one in rounds),
    )


def _other_row(name: str, rounds: Sequence[Round]) -> Sequence[object]:
    return (
        name,
        _ms(max(one.stalls(one.failing(), True), default=0.0) for one in rounds),
        sum(len(one.came) for one in rounds),
        sum(one.failed_new() for one in rounds),
        _ms(one.slowest_new() for one in rounds),
        _ms(one.late_s for one in rounds),
    )


def _ms(values_s: Iterator[float]) -> str:
    """The largest; of several rounds the median before it."""
    sorted_ms = sorted(round(1000 * value) for value in values_s)
    median = f"{sorted_ms[len(sorted_ms) // 2]} … " if len(sorted_ms) > 1 else ""
    return f"{median}{sorted_ms[-1]} ms"


def _histogram_columns() -> Sequence[str]:
    return ("fault", *(f"< {edge} ms" for edge in _EDGES_MS), "more")


def _histogram_row(name: str, rounds: Sequence[Round]) -> Sequence[object]:
    stalls = [1000 * stall for one in rounds for stall in one.stalls(one.failing(), False)]
    return (name, *histogram(stalls, _EDGES_MS))


def _round(lab: Lab, steps: Plan, ports: Sequence[int]) -> Round:
    client = lab.node(plan.CLIENT)
    steady = background.start(client, "steady", plan.VIP, plan.VIP_PORT, CONNECTIONS, PATIENT, INTERVAL_MS, NEW_PER_S)
    probe = background.start(client, "probe", plan.VIP, _ECHO_PORT, _PROBE_INTERVAL_MS, *ports)
    for program in (steady, probe):
        tools.wait_until_ready(program)
    result = Round(_name(steps), began=time.monotonic())
    for ld, fault in steps:
        time.sleep(BEFORE_S)
        outage = Outage(ld, failed=time.monotonic())
        mend = fault.make(lab, ld)
        time.sleep(DOWN_S)
        outage.returning = time.monotonic()
        mend()
        outage.returned = time.monotonic()
        result.outages.append(outage)
        time.sleep(AFTER_S)
    result.ended = time.monotonic()
    seen, result.probes = background.end(steady), background.end(probe)
    result.stayed, result.came, result.late_s = seen["stayed"], [tuple(one) for one in seen["came"]], seen["late_s"]
    return result


def _name(steps: Plan) -> str:
    if len(steps) == 1:
        return steps[0][1].name
    return ", then ".join(f"{ld} {fault.name.split(' (')[0]}" for ld, fault in steps)


def _apply_hold(lab: Lab, old: str, new: str) -> None:
    lab.sluice.change_line(_CLUSTER, old, new)
    lab.sluice.apply()


def _set_rto_min(hosts: Sequence[LabNode]) -> int:
    """Returns what is in force then."""
    if not _RTO_MIN.exists():
        if RTO_MIN_MS:
            raise LabError(f"SLUICE_RTO_MIN_MS: this kernel has no {_RTO_MIN} (Linux 6.11 or later has)")
        return _LINUX_RTO_MIN_MS
    if RTO_MIN_MS:
        for host in hosts:
            host.sh(f"sysctl -q -w net.ipv4.tcp_rto_min_us={1000 * RTO_MIN_MS}")
    return int(hosts[0].sh(f"cat {_RTO_MIN}")) // 1000


def _echo_server(node: LabNode) -> Any:
    serve = (udp_echo.__file__, "serve", plan.address_of(node.name), str(_ECHO_PORT))
    return tools.running(node, sys.executable, "-B", *serve)


def _probe_ports(lab: Lab) -> list[int]:
    """Source ports of as many flows that have their buckets at each of the LDs."""
    entries = json.loads(lab.sluice("table", "dump", "ld_of_bucket", "-f", str(lab.sluice.file), "--output", "json"))
    primary = {int(entry["match"]["bucket"]): int(entry["params"]["ld_id"]) for entry in entries if entry["match"]}
    source, chosen = plan.address_of(plan.CLIENT), []
    left = {ld_id: _PROBES_PER_LD for ld_id in primary.values()}
    for port in _PROBE_PORTS:
        ld_id = primary[bucket_of(source, port, plan.VIP, _ECHO_PORT, socket.IPPROTO_UDP)]
        if left[ld_id] > 0:
            left[ld_id] -= 1
            chosen.append(port)
    return chosen
