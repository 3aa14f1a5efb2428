"""What the LDs let through to a service: its limits, one client's limit, its lists of clients, SYN cookies under a flood; and that
both ends are told when they let nothing through any more."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from .. import background, iperf, many, plan, syn_flood, tools
from ..measure import Measured, ld_counters, ld_drops
from ..show import Lab, Show
from ..terminal import heading, named, table

OPENED = 120
# Time for the answers. After a second a client's kernel sends a lost SYN again, once.
ANSWERS_S = 1.5
# As many flows as it takes for every LD, which has a part of the limit, to be asked for more than that.
FLOWS, OVERLOAD, FLOW_BYTES = 24, 3.0, 1200
BEGIN_S, WINDOW_S = 1.0, 2.0
AT_LEAST, AT_MOST = 0.85, 1.05
LIST_REQUESTS = 3
# Nobody answers a client who is to be dropped, however long it waits.
_PATIENCE = {0: "--connect-timeout 0.3", LIST_REQUESTS: ""}
# The client's neighbours, few of which are there.
FLOOD_NETWORK, FLOOD_SYNS, FLOOD_PER_S = "198.51.100.0/27", 6000, 3000
FLOOD_REQUESTS = 20
# To services with two real servers that take turns.
PARTING = 8


@dataclass(frozen=True)
class Opened:
    """What became of many connections at once."""

    what: str
    limit: str
    answered: int
    refused: int
    silent: int
    dropped: int
    reason: str

    @property
    def row(self) -> Sequence[object]:
        return (self.what, self.limit, self.answered, self.refused, self.silent, f"{self.reason} {self.dropped}")


@dataclass(frozen=True)
class Listed:
    """How many requests to a service with a list of clients were answered, and packets that the LDs dropped for it."""

    kind: str
    listed: int
    others: int
    dropped: int


class GuardShow(Show):
    name = "guard"

    def run(self, lab: Lab) -> str:
        self.drops = ld_drops(lab.sluice)
        self.opened = [
            self._open(lab, "at once", plan.SESSION_LIMIT, "session_limit"),
            self._open(lab, "a second", plan.NEW_SESSION_LIMIT, "new_session_limit"),
            self._open(lab, "a second, of one client", plan.CLIENT_LIMIT, "source_limit"),
        ]
        self._listed(lab)
        self._bandwidth(lab)
        self._flood(lab)
        self._parting(lab)
        return "limits of services and of one client, lists of clients, SYN cookies under a flood, resets, all by the LDs"

    def _open(self, lab: Lab, what: str, limited: plan.Limited, reason: str) -> Opened:
        """More than a limit allows. An LD has its part of a service's limit, and all of a client's for those that come to
        it. Of a rate a second's may come at once, and more as time passes."""
        least = limited.limit * (len(plan.LDS) if limited.each_ld else 1)
        program = (sys.executable, "-B", str(Path(many.__file__)))
        command = (*program, plan.VIP, str(limited.port), str(OPENED), str(ANSWERS_S), str(least), str(OPENED if limited.reset else least))
        began = time.monotonic()
        with tools.running(lab.node(plan.CLIENT), *command) as running:
            outcome = json.loads(tools.line_of(running))
        seconds = time.monotonic() - began if limited.is_rate else 0
        opened = Opened(what, str(limited.limit), dropped=self._dropped(lab, reason), reason=reason, **outcome)
        most = least * (1 + seconds) + len(plan.LDS)
        if not least <= opened.answered <= most:
            self.fail(f"{opened.answered} connections {what} where {limited.limit} are allowed ({least:g} to {most:g})")
        told = opened.refused if limited.reset else opened.silent
        how = "refused" if limited.reset else "silently dropped"
        self.expect(f"connections {what} beyond the limit that were {how}", told, OPENED - opened.answered)
        if opened.dropped < OPENED - opened.answered:
            self.fail(f"{OPENED - opened.answered} connections were not answered, {opened.dropped} dropped as {reason}")
        return opened

    def _dropped(self, lab: Lab, reason: str) -> int:
        """By the LDs, since it was asked last."""
        before, self.drops = self.drops, ld_drops(lab.sluice)
        return self.drops[reason] - before[reason]

    def _listed(self, lab: Lab) -> None:
        """The client has the address that both lists have only meanwhile."""
        client, device = lab.node(plan.CLIENT), plan.interfaces_of(plan.CLIENT)[0].name
        client.sh(f"ip address add {plan.LISTED_ADDRESS}/32 dev {device}")
        try:
            self.lists = [
                self._list(lab, "block", plan.LISTED_PORT, listed=0, others=LIST_REQUESTS),
                self._list(lab, "allow", plan.ALLOWED_PORT, listed=LIST_REQUESTS, others=0),
            ]
        finally:
            client.sh(f"ip address del {plan.LISTED_ADDRESS}/32 dev {device}")

    def _list(self, lab: Lab, kind: str, port: int, listed: int, others: int) -> Listed:
        """Requests to one service from the listed address and from the client's own, and how many must be answered."""
        answered = [
            len(tools.http_answers(lab.node(plan.CLIENT), plan.VIP, LIST_REQUESTS, f"{source} {_PATIENCE[wanted]}", port))
            for source, wanted in ((f"--interface {plan.LISTED_ADDRESS}", listed), ("", others))
        ]
        found = Listed(kind, *answered, self._dropped(lab, "access_list"))
        self.expect(f"{kind}: answers to the listed client", found.listed, listed)
        self.expect(f"{kind}: answers to others", found.others, others)
        if found.dropped < LIST_REQUESTS:
            self.fail(f"{kind}: {found.dropped} packets dropped as access_list")
        return found

    def _bandwidth(self, lab: Lab) -> None:
        client, server, port = lab.node(plan.CLIENT), lab.node("rs1"), plan.BANDWIDTH_LIMIT.port
        seconds = BEGIN_S + WINDOW_S + 0.5
        flow_bps = OVERLOAD * plan.BANDWIDTH_LIMIT.limit / FLOWS
        options = ("--parallel", str(FLOWS), *iperf.udp(flow_bps, FLOW_BYTES))
        with tools.running(server, *iperf.server(plan.address_of("rs1"), port)):
            tools.wait_for_listener(server, port)
            with tools.running(client, *iperf.client(plan.VIP, port, seconds, *options)) as running:
                time.sleep(BEGIN_S)
                (passed,) = tools.received([server], WINDOW_S)
                iperf.parse(tools.output_of(running, seconds + 20))
        self.passed_bps = passed.overall_bps
        wrong = passed.outside(plan.BANDWIDTH_LIMIT.limit, AT_LEAST, AT_MOST)
        if wrong:
            self.fail(f"the service's limit: {wrong}")

    def _flood(self, lab: Lab) -> None:
        client = lab.node(plan.CLIENT)
        before = ld_counters(lab.sluice)
        flood = (plan.VIP, str(plan.COOKIE_PORT), FLOOD_NETWORK, str(FLOOD_SYNS), str(FLOOD_PER_S))
        with tools.running(client, sys.executable, "-B", str(Path(syn_flood.__file__)), *flood) as running:
            tools.line_of(running)  # it has begun: cookies are for those who come while it goes on
            self.in_flood = len(tools.http_answers(client, plan.VIP, FLOOD_REQUESTS, port=plan.COOKIE_PORT))
            self.flooded = int(tools.output_of(running, 60))
        after = ld_counters(lab.sluice)
        names = ("syn_cookies_sent", "syn_cookies_accepted", "sessions_opened")
        self.cookies, self.accepted, self.sessions = (after[name] - before[name] for name in names)
        self.expect("answers to clients under the flood", self.in_flood, FLOOD_REQUESTS)
        if self.cookies < self.flooded / 2 or self.sessions > self.flooded / 2:
            self.fail(f"{self.flooded} SYNs: {self.cookies} cookies, {self.sessions} sessions")
        if self.accepted == 0:
            self.fail("no client has come back with a cookie")

    def _parting(self, lab: Lab) -> None:
        """One of a service's real servers is taken out of the file, under connections: both of their ends are reset at the next
        line that the client sends, and those of the other real server go on."""
        stays, leaves = plan.PARTING_SERVERS
        port, before = plan.PARTING_PORT, lab.sluice.file.read_text(encoding="utf-8")
        servers = {
            name: background.start(lab.node(name), "ends", "serve", name, plan.address_of(name), port)
            for name in plan.PARTING_SERVERS
        }
        for name in servers:
            tools.wait_for_listener(lab.node(name), port)
        client = background.start(lab.node(plan.CLIENT), "ends", "hold", plan.VIP, port, PARTING)
        answered = background.report(client)
        lab.sluice.change(lambda text: without_rs(text, plan.PARTING_SERVICE, leaves))
        lab.sluice.apply()
        then = background.report(client)
        background.end(client)
        self.parted = then.count("reset")
        self.parting = {name: background.end(server) for name, server in servers.items()}
        lab.sluice.change(lambda _: before)
        lab.sluice.apply()
        left, stayed = answered.count(leaves), answered.count(stays)
        if not left or left + stayed != PARTING:
            self.fail(f"answers on connections before: {answered}")
        self.expect("answers after", then, ["reset" if name == leaves else name for name in answered])
        self.expect(f"ends of connections that {leaves} saw", self.parting[leaves], {"reset": left, "closed": 0})
        self.expect(f"ends of connections that {stays} saw", self.parting[stays], {"reset": 0, "closed": stayed})

    def report(self, measured: Measured) -> str:
        limit_bps = plan.BANDWIDTH_LIMIT.limit
        rows = [opened.row for opened in self.opened]
        return "\n".join(
            [
                heading(f"What the LDs let through to services of {plan.VIP}"),
                f"  {OPENED} HTTP connections opened at the same moment by {plan.CLIENT}, after {ANSWERS_S:g} s:",
                table(("connections", "limit", "answered", "refused", "no answer", "dropped by the LDs as"), rows),
                f"  bandwidth: {FLOWS} UDP flows of {OVERLOAD:g} × the limit of {limit_bps / 1e6:g} Mbit/s,"
                f" {self.passed_bps / 1e6:.2f} Mbit/s passed ({self.passed_bps / limit_bps:.1%})",
                f"  {LIST_REQUESTS} connections each, to services with a list that has {plan.LISTED_ADDRESS}:",
                table(
                    ("list", f"{plan.LISTED_ADDRESS} answered", f"{plan.address_of(plan.CLIENT)} answered", "access_list"),
                    [(item.kind, item.listed, item.others, item.dropped) for item in self.lists],
                ),
                f"  flood of {self.flooded:,} SYNs, {FLOOD_PER_S:,} a second from {FLOOD_NETWORK}: {self.cookies:,} answered by"
                f" cookies, {self.sessions:,} sessions opened",
                f"  {plan.CLIENT} meanwhile: {self.in_flood} of {FLOOD_REQUESTS} requests answered,"
                f" {self.accepted} connections by cookies",
                f"  {plan.PARTING_SERVERS[1]} taken out of a service with reset: true, under {PARTING} connections:"
                f" {self.parted} of {plan.CLIENT}'s were reset; of "
                + ", ".join(f"{name}'s {named(ends)}" for name, ends in self.parting.items()),
            ]
        )


def without_rs(text: str, service: str, name: str) -> str:
    """The desired state without one of a service's real servers, which are one to a line."""
    begin = text.index(f"  - name: {service}\n")
    line = text.index(f"      - {{ name: {name},", begin)
    return text[:line] + text[text.index("\n", line) + 1 :]
