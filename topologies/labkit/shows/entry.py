"""A region entry at another site: a second gateway switch that the client comes in by, while the region's own switch has a way to the
client, too. Who comes by the entry is answered by its tunnel, and by nothing else."""

import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Iterator

from .. import measure, parts, plan, tools
from ..measure import Measured
from ..processes import wait_for
from ..show import Lab, Show
from ..terminal import heading, table
from . import stack_traffic

REQUESTS = 30
PINGS = 5
TRANSFER_BYTES = 16 * 2**20

# What the entry has towards the client, of each family; and towards the fabric.
_CLIENT_SIDE = {"-4": "198.51.100.97", "-6": "2001:db8:51:4::1"}
_FABRIC_SIDE = "10.0.9.2"

_SWITCH = f"""\
  - name: {plan.ENTRY}
    p4runtime: "unix:{{socket}}"
    device_id: {plan.DEVICE_ID}
    mac: {plan.ENTRY_MAC}
    tunnel_address: {plan.ENTRY_VTEP}
    region_entry: true
    ports:
      - {{{{ port: 1, network: internet, address: {_CLIENT_SIDE["-4"]}/27, address_v6: "{_CLIENT_SIDE["-6"]}/64" }}}}
      - {{{{ port: 2, network: fabric, address: {_FABRIC_SIDE}/24 }}}}
    neighbors:
      - {{{{ address: {{client}}, mac: {{mac}}, port: 1 }}}}
      - {{{{ address: "{{client_v6}}", mac: {{mac}}, port: 1 }}}}
      - {{{{ address: 10.0.9.1, mac: {plan.SWITCH_MAC}, port: 2 }}}}
    routes:
      - {{{{ prefix: 0.0.0.0/0, vrf: 1, via: {{client}} }}}}
      - {{{{ prefix: "::/0", vrf: 1, via: "{{client_v6}}" }}}}
      - {{{{ prefix: 10.0.0.0/16, via: 10.0.9.1 }}}}

"""


@dataclass(frozen=True)
class Passed:
    """Requests to a VIP, and by what their answers came."""

    vip: str
    by: str
    answered: int
    direct: int  # packets that the upstream routers forwarded
    by_entry: int  # packets that came from the entry


class EntryShow(Show):
    name = "entry"

    def run(self, lab: Lab) -> str:
        vips = {"-4": plan.VIP, "-6": plan.VIP_V6}
        self.passed = [self._requests(lab, vip, plan.ROUTERS[0]) for vip in vips.values()]
        with _entry(lab), _by_entry(lab, vips):
            self.passed += [self._requests(lab, vip, plan.ENTRY) for vip in vips.values()]
            direct = _direct(lab)
            self.transfer = stack_traffic.transfer(self, lab, plan.VIP, min(TRANSFER_BYTES, lab.load.transfer_bytes))
            self.pings = [tools.pings(lab.node(plan.CLIENT), vip, PINGS) for vip in vips.values()]
            self.direct = _direct(lab) - direct
            self.heard = sum(measure.heard(lab.sluice, plan.ENTRY, "ld_source").values())
        self.expect("pings of the VIPs by the entry that were answered", self.pings, [PINGS] * len(vips))
        if self.direct >= REQUESTS:
            self.fail(f"{self.direct} packets of a download and pings by {plan.ENTRY} went by the upstream routers")
        return f"{plan.CLIENT} comes in by {plan.ENTRY}, and is answered by its tunnel: requests, a download, pings"

    def _requests(self, lab: Lab, vip: str, by: str) -> Passed:
        direct, by_entry = _direct(lab), _by_entry_so_far(lab)
        answered = len(tools.http_answers(lab.node(plan.CLIENT), vip, REQUESTS))
        found = Passed(vip, by, answered, _direct(lab) - direct, _by_entry_so_far(lab) - by_entry)
        self.expect(f"answers from {vip} by {by}", answered, REQUESTS)
        own, other = (found.by_entry, found.direct) if by == plan.ENTRY else (found.direct, found.by_entry)
        # Of what was before, a last packet may still be on its way.
        if own < 2 * REQUESTS or other >= REQUESTS:
            self.fail(f"{vip} by {by}: {found.direct} packets by the routers, {found.by_entry} from {plan.ENTRY}")
        return found

    def report(self, measured: Measured) -> str:
        rows = [(p.vip, p.by, p.answered, p.direct, p.by_entry) for p in self.passed]
        routers = f"packets by {plan.ROUTERS[0]} to {plan.ROUTERS[-1]}"
        four, six = self.pings
        return "\n".join(
            [
                heading(f"Region entry {plan.ENTRY} at another site (from the counters of routers and {plan.CLIENT})"),
                table(("VIP", f"{plan.CLIENT} comes in by", "answered", routers, f"from {plan.ENTRY}"), rows),
                f"  by {plan.ENTRY}: {self.transfer}; pings {four} of {PINGS}, over IPv6 {six} of {PINGS};"
                f" {self.direct} packets by the routers",
                f"  what {plan.ENTRY} had from the LDs by then: {self.heard:,} packets, heartbeats and answers",
            ]
        )


@contextmanager
def _entry(lab: Lab) -> Iterator[None]:
    """The second switch runs, is in the file, and hears the LDs."""
    before = lab.sluice.file.read_text(encoding="utf-8")
    parts.start_switch(lab.programs, lab.directory, lab.node(plan.ENTRY), lab.target)
    parts.wait_for_switch(lab.programs, lab.directory, plan.ENTRY)
    link = next(one for one, other in plan.LINKS if other.node == plan.ENTRY)
    text = _SWITCH.format(
        socket=parts.switch_socket(lab.directory, plan.ENTRY),
        client=plan.host_of(link.address or ""),
        client_v6=plan.host_of(link.address_v6 or ""),
        mac=link.mac,
    )
    lab.sluice.change(lambda old: old.replace("clusters:\n", f"{text}clusters:\n", 1))
    lab.sluice.apply()
    lab.sluice.check_nothing_to_do()
    heard = lambda: list(measure.heard(lab.sluice, plan.ENTRY, "ld_source").values())  # noqa: E731
    wait_for(lambda: len(heard()) == len(plan.LDS) and all(heard()), f"{plan.ENTRY} hears the LDs", lab.programs)
    yield
    lab.sluice.change(lambda _: before)
    lab.sluice.apply()
    lab.programs.end(plan.ENTRY, signal.SIGTERM)


@contextmanager
def _by_entry(lab: Lab, vips: "dict[str, str]") -> Iterator[None]:
    """The client's way to the VIPs is by the entry. Its address is the one that it has otherwise, which the routers know."""
    client = lab.node(plan.CLIENT)
    sources = {"-4": plan.address_of(plan.CLIENT), "-6": plan.address_v6_of(plan.CLIENT)}
    client.sh(*(f"ip {ip} route add {vip} via {_CLIENT_SIDE[ip]} src {sources[ip]}" for ip, vip in vips.items()))
    yield
    client.sh(*(f"ip {ip} route del {vip}" for ip, vip in vips.items()))


def _direct(lab: Lab) -> int:
    """Packets that the upstream routers have forwarded, either way, of both families."""
    routers = [lab.node(router) for router in plan.ROUTERS]
    return sum(tools.forwarded(router) + tools.forwarded_v6(router) for router in routers)


def _by_entry_so_far(lab: Lab) -> int:
    link = next(one for one, other in plan.LINKS if other.node == plan.ENTRY)
    return tools.received_by(lab.node(plan.CLIENT), link.name)
