"""The same region with tunnels over IPv6: switch, LDs and hosts get other tunnel ends by one sluice apply, and the old ones back."""

import re
from collections import Counter

from .. import plan, tools
from ..measure import Measured, heard
from ..processes import wait_for
from ..show import Lab, Show
from ..terminal import heading, named, table

REQUESTS = 30
PINGS = 5


class Underlay6Show(Show):
    name = "underlay6"

    def run(self, lab: Lab) -> str:
        before = lab.sluice.file.read_text(encoding="utf-8")
        for host in plan.HOSTS:
            lab.node(host.name).tunnel_over_ipv6(_gateway_of(host))
        lab.sluice.change(over_ipv6)
        lab.sluice.apply()
        lab.sluice.check_nothing_to_do()
        wait_for(lambda: all(_heard(lab).values()), "each LD's heartbeats over IPv6 are believed", lab.programs)
        self._traffic(lab)
        self.heard = _heard(lab)
        for host in plan.HOSTS:
            lab.node(host.name).tunnel_over_ipv4()
        lab.sluice.change(lambda _: before)
        lab.sluice.apply()
        wait_for(lambda: _all_well(lab), "all real servers are well again, and have their weight", lab.programs)
        return "requests, pings and an EIP with all tunnels over IPv6; then over IPv4 again"

    def _traffic(self, lab: Lab) -> None:
        client, carrier = lab.node(plan.CLIENT), lab.node(plan.CARRIER_CLIENT)
        self.answers = {
            f"VIP {plan.VIP_V6}": self._ask(lab, plan.CLIENT, plan.VIP_V6, plan.REAL_SERVERS),
            f"VIP {plan.CARRIER_VIP}": self._ask(lab, plan.CARRIER_CLIENT, plan.CARRIER_VIP, plan.REAL_SERVERS),
            f"VIP {plan.APP_VIP} inside the VPC": self._ask(lab, plan.OTHER_VM, plan.APP_VIP, plan.APP_SERVERS),
        }
        self.pings = {
            "VIP": (plan.VIP, tools.pings(client, plan.VIP, PINGS)),
            "EIP": (plan.EIP.address, tools.pings(client, plan.EIP.address, PINGS)),
            "EIP of IPv6": (plan.EIP_V6.address, tools.pings(client, plan.EIP_V6.address, PINGS)),
            "EIP of the carrier": (plan.CARRIER_EIP.address, tools.pings(carrier, plan.CARRIER_EIP.address, PINGS)),
        }
        for what, (address, answered) in self.pings.items():
            self.expect(f"pings of {what} {address} that were answered", answered, PINGS)

    def _ask(self, lab: Lab, client: str, vip: str, servers: "tuple[str, ...]") -> "Counter[str]":
        per_rs = Counter(answer.split(" ")[0] for answer in tools.http_answers(lab.node(client), vip, REQUESTS))
        self.expect(f"answers to {client} from {vip}", sum(per_rs.values()), REQUESTS)
        for rs in servers:
            if not per_rs[rs]:
                self.fail(f"{client} → {vip}: {rs} got no request")
        return per_rs

    def report(self, measured: Measured) -> str:
        return "\n".join(
            [
                heading("Tunnels over IPv6 (from the answers)"),
                table(("requests to", "answers of"), [(to, named(per_rs)) for to, per_rs in self.answers.items()]),
                "  pings: " + ", ".join(f"{what} {answered} of {PINGS}" for what, (_, answered) in self.pings.items()),
                f"  from the switch: packets of LDs over IPv6: {named(self.heard)}",
            ]
        )


def over_ipv6(text: str) -> str:
    """The desired state with every tunnel end in IPv6; of LDs the address that they have there already."""
    text = text.replace(f"tunnel_address: {plan.SWITCH_VTEP}\n", f'tunnel_address: "{plan.SWITCH_VTEP_V6}"\n')
    text = re.sub(r"steering_address: [\d.]+\n", f'steering_address: "{plan.STEERING_V6}"\n', text)
    ld = r"( +)address: [\d./]+\n +gateway: [\d.]+\n +address_v6: (.+)\n +gateway_v6: (.+)\n"
    text = re.sub(ld, r"\1address: \2\n\1gateway: \3\n", text)
    for host in plan.HOSTS:
        gateway, link = _gateway_of(host), plan.interfaces_of(host.name)[0]
        own = plan.SWITCH_ADDRESS[host.name]
        text = text.replace(f"address: {own}/24 }}", f'address: {own}/24, address_v6: "{gateway}/64" }}')
        neighbor = re.search(rf"( +- {{ address: ){re.escape(host.vtep)}(, mac: {link.mac}, port: \d+ }}\n)", text)
        assert neighbor
        text = text.replace(neighbor[0], f'{neighbor[0]}{neighbor[1]}"{host.vtep_v6}"{neighbor[2]}')
        text = re.sub(rf"host: {re.escape(host.vtep)}\b", f'host: "{host.vtep_v6}"', text)
    return text


def _all_well(lab: Lab) -> bool:
    """Of those that are checked: their hosts were elsewhere for a moment."""
    return all(item["health"] == "unknown" or item["share_percent"] == 100 for item in lab.sluice.get("rs"))


def _gateway_of(host: plan.Host) -> str:
    """2001:db8:f5::2 → 2001:db8:f5::1"""
    return host.vtep_v6.removesuffix("2") + "1"


def _heard(lab: Lab) -> "dict[str, int]":
    """Packets that the switch has had from each LD over IPv6, its heartbeats among them."""
    packets = heard(lab.sluice, plan.SWITCH, "ld_source_v6")
    return {ld: packets.get(address, 0) for ld, address in _addresses(lab).items()}


def _addresses(lab: Lab) -> "dict[str, str]":
    text = lab.sluice.file.read_text(encoding="utf-8")
    return {ld: re.search(rf'- name: {ld}\n.+\n +address: "(.+)/64"\n', text)[1] for ld in plan.LDS}  # type: ignore[index]
