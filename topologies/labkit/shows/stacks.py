"""Real stacks through the LDs: a long download checked by hash, thousands of connections at once, iperf3, UDP whole and
in fragments, traceroute."""

from .. import iperf, plan, tools
from ..measure import Measured
from ..show import Lab, Show
from ..terminal import heading, named
from . import path_mtu, stack_traffic

_CONNECTIONS_S = 5
_IPERF_S = 2
_IPERF_PORT = 5201
# The last does not fit a packet: it goes, and comes back, in three fragments.
_ECHO_BYTES = (64, 1400, 4000)


class StacksShow(Show):
    name = "stacks"

    def run(self, lab: Lab) -> str:
        servers = {name: plan.address_of(name) for name in plan.REAL_SERVERS}
        self.hops = stack_traffic.hops(self, lab, plan.VIP)
        self.transfer = stack_traffic.transfer(self, lab, plan.VIP, lab.load.transfer_bytes)
        self.connections = stack_traffic.connections(self, lab, plan.VIP, lab.load.connections, _CONNECTIONS_S)
        self._iperf(lab)
        self.echos = stack_traffic.echos(self, lab, plan.VIP, servers, _ECHO_BYTES)
        mtus = {name: ("-4", path_mtu.SMALL_MTU) for name in plan.REAL_SERVERS}
        self.path_mtus = path_mtu.of_real_servers(self, lab, plan.VIP, "-4", mtus)
        return "a long download, many connections, iperf3, UDP and its fragments, traceroute, path MTU, all through the LDs"

    def _iperf(self, lab: Lab) -> None:
        client, server = lab.node(plan.CLIENT), lab.node("rs1")
        self.rates_bps = []
        with tools.running(server, *iperf.server(plan.address_of("rs1"), _IPERF_PORT)):
            tools.wait_for_listener(server, _IPERF_PORT)
            for options in ((), ("--reverse",)):
                command = iperf.client(plan.VIP, _IPERF_PORT, _IPERF_S, *options)
                with tools.running(client, *command) as running:
                    result = iperf.parse(tools.output_of(running, 10 * _IPERF_S))
                self.rates_bps.append(float(result["end"]["sum_received"]["bits_per_second"]))

    def report(self, measured: Measured) -> str:
        drops = "; ".join(f"{ld.name} {named(ld.drops)}" for ld in measured.lds)
        there, back = (rate / 1e6 for rate in self.rates_bps)
        return "\n".join(
            [
                heading(f"Real stacks through the VIP {plan.VIP}"),
                f"  {self.transfer}",
                f"  {self.connections}",
                f"  iperf3, TCP: {there:,.0f} Mbit/s to the real server, {back:,.0f} Mbit/s back",
                f"  UDP echo: {self.echos} (4,000 bytes are three fragments)",
                *self.path_mtus,
                f"  traceroute -T {plan.CLIENT} → VIP:{plan.VIP_PORT}: {' → '.join(self.hops)}",
                f"  dropped by the LDs: {drops}",
            ]
        )
