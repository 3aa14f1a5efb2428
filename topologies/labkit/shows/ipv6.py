"""IPv6: an EIP, a VIP whose real servers are of both families, and the gateway as a neighbour of its routers."""

import json
from collections import Counter
from typing import Sequence

from .. import plan, tools
from ..measure import Measured
from ..show import Lab, Show
from ..terminal import heading, named
from . import reach
from .vip_traffic import DOWNLOAD_BYTES, downloads


REQUESTS = 30


class Ipv6Show(Show):
    name = "ipv6"

    def run(self, lab: Lab) -> str:
        self.reached = reach.run(lab, reach.IPV6, self)
        self.neighbours = {router: _mac_of_gateway(lab, router) for router in plan.ROUTERS}
        if plan.SWITCH_MAC not in self.neighbours.values():
            self.fail(f"no router has learned the gateway's MAC: {self.neighbours}")
        client = lab.node(plan.CLIENT)
        self.pings = tools.pings(client, plan.VIP_V6, reach.PINGS)
        self.expect(f"pings of {plan.VIP_V6} that were answered", self.pings, reach.PINGS)
        self.answers = tools.http_answers(client, plan.VIP_V6, REQUESTS)
        self.expect(f"answers from {plan.VIP_V6}", len(self.answers), REQUESTS)
        for rs in plan.REAL_SERVERS:
            if not per_rs(self.answers)[rs]:
                self.fail(f"real server {rs} got no request")
        for answer in self.answers:
            # The first real server is of IPv4: its requests come from there (NAT64).
            if is_ipv6(peer(answer)) == answer.startswith(f"{plan.REAL_SERVERS[0]} "):
                self.fail(f"a real server saw a client of the wrong family: {answer}")
        answers = tools.http_answers(lab.node(plan.VM), plan.VIP_V6, reach.HAIRPIN_REQUESTS)
        self.to_vip = sum(answer.startswith("rs") for answer in answers)
        self.expect(f"answers to {plan.VM} from the VIP", self.to_vip, reach.HAIRPIN_REQUESTS)
        load = lab.load
        self.downloads = downloads(client, lab.directory, plan.VIP_V6, load.downloads, load.parallel_downloads)
        for failure in self.downloads.failures:
            self.fail(failure)
        return f"the same of the IPv6 EIP {plan.EIP_V6.address}; {REQUESTS} requests to the VIP {plan.VIP_V6}"

    def report(self, measured: Measured) -> str:
        eip = measured.eip(plan.EIP_V6.name)
        if min(eip.packets_in, eip.packets_out) < reach.PINGS + reach.REQUESTS:
            self.fail(f"the switch counted {eip.packets_in} packets in and {eip.packets_out} out")
        peers = sorted(set(map(peer, self.answers)))
        gateway = plan.SWITCH_ADDRESS_V6[plan.ROUTERS[0]]
        return "\n".join(
            [
                heading(f"IPv6: EIP {plan.EIP_V6.address}, {plan.VM} has {plan.EIP_V6.vm_address}"),
                *reach.lines(reach.IPV6, self.reached),
                f"  {plan.CLIENT} → VIP [{plan.VIP_V6}]:80: {self.pings} pings, {len(self.answers)} requests;"
                f" {named(per_rs(self.answers))}",
                f"  real servers saw {', '.join(peers)}: NAT64 to {plan.REAL_SERVERS[0]}",
                f"  {self.downloads.requests} downloads of {DOWNLOAD_BYTES // 1024} KiB compared byte for byte",
                f"  {plan.VM} → VIP [{plan.VIP_V6}]:80, out and in again:"
                f" {self.to_vip} of {reach.HAIRPIN_REQUESTS} requests",
                f"  neighbour discovery: {plan.ROUTERS[0]} learned {gateway} is at {self.neighbours[plan.ROUTERS[0]]}",
            ]
        )


def per_rs(answers: Sequence[str]) -> Counter[str]:
    return Counter(answer.split(" ")[0] for answer in answers)


def peer(answer: str) -> str:
    """The address that a real server saw, without the port."""
    return answer.split(" ")[1].rpartition(":")[0]


def is_ipv6(address: str) -> bool:
    return ":" in address


def _mac_of_gateway(lab: Lab, router: str) -> str:
    """What neighbour discovery has found out; nobody has told the router."""
    text = lab.node(router).sh(f"ip -j -6 neighbour show {plan.SWITCH_ADDRESS_V6[router]}")
    return next((entry.get("lladdr", "") for entry in json.loads(text or "[]")), "")
