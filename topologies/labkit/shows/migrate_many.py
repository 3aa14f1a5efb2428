"""100,000 UDP sessions move with their service from the LD of one cluster to that of another, over the lab's links, by `sluice
migrate`: how long it takes, and whether a datagram is lost meanwhile or a session afterwards."""

import time
from datetime import datetime
from typing import Any

from .. import background, controller, parts, plan, tools
from ..measure import Measured
from ..show import Lab, Show
from ..terminal import heading, table

SESSIONS = 100_000
PER_S = 4_000
STEADY_S = 2.0
# For so many sessions. A published system takes 4 s.
BAR_S = 2.0
SERVICE, PORT = "many", 9000
CLUSTERS = ("many-a", "many-b")
SERVER = "rs1"
_CAPACITY = 2 * SESSIONS


def _cluster(lab: Lab, number: int) -> str:
    ld = plan.SPARE_LDS[number]
    port = plan.switch_port_of(ld)
    return f"""\
  - name: {CLUSTERS[number]}
    steering_address: 10.255.2.{number + 1}
    local_ips: [198.18.{number + 2}.0/29]
    failover: {{ secret: the-lab-is-no-secret, hold_ms: 500 }}
    lds:
      - name: {ld}
        agent: "unix:{parts.agent_socket(lab.directory, ld)}"
        address: 10.0.{port}.2/24
        gateway: 10.0.{port}.1
        mac: {plan.interfaces_of(ld)[0].mac}

"""


_SERVICE = f"""\
services:
  - name: {SERVICE}
    vip: {plan.VIP}
    protocol: udp
    port: {PORT}
    cluster: {CLUSTERS[0]}
    real_servers: [{{ name: {SERVER}, address: {plan.address_of(SERVER)}, port: {PORT} }}]
"""


class MigrateManyShow(Show):
    name = "migrate-many"

    def run(self, lab: Lab) -> str:
        before = lab.sluice.file.read_text(encoding="utf-8")
        client, server = lab.node(plan.CLIENT), lab.node(SERVER)
        addresses = _client_addresses()
        # What comes back is for a raw socket: the kernel knows nobody there, and would tell each sender so.
        client.sh("sysctl -q -w net.ipv4.icmp_ratelimit=1000000")
        nodes = [lab.node(name) for name in plan.SPARE_LDS]
        parts.start_spare_lds(lab.programs, lab.directory, nodes, _CAPACITY)
        text = "".join(_cluster(lab, number) for number in (0, 1)) + _SERVICE
        lab.sluice.change(lambda document: document.replace("services:\n", text, 1))
        with controller.running(lab) as running:
            running.sluice("apply")
            echo = background.start(server, "many_sessions", "serve", plan.address_of(SERVER), PORT)
            tools.wait_until_ready(echo)
            _route_to(lab, addresses[1], "add")
            load = background.start(client, "many_sessions", "keep", plan.VIP, PORT, SESSIONS, PER_S, *addresses[:2])
            tools.wait_until_ready(load)
            time.sleep(STEADY_S)
            running.news()
            began = time.monotonic()
            running.sluice("migrate", "service", SERVICE, "--to", CLUSTERS[1])
            self.command_s = time.monotonic() - began
            self.settled_s = _settled_after(running.news())
            time.sleep(STEADY_S)
            self.sent = background.end(load)
            self.seen = background.end(echo)
            _route_to(lab, addresses[1], "del")
            (self.numbers,) = running.measured("migrations")
            running.sluice("migrate", "finish", SERVICE, "--force", "--yes")
            lab.sluice.file.write_text(before, encoding="utf-8")
            running.sluice("apply", "--yes")
        parts.end_spare_lds(lab.programs, plan.SPARE_LDS)
        lab.sluice.check_nothing_to_do()
        self._judge()
        return f"{SESSIONS:,} UDP sessions from one LD to another, {PER_S:,} datagrams a second"

    def _judge(self) -> None:
        self.expect("datagrams without an answer", self.sent["unanswered"], 0)
        self.expect("sessions that the real server has seen", self.seen["sessions"], SESSIONS)
        self.expect("of them with another local address or port", self.seen["changed"], 0)
        if int(self.numbers["sessions_copied"]) < SESSIONS:
            self.fail(f"{self.numbers['sessions_copied']} sessions were copied, not {SESSIONS}")

    def report(self, measured: Measured) -> str:
        over = "" if self.settled_s < BAR_S else f" (over {BAR_S:.0f})"
        rows = [
            ("from the change of the service until switch and LDs have it", f"{self.settled_s:.2f} s{over}"),
            ("sluice migrate, from its start to its end", f"{self.command_s:.2f} s"),
        ]
        return "\n".join(
            [
                heading(f"Service {SERVICE} migrates with {SESSIONS:,} sessions (from the controller's log, client and real server)"),
                table(("", "took"), rows),
                f"  {self.numbers['sessions_copied']:,} sessions copied; {self.sent['sent']:,} datagrams before, meanwhile and of each"
                f" session afterwards: {self.sent['unanswered']} without an answer, the slowest answer {1000 * self.sent['slowest_s']:.0f} ms",
                f"  the real server saw {self.seen['sessions']:,} sessions, {self.seen['changed']} of them from another local port later",
            ]
        )


def _client_addresses() -> "list[str]":
    return [plan.host_of(interface.address or "") for interface in plan.interfaces_of(plan.CLIENT)]


def _route_to(lab: Lab, address: str, verb: str) -> None:
    """By every router answers go to the client's first address; now to this one as well, which one of them is beside."""
    for router, via in zip(plan.ROUTERS, _client_addresses()):
        if via != address:
            lab.node(router).sh(f"ip route {verb} {address} via {via}")


def _settled_after(news: "list[dict[str, Any]]") -> float:
    """From the first change to the last that all parts have."""
    moments = [(event["event"], datetime.fromisoformat(event["time"].replace("Z", "+00:00"))) for event in news]
    first = next(moment for what, moment in moments if what == "changed")
    last = next(moment for what, moment in reversed(moments) if what == "applied")
    return (last - first).total_seconds()
