"""Two upstream networks on one port of the switch: what belongs to one is answered by it."""

from dataclasses import dataclass

from .. import plan, tools
from ..measure import Measured
from ..show import Lab, Show
from ..terminal import heading, table

REQUESTS = 20


@dataclass(frozen=True)
class Passed:
    """Requests to an address, and the packets that the routers of each network forwarded meanwhile."""

    client: str
    address: str
    what: str
    answered: int
    internet: int
    carrier: int


class NetworksShow(Show):
    name = "networks"

    def run(self, lab: Lab) -> str:
        self.passed = [
            self._requests(lab, plan.CLIENT, plan.EIP.address, f"EIP of {plan.VM}", plan.VM),
            self._requests(lab, plan.CARRIER_CLIENT, plan.CARRIER_EIP.address, f"EIP of {plan.VM}", plan.VM),
            self._requests(lab, plan.CLIENT, plan.VIP, "VIP", "rs"),
            self._requests(lab, plan.CARRIER_CLIENT, plan.CARRIER_VIP, "VIP", "rs"),
        ]
        return f"{len(self.passed) * REQUESTS} requests by two upstream networks, to an EIP and a VIP of each"

    def _requests(self, lab: Lab, client: str, address: str, what: str, server: str) -> Passed:
        before = _forwarded(lab)
        answers = tools.http_answers(lab.node(client), address, REQUESTS)
        internet, carrier = (now - then for now, then in zip(_forwarded(lab), before))
        answered = sum(answer.startswith(server) for answer in answers)
        self.expect(f"answers to {client} from {address}", answered, REQUESTS)
        own, other = (internet, carrier) if client == plan.CLIENT else (carrier, internet)
        # A last packet of the requests before may still be on its way.
        if own < 2 * REQUESTS or other >= REQUESTS:
            self.fail(f"{client} → {address}: {internet} packets by the internet's routers, {carrier} by the carrier's")
        return Passed(client, address, what, answered, internet, carrier)

    def report(self, measured: Measured) -> str:
        routers = f"packets by {plan.ROUTERS[0]} to {plan.ROUTERS[-1]}"
        carrier = f"by {plan.CARRIER_ROUTER} (VLAN {plan.CARRIER_VLAN})"
        rows = [(p.client, p.address, p.what, p.answered, p.internet, p.carrier) for p in self.passed]
        return "\n".join(
            [
                heading("Two upstream networks on port 1 (from the routers' counters)"),
                table(("client", "to", "what", "answered", routers, carrier), rows),
            ]
        )


def _forwarded(lab: Lab) -> tuple[int, int]:
    """Packets that the routers of the internet and of the carrier have forwarded."""
    internet = sum(tools.forwarded(lab.node(router)) for router in plan.ROUTERS)
    return internet, tools.forwarded(lab.node(plan.CARRIER_ROUTER))
