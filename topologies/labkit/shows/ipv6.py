"""IPv6: an EIP, and the gateway as an IPv6 neighbour of its routers."""

import json

from .. import plan
from ..measure import Measured
from ..show import Lab, Show
from ..terminal import heading
from . import reach


class Ipv6Show(Show):
    name = "ipv6"

    def run(self, lab: Lab) -> str:
        self.reached = reach.run(lab, reach.IPV6, self)
        self.neighbours = {router: _mac_of_gateway(lab, router) for router in plan.ROUTERS}
        if plan.SWITCH_MAC not in self.neighbours.values():
            self.fail(f"no router has learned the gateway's MAC: {self.neighbours}")
        return f"the same of the IPv6 EIP {plan.EIP_V6.address}"

    def report(self, measured: Measured) -> str:
        eip = measured.eip(plan.EIP_V6.name)
        if min(eip.packets_in, eip.packets_out) < reach.PINGS + reach.REQUESTS:
            self.fail(f"the switch counted {eip.packets_in} packets in and {eip.packets_out} out")
        gateway = plan.SWITCH_ADDRESS_V6[plan.ROUTERS[0]]
        return "\n".join(
            [
                heading(f"IPv6: EIP {plan.EIP_V6.address}, {plan.VM} has {plan.EIP_V6.vm_address}"),
                *reach.lines(reach.IPV6, self.reached),
                f"  neighbour discovery: {plan.ROUTERS[0]} learned {gateway} is at {self.neighbours[plan.ROUTERS[0]]}",
            ]
        )


def _mac_of_gateway(lab: Lab, router: str) -> str:
    """What neighbour discovery has found out; nobody has told the router."""
    text = lab.node(router).sh(f"ip -j -6 neighbour show {plan.SWITCH_ADDRESS_V6[router]}")
    return next((entry.get("lladdr", "") for entry in json.loads(text or "[]")), "")
