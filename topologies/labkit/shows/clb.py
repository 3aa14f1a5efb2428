"""An internal load balancer: a VIP inside a VPC, for VMs of the VPC, and for the internet by an EIP."""

from collections import Counter
from dataclasses import dataclass

from .. import plan, tools
from ..measure import Measured
from ..show import Lab, Show
from ..terminal import heading, table

REQUESTS = 20


@dataclass(frozen=True)
class Asked:
    client: str
    address: str
    what: str
    per_rs: Counter[str]


class ClbShow(Show):
    name = "clb"

    def run(self, lab: Lab) -> str:
        self.asked = [
            self._ask(lab, plan.CLIENT, plan.APP_EIP, "EIP on the VIP, from the internet"),
            self._ask(lab, plan.VM, plan.APP_VIP, "VIP, from a VM that has an EIP"),
            self._ask(lab, plan.OTHER_VM, plan.APP_VIP, "VIP, from a VM that has none"),
        ]
        requests = len(self.asked) * REQUESTS
        return f"{requests} requests to the internal VIP {plan.APP_VIP}, by its EIP and inside the VPC"

    def _ask(self, lab: Lab, client: str, address: str, what: str) -> Asked:
        answers = tools.http_answers(lab.node(client), address, REQUESTS)
        per_rs = Counter(answer.split(" ")[0] for answer in answers)
        self.expect(f"answers to {client} from {address}", sum(per_rs[rs] for rs in plan.APP_SERVERS), REQUESTS)
        for rs in plan.APP_SERVERS:
            if not per_rs[rs]:
                self.fail(f"{client} → {address}: {rs} got no request")
        return Asked(client, address, what, per_rs)

    def report(self, measured: Measured) -> str:
        service, eip = measured.service(plan.APP_SERVICE), measured.eip(plan.APP_SERVICE)
        rows = [
            (asked.client, asked.address, asked.what, *(asked.per_rs[rs] for rs in plan.APP_SERVERS))
            for asked in self.asked
        ]
        columns = ("client", "to", "what", *(f"answers of {rs}" for rs in plan.APP_SERVERS))
        return "\n".join(
            [
                heading(f"Internal load balancer {service.vip} (from the answers)"),
                table(columns, rows),
                f"  from the switch: service {service.name} {service.packets:,} packets;"
                f" EIP {eip.address} bound to {eip.bound}: {eip.packets_in:,} in, {eip.packets_out:,} out",
            ]
        )
