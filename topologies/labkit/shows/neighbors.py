"""Neighbours whose MACs nobody declared: a running controller asks for them, a router at once, a host for its first packet."""

from .. import controller, plan, tools
from ..measure import Measured
from ..processes import wait_for
from ..show import Lab, Show
from ..terminal import heading, table

ROUTER = plan.ROUTERS[1]
HOST = plan.HOSTS[1]
EIP = plan.LIMITED_EIP
PINGS = 20
PATIENCE_S = 60


class NeighborsShow(Show):
    name = "neighbors"

    def run(self, lab: Lab) -> str:
        before = lab.sluice.file.read_text(encoding="utf-8")
        router = plan.interfaces_of(ROUTER)[1]
        host = plan.interfaces_of(HOST.name)[0]
        address = plan.host_of(router.address or "")
        self.macs = {address: router.mac, HOST.vtep: host.mac}
        with controller.running(lab) as running:
            # The router stays a next hop of routes, without its MAC; of the host nothing is left but its port's subnet.
            lab.sluice.change_line(plan.SWITCH, f"{address}, mac: {router.mac},", f"{address},")
            lab.sluice.remove_line(f"address: {HOST.vtep}, mac: {host.mac}")
            lab.sluice.change_line(plan.SWITCH, "port: 6, network: fabric,", "port: 6, network: fabric, learn: true,")
            running.sluice("apply")
            wait_for(lambda: self._knows(running, 1), f"{ROUTER} is known", lab.programs, PATIENCE_S)
            self.first = tools.pings(lab.node(plan.CLIENT), EIP.address, 1)
            wait_for(lambda: self._knows(running, 2), f"{HOST.name} is known", lab.programs, PATIENCE_S)
            self.answered = tools.pings(lab.node(plan.CLIENT), EIP.address, PINGS)
            self.rows = running.measured("neighbors")
            lab.sluice.file.write_text(before, encoding="utf-8")
            running.sluice("apply")
        lab.sluice.check_nothing_to_do()
        self.expect("pings of an EIP by the host that was asked for", self.answered, PINGS)
        return f"{ROUTER} and {HOST.name} without their MACs in sluice.yaml, found by ARP; {PINGS} pings by them"

    def _knows(self, running: controller.Controller, count: int) -> bool:
        found = {row["address"]: row.get("mac") for row in running.measured("neighbors") if row["state"] == "reachable"}
        return sum(found.get(address) == mac for address, mac in self.macs.items()) >= count

    def report(self, measured: Measured) -> str:
        columns = ("neighbor", "MAC", "port", "state")
        rows = [
            (row["address"], row.get("mac"), row["port"], row["state"])
            for row in self.rows
            if row["address"] in self.macs
        ]
        return "\n".join(
            [
                heading("Neighbours that nobody declared a MAC for (from the controller)"),
                table(columns, rows),
                f"  pings of {EIP.address}, by {HOST.name}: the first one {self.first} of 1, then {self.answered} of {PINGS}",
            ]
        )
