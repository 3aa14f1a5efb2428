"""The VIP: requests from a client through router, switch, LDs and hosts to real servers, and back."""

from typing import Sequence

from .. import plan, tools
from ..measure import Measured, Session, sessions
from ..show import Lab, Show
from ..terminal import heading, named, paint, table
from . import vip_traffic
from .vip_traffic import Result

PINGS = 10
SESSIONS_SHOWN_PER_LD = 2


class VipShow(Show):
    name = "vip"

    def run(self, lab: Lab) -> str:
        client = lab.node(plan.CLIENT)
        self.traffic = vip_traffic.small_requests(client, lab.directory)
        self.pings = tools.pings(client, plan.VIP, PINGS)
        self.expect(f"pings of {plan.VIP} that were answered", self.pings, PINGS)
        self.sessions = sessions_of(lab)
        load = lab.load
        downloads = vip_traffic.downloads(client, lab.directory, plan.VIP, load.downloads, load.parallel_downloads)
        for failure in (*self.traffic.failures, *downloads.failures):
            self.fail(failure)
        return (
            f"{self.traffic.requests} requests from {plan.CLIENT} to {plan.VIP}:{plan.VIP_PORT},"
            f" {downloads.requests} downloads of {vip_traffic.DOWNLOAD_BYTES // 1024} KiB compared byte for byte"
        )

    def report(self, measured: Measured) -> str:
        for failure in verdict(self.traffic, measured):
            self.fail(failure)
        columns = ("LD", "buckets", "sessions", "packets in", "packets out", "drops")
        rows = [
            (ld.name, ld.buckets, ld.sessions_total, ld.packets_in, ld.packets_out, named(ld.drops))
            for ld in measured.lds
        ]
        services = [(s.name, s.vip, s.cluster, s.packets, s.bytes) for s in measured.services if s.packets]
        return "\n".join(
            [
                heading("Path"),
                picture(self.traffic, self.pings, measured),
                heading("Sessions per LD (from the LDs)"),
                table(columns, rows),
                heading("Services (from the switch)"),
                table(("service", "VIP", "cluster", "packets", "bytes"), services),
                f"  buckets: {named(measured.buckets)}; packets dropped: {named(measured.switch_drops)}",
                sessions_table(self.sessions),
            ]
        )


def verdict(traffic: Result, measured: Measured) -> list[str]:
    """What the counters say is wrong, one line each."""
    wrong = []
    for rs in plan.REAL_SERVERS:
        if not traffic.per_rs[rs]:
            wrong.append(f"real server {rs} got no request")
    for ld in measured.lds:
        if not ld.sessions_total:
            wrong.append(f"{ld.name} got no session")
    sessions = sum(ld.sessions_total for ld in measured.lds)
    if sessions < traffic.requests:
        wrong.append(f"the LDs opened {sessions} sessions for {traffic.requests} requests")
    return wrong


def sessions_of(lab: Lab) -> Sequence[Session]:
    """As the LDs hold them now, while they are there: they go 7 s after the last packet."""
    return sessions(lab.sluice, plan.SERVICE, SESSIONS_SHOWN_PER_LD)


def sessions_table(shown: Sequence[Session]) -> str:
    rows = [
        (s.ld, f"{s.client} → {s.vip} ⇒ {s.local} → {s.rs_address}", s.rs, s.state, s.bucket)
        for s in shown
    ]
    return "\n".join(
        [
            heading(f"Sessions (from the LDs; {SESSIONS_SHOWN_PER_LD} of each)"),
            table(("LD", "client → VIP ⇒ local IP → RS", "RS", "state", "bucket"), rows),
        ]
    )


def picture(traffic: Result, pings: int, measured: Measured) -> str:
    """The path, with the numbers where they were counted."""
    node = lambda name: paint(name, "cyan")  # noqa: E731
    count = lambda value: paint(f"{value:,}", "green")  # noqa: E731
    service = measured.service(plan.SERVICE)
    answered = sum(traffic.per_rs.values())
    lines = [
        f"  {node(plan.CLIENT)}  {count(traffic.requests)} requests to {plan.VIP}:{plan.VIP_PORT},"
        f" {count(answered)} answered; {pings} pings",
        "   │",
        f"  {node(plan.ROUTERS[0])}  upstream router; answers come back by any of {', '.join(plan.ROUTERS)}",
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
