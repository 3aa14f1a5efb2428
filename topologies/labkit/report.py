"""What the lab shows at its end. Every number was read from the part that it is about."""

from dataclasses import dataclass
from typing import Sequence

from . import eip, plan
from .terminal import heading, paint, table
from .traffic import Result

SESSIONS_SHOWN_PER_LD = 4


@dataclass(frozen=True)
class Session:
    """A session as an LD holds it."""

    ld: str
    client: str
    vip: str
    local: str
    rs: str
    rs_address: str
    state: str
    bucket: int


@dataclass(frozen=True)
class Ld:
    """An LD's own counters."""

    name: str
    sessions_total: int  # ever opened
    sessions_active: int
    buckets: int
    packets_in: int
    packets_out: int
    drops: dict[str, int]


@dataclass(frozen=True)
class Service:
    """A service as the switch counts it."""

    name: str
    vip: str
    cluster: str
    packets: int
    bytes: int


@dataclass(frozen=True)
class Eip:
    """An EIP as the switch holds and counts it."""

    name: str
    address: str
    bound: str
    packets_in: int
    bytes_in: int
    packets_out: int
    bytes_out: int


@dataclass(frozen=True)
class Measured:
    """Everything the report needs."""

    traffic: Result
    lds: Sequence[Ld]
    sessions: Sequence[Session]
    services: Sequence[Service]
    buckets: dict[str, int]  # that the switch sends to each LD
    switch_drops: dict[str, int]
    eip_traffic: eip.EipTraffic
    eips: Sequence[Eip]


def verdict(measured: Measured) -> list[str]:
    """What is wrong, one line each; empty when the lab has passed."""
    wrong = list(measured.traffic.failures)
    for rs in plan.REAL_SERVERS:
        if not measured.traffic.per_rs[rs]:
            wrong.append(f"real server {rs} got no request")
    for ld in measured.lds:
        if not ld.sessions_total:
            wrong.append(f"{ld.name} got no session")
    sessions = sum(ld.sessions_total for ld in measured.lds)
    if sessions < measured.traffic.requests:
        wrong.append(f"the LDs opened {sessions} sessions for {measured.traffic.requests} requests")
    wrong += measured.eip_traffic.failures
    for item in measured.eips:
        if min(item.packets_in, item.packets_out) < eip.PINGS + eip.REQUESTS:
            wrong.append(f"EIP {item.name}: the switch counted {item.packets_in} in and {item.packets_out} out")
    return wrong


def show(measured: Measured) -> None:
    print(heading("Path") + "\n" + picture(measured))
    per_rs = measured.traffic.per_rs
    print(heading("Requests per real server (from the answers)"))
    print(table(("RS", "requests", "path"), [(rs, per_rs[rs], plan.RS_PATH[rs]) for rs in plan.REAL_SERVERS]))
    print(heading("Sessions per LD (from the LDs)"))
    columns = ("LD", "buckets", "sessions", "held now", "packets in", "packets out", "drops")
    print(
        table(
            columns,
            [
                (ld.name, ld.buckets, ld.sessions_total, ld.sessions_active, ld.packets_in, ld.packets_out,
                 named(ld.drops))
                for ld in measured.lds
            ],
        )
    )  # fmt: skip
    print(heading("Service (from the switch)"))
    rows = [(s.name, s.vip, s.cluster, s.packets, s.bytes) for s in measured.services]
    print(table(("service", "VIP", "cluster", "packets", "bytes"), rows))
    print(f"  buckets: {named(measured.buckets)}; packets dropped: {named(measured.switch_drops)}")
    show_eips(measured)
    show_sessions(measured.sessions)


def show_eips(measured: Measured) -> None:
    print(heading("EIP (from the switch's binding and counters)"))
    columns = ("EIP", "address", "bound to", "packets in", "bytes in", "packets out", "bytes out")
    print(
        table(
            columns,
            [
                (e.name, e.address, e.bound, e.packets_in, e.bytes_in, e.packets_out, e.bytes_out)
                for e in measured.eips
            ],
        )
    )
    done = measured.eip_traffic
    print(
        f"  ping from {plan.CLIENT}, 1,500 bytes, DF: {done.pings} of {eip.PINGS} answered\n"
        f"  {plan.CLIENT} → EIP:80: {done.requests_in} of {eip.REQUESTS} requests, {plan.VM} saw {eip.CLIENT_ADDRESS}\n"
        f"  {plan.VM} → {plan.CLIENT}:80: {done.requests_out} of {eip.REQUESTS} requests, {plan.CLIENT} saw {plan.EIP}\n"
        f"  {plan.VM} → VIP {plan.VIP}:80, out and in again: {done.requests_hairpin} of {eip.HAIRPIN_REQUESTS} requests\n"
        f"  traceroute {plan.CLIENT} → EIP: {' → '.join(done.hops_in)}\n"
        f"  traceroute {plan.VM} → {plan.CLIENT}: {' → '.join(done.hops_out)}\n"
        f"  path MTU that {plan.VM} learned from the router's ICMP error: {done.path_mtu}"
    )


def show_sessions(sessions: Sequence[Session]) -> None:
    shown: list[Session] = []
    for ld in plan.LDS:
        shown += [session for session in sessions if session.ld == ld][:SESSIONS_SHOWN_PER_LD]
    print(heading(f"Sessions (from the LDs; {len(shown)} of {len(sessions)})"))
    rows = [
        (s.ld, f"{s.client} → {s.vip} ⇒ {s.local} → {s.rs_address}", s.rs, s.state, s.bucket) for s in shown
    ]
    print(table(("LD", "client → VIP ⇒ local IP → RS", "RS", "state", "bucket"), rows))


def picture(measured: Measured) -> str:
    """The path, with the numbers where they were counted."""
    traffic = measured.traffic
    node = lambda name: paint(name, "cyan")  # noqa: E731
    count = lambda value: paint(f"{value:,}", "green")  # noqa: E731
    service = next(s for s in measured.services if s.name == plan.SERVICE)
    answered = sum(traffic.per_rs.values())
    lines = [
        f"  {node(plan.CLIENT)}  {count(traffic.requests)} requests to {plan.VIP}:{plan.VIP_PORT},"
        f" {count(answered)} answered; {traffic.pings} pings",
        "   │",
        f"  {node(plan.ROUTER)}  upstream router",
        "   │",
        f"  {node(plan.SWITCH)} service {service.name} → cluster {service.cluster}: {count(service.packets)} packets",
    ]
    last = len(measured.lds) - 1
    lds = []
    for index, ld in enumerate(measured.lds):
        branch = "└" if index == last else "├"
        lds.append(f"   {branch}─ VXLAN ─► {node(ld.name)} {count(ld.sessions_total)} sessions")
    servers = [
        f"{node(rs)} {count(traffic.per_rs[rs])} answers, {plan.RS_PATH[rs]}" for rs in plan.REAL_SERVERS
    ]
    return "\n".join(lines + _fan(lds, servers))


def named(counters: dict[str, int]) -> str:
    """The counters that are not 0, by name."""
    return ", ".join(f"{name} {value:,}" for name, value in counters.items() if value) or "none"


def _fan(left: Sequence[str], right: Sequence[str]) -> list[str]:
    """Joins all lines on the left to all on the right."""
    width = max(_visible(line) for line in left)
    height = max(len(left), len(right))
    lines = []
    for row in range(height):
        begin = left[row] if row < len(left) else ""
        joint = " ─" if row < len(left) else "  "
        lines.append(begin + " " * (width - _visible(begin)) + joint + _bar(row, len(left), len(right), height))
        if row < len(right):
            lines[-1] += "─► " + right[row]
    return lines


def _bar(row: int, left: int, right: int, height: int) -> str:
    """The box character where a row meets the vertical bar."""
    up, down = row > 0, row < height - 1
    sides = (row < left, row < right)
    return {
        (False, True, True, True): "┬",
        (True, True, True, True): "┼",
        (True, False, True, True): "┴",
        (True, False, False, True): "└",
        (True, True, False, True): "├",
        (True, False, True, False): "┘",
        (True, True, True, False): "┤",
    }.get((up, down, *sides), "─")


def _visible(text: str) -> int:
    """Characters on the screen, without colour codes."""
    length, inside = 0, False
    for char in text:
        if char == "\x1b":
            inside = True
        elif inside:
            inside = char != "m"
        else:
            length += 1
    return length
