"""LDs fail under connections in transfer and new ones that come, and return. No controller does anything."""

import os
import re
import signal
import time
from pathlib import Path
from typing import Iterator, Optional, Sequence

from .. import faults, parts, plan
from ..chart import histogram
from ..errors import LabError
from ..measure import Measured
from ..nodes import LabNode
from ..show import Lab, Show
from ..terminal import heading, table
from .failover_capture import Capture, directory
from .failover_round import STALL_BAR_S, Outage, Round
from .failover_told import Told
from .failover_traffic import CALM_S, INTERVAL_MS, Traffic
from .failover_why import why

VICTIM, OTHER = "ld1", "ld2"
# The lab's own is longer, so that no other show meets a failover. This one is for a machine that does nothing else.
HOLD_MS = int(os.environ.get("SLUICE_HOLD_MS", "100"))
_HEARTBEAT_MS = 10  # what sluice.yaml means by saying nothing
_CLUSTER, _LAB_HOLD = "edge", "hold_ms: 500"
# With $SLUICE_FAILOVER, a product such as 500x200x20: connections, new ones a second, rounds of all faults.
CONNECTIONS, NEW_PER_S, ROUNDS = (int(n) for n in os.environ.get("SLUICE_FAILOVER", "20x20x1").split("x"))
# Of the connections, those that wait for each answer.
PATIENT = CONNECTIONS // 10
# The hosts' smallest retransmission timer. 0: as their kernel has it.
RTO_MIN_MS = int(os.environ.get("SLUICE_RTO_MIN_MS", "0"))
_RTO_MIN = Path("/proc/sys/net/ipv4/tcp_rto_min_us")
_LINUX_RTO_MIN_MS = 200  # TCP_RTO_MIN, where the kernel has no such setting
# A round begins when all has been in time for a second.
DOWN_S, AFTER_S = 2.0, 1.0
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
        self.broken: list[str] = []
        plans, into = planned(), directory()
        skipped = {name: reason for name in plans for reason in [_unavailable(plans[name])] if reason}
        self.skipped = [f"{plans[name][0][1].name}: not shown, {reason}" for name, reason in skipped.items()]
        _apply_hold(lab, _LAB_HOLD, f"hold_ms: {HOLD_MS}")
        hosts = [lab.node(name) for name in (plan.CLIENT, *plan.REAL_SERVERS)]
        self.rto_min_ms = _set_rto_min(hosts)
        self._told = Told(lab)
        self._capture = Capture(lab, into) if into else None
        try:
            self._rounds(lab, [steps for name, steps in plans.items() if name not in skipped])
        finally:
            if self._capture:
                self._capture.end()
        _apply_hold(lab, f"hold_ms: {HOLD_MS}", _LAB_HOLD)
        traffic = f"{CONNECTIONS} connections in transfer and {NEW_PER_S} new ones/s"
        return f"{len(self.rounds)} rounds of faults under {traffic}"

    def _rounds(self, lab: Lab, plans: Sequence[Plan]) -> None:
        """All of them, whatever comes out. Each says on a line what it was like, as soon as it is over."""
        print(_LINE.format(*_LINE_COLUMNS), flush=True)
        traffic: Optional[Traffic] = None
        try:
            for number in range(0 if ROUNDS > 1 else 1, ROUNDS + 1):
                # The soft switch compiles a path when packets first take it, as that to the backup: round 0 is for that.
                for steps in plans if number > 0 else plans[:1]:
                    began = time.monotonic()
                    try:
                        traffic = traffic or Traffic(lab, CONNECTIONS, PATIENT, NEW_PER_S)
                        result = _round(lab, traffic, steps)
                        self._judge(lab, traffic, result, number, time.monotonic() - began)
                    except LabError as error:
                        self._broke(f"round {number}/{ROUNDS}, {_name(steps)}: {error}")
                        self._keep_capture(number, _name(steps))
                        if traffic is not None:
                            traffic.end()
                            traffic = None
                        _mend_lds(lab)
        finally:
            if traffic is not None:
                traffic.end()

    def _broke(self, what: str) -> None:
        self.broken.append(what)
        self.fail(what)
        print(f"      {what}", flush=True)

    def _keep_capture(self, number: int, name: str) -> None:
        if self._capture:
            kept = self._capture.keep(f"{number}-{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}")
            print(f"      captured: {' '.join(str(file) for file in kept)}", flush=True)

    def _judge(self, lab: Lab, traffic: Traffic, result: Round, number: int, took_s: float) -> None:
        if number > 0:
            self.rounds.append(result)
        print(_LINE.format(f"{number}/{ROUNDS}", *_line(result), f"{took_s:.0f} s"), flush=True)
        for line in why(result, traffic.ld_of_connection, HOLD_MS / 1000):
            print(f"      {line}", flush=True)
        result.condense()
        wrong = {what: found for what, found in result.wrong().items() if found}
        for what, found in wrong.items():
            self.expect(f"{result.name}: {what}", found, 0)
        if wrong or result.sent_again(HOLD_MS / 1000)[1]:
            for line in self._told.lines():
                print(f"      {line}", flush=True)
            self._keep_capture(number, result.name)

    def report(self, measured: Measured) -> str:
        by_name: dict[str, list[Round]] = {}
        for result in self.rounds:
            by_name.setdefault(result.name, []).append(result)
        worst = [max(rounds, key=Round.longest_stall) for rounds in by_name.values()]
        broken = [f"  not to its end: {what}" for what in self.broken]
        return "\n".join(
            [
                heading("Failover: no controller acts; the LD returns with all sessions"),
                f"  {CONNECTIONS} connections: {CONNECTIONS - PATIENT} ask every {INTERVAL_MS} ms,"
                f" {PATIENT} wait for each answer first; {NEW_PER_S} new ones/s",
                f"  hold time {HOLD_MS} ms, a heartbeat every {_HEARTBEAT_MS} ms;"
                f" smallest RTO of the hosts' TCP {self.rto_min_ms} ms",
                table(_COLUMNS, [_row(name, rounds) for name, rounds in by_name.items()]),
                *(f"  {line}" for line in self.skipped),
                *broken,
                "",
                "  Connections that wait for their answers, new ones, and the client itself",
                table(_OTHER_COLUMNS, [_other_row(name, rounds) for name, rounds in by_name.items()]),
                "",
                "  Connections by their longest stall, of all rounds",
                table(_histogram_columns(), [_histogram_row(name, rounds) for name, rounds in by_name.items()]),
                "",
                "  CPUs, of each second before a fault: 100 % is one CPU of this machine's " + str(os.cpu_count()),
                table(("program", "ran", "waited for a CPU"), _cpu_rows(self.rounds)),
                "",
                *(line for result in worst for line in result.picture),
            ]
        )


_COLUMNS = (
    "fault", "rounds", "connections", "resets", "lost bytes", "longest stall", f"< {1000 * STALL_BAR_S:.0f} ms",
    "network outage", "at return",
)  # fmt: skip
_OTHER_COLUMNS = (
    "fault", "ask and wait", "new ones", "failed", "slowest", "sent again", "not by the fault", "stall before", "client late",
)  # fmt: skip
_LINE_COLUMNS = (
    "round", "fault", "resets", "lost bytes", "failed new", "new >= 1 s", "stall", "outage", "at return", "stall before", "took",
)  # fmt: skip
_LINE = "  {:>6}  {:<28}  {:>6}  {:>10}  {:>10}  {:>10}  {:>8}  {:>8}  {:>9}  {:>12}  {:>5}"


def _line(result: Round) -> Sequence[object]:
    times = (
        result.longest_stall(),
        result.network_outage(result.failing()),
        max(result.stalls(result.coming_back(), False), default=0.0),
        result.longest_before(),
    )
    in_ms = [f"{1000 * value:.0f} ms" for value in times]
    met, others = result.sent_again(HOLD_MS / 1000)
    counts = (result.resets(), result.lost_bytes(), result.failed_new(), f"{len(met)} + {len(others)}")
    return (result.name, *counts, *in_ms)


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
        *(sum(len(each) for each in kind) for kind in zip(*(one.sent_again(HOLD_MS / 1000) for one in rounds))),
        _ms(one.longest_before() for one in rounds),
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


def _cpu_rows(rounds: Sequence[Round]) -> Sequence[Sequence[object]]:
    names = dict.fromkeys(name for one in rounds for name in one.cpu_before)
    shares = {name: [one.cpu_before[name] for one in rounds if name in one.cpu_before] for name in names}
    mean = {name: [sum(of) / len(each) for of in zip(*((s.ran, s.waited) for s in each))] for name, each in shares.items()}
    return [(name, f"{100 * ran:.0f} %", f"{100 * waited:.0f} %") for name, (ran, waited) in mean.items()]


def _round(lab: Lab, traffic: Traffic, steps: Plan) -> Round:
    """Of a faultless lab with calm traffic, which it leaves as such."""
    result = Round(_name(steps), began=time.monotonic() - CALM_S)
    for ld, fault in steps:
        outage = Outage(ld, failed=time.monotonic())
        result.outages.append(outage)
        mend = fault.make(lab, ld)
        outage.made = time.monotonic()
        time.sleep(DOWN_S)
        outage.returning = time.monotonic()
        mend()
        outage.returned = time.monotonic()
        traffic.programs_changed()
        time.sleep(AFTER_S)
    result.ended = time.monotonic()
    traffic.report(result)
    return result


def _mend_lds(lab: Lab) -> None:
    """Whatever state a round has left them in. Raises LabError when that does not help: then no round has a sense."""
    for ld in plan.LDS:
        if lab.programs.runs(ld):
            lab.programs.end(ld, signal.SIGKILL)
        if not lab.programs.runs(f"{ld}-agent"):
            parts.start_agent(lab.programs, lab.directory, lab.node(ld))
        faults.restart(lab, ld)


def _unavailable(steps: Plan) -> str:
    """Why one of the faults cannot be made here; "" when all can."""
    return next((reason for _, fault in steps for reason in [fault.unavailable()] if reason), "")


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
