"""The EIP: a public address that is one VM, both ways."""

from .. import plan, tools
from ..measure import Measured
from ..show import Lab, Show
from ..terminal import heading, table
from . import reach


class EipShow(Show):
    name = "eip"

    def run(self, lab: Lab) -> str:
        self.reached = reach.run(lab, reach.IPV4, self)
        answers = tools.http_answers(lab.node(plan.VM), plan.VIP, reach.HAIRPIN_REQUESTS)
        self.to_vip = sum(answer.startswith("rs") for answer in answers)
        self.expect(f"answers to {plan.VM} from the VIP", self.to_vip, reach.HAIRPIN_REQUESTS)
        answers = tools.http_answers(lab.node(plan.VM), plan.LIMITED_EIP.address, reach.HAIRPIN_REQUESTS)
        self.to_eip = sum(answer.startswith(f"{plan.LIMITED_EIP.vm} {plan.EIP.address}:") for answer in answers)
        self.expect(f"answers to {plan.VM} from another EIP that saw its own", self.to_eip, reach.HAIRPIN_REQUESTS)
        return f"ping, requests and UDP both ways, traceroute and path MTU of the EIP {plan.EIP.address}"

    def report(self, measured: Measured) -> str:
        (eip,) = [item for item in measured.eips if item.name == plan.EIP.name]
        if min(eip.packets_in, eip.packets_out) < reach.PINGS + reach.REQUESTS:
            self.fail(f"the switch counted {eip.packets_in} packets in and {eip.packets_out} out")
        count = reach.HAIRPIN_REQUESTS
        return "\n".join(
            [
                heading("EIPs (from the switch's bindings and counters)"),
                eip_table(measured),
                *reach.lines(reach.IPV4, self.reached),
                f"  {plan.VM} → VIP {plan.VIP}:80, out and in again: {self.to_vip} of {count} requests",
                f"  {plan.VM} → EIP {plan.LIMITED_EIP.address}:80, out and in again:"
                f" {self.to_eip} of {count} requests, {plan.LIMITED_EIP.vm} saw {plan.EIP.address}",
            ]
        )


def eip_table(measured: Measured) -> str:
    columns = ("EIP", "address", "bound to", "packets in", "bytes in", "packets out", "bytes out")
    rows = [
        (e.name, e.address, e.bound, e.packets_in, e.bytes_in, e.packets_out, e.bytes_out)
        for e in measured.eips
        if e.packets_in or e.packets_out
    ]
    return table(columns, rows)
