"""ECMP: the flows to the internet spread over three routers; one that is taken away takes only its own flows along."""

import json
import sys
from collections import Counter
from pathlib import Path

from .. import flows, plan, tools
from ..measure import Measured
from ..show import Lab, Show
from ..terminal import heading, table

FLOWS = 300
PORT = 9999
LEAVES = plan.ROUTERS[1]
_LIMIT_S = 120


class EcmpShow(Show):
    name = "ecmp"

    def run(self, lab: Lab) -> str:
        addresses = {router: plan.host_of(plan.interfaces_of(router)[1].address or "") for router in plan.ROUTERS}
        everyone = f"via: [{', '.join(addresses.values())}]"
        rest = f"via: [{', '.join(address for router, address in addresses.items() if router != LEAVES)}]"
        self.rounds = [("all three", _routers_of_flows(lab))]
        lab.sluice.change_line(plan.SWITCH, everyone, rest)
        lab.sluice.apply()
        self.rounds.append((f"without {LEAVES}", _routers_of_flows(lab)))
        lab.sluice.change_line(plan.SWITCH, rest, everyone)
        lab.sluice.apply()
        self.rounds.append((f"{LEAVES} is back", _routers_of_flows(lab)))
        self._judge()
        return f"{FLOWS} flows over {len(plan.ROUTERS)} routers, while {LEAVES} leaves and comes back by sluice apply"

    def _judge(self) -> None:
        (_, first), (_, without), (_, again) = self.rounds
        for what, routers in self.rounds:
            self.expect(f"{what}: flows that arrived", len(routers), FLOWS)
        for router in plan.ROUTERS:
            if not Counter(first.values())[router]:
                self.fail(f"no flow took {router}")
        self.expect(f"flows that still take {LEAVES} when it is gone", Counter(without.values())[LEAVES], 0)
        self.expect("flows of other routers that moved", moved(first, without, of_others=True), 0)
        self.expect(f"flows that are not where they were when {LEAVES} is back", moved(first, again), 0)

    def report(self, measured: Measured) -> str:
        first = self.rounds[0][1]
        rows = [
            (
                what,
                *(Counter(routers.values())[router] for router in plan.ROUTERS),
                moved(first, routers) - moved(first, routers, of_others=True),
                moved(first, routers, of_others=True),
            )
            for what, routers in self.rounds
        ]
        columns = ("next hops", *plan.ROUTERS, f"moved, of {LEAVES}'s", "moved, of others'")
        title = f"ECMP: {FLOWS} flows of {plan.VM} to {plan.CLIENT} (from the interface each arrived by)"
        return "\n".join([heading(title), table(columns, rows)])


def moved(before: dict[int, str], after: dict[int, str], of_others: bool = False) -> int:
    """Flows that take another router than before; `of_others`: of those alone that did not take LEAVES."""
    return sum(
        after.get(flow, router) != router
        for flow, router in before.items()
        if not of_others or router != LEAVES
    )


def _routers_of_flows(lab: Lab) -> dict[int, str]:
    """Source port → router, for each of FLOWS flows from the VM to the client."""
    client, vm = lab.node(plan.CLIENT), lab.node(plan.VM)
    program = (sys.executable, "-B", str(Path(flows.__file__)))
    with tools.running(client, *program, "receive", str(PORT), str(FLOWS)) as receiver:
        tools.wait_until_ready(receiver)
        vm.sh(" ".join((*program, "send", plan.address_of(plan.CLIENT), str(PORT), str(FLOWS))))
        arrived = json.loads(tools.output_of(receiver, _LIMIT_S))
    by_interface = {f"{plan.CLIENT}-eth{i}": router for i, router in enumerate(plan.ROUTERS)}
    return {int(flow): by_interface[interface] for flow, interface in arrived.items()}
