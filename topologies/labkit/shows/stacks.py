"""Real stacks through the LDs: a long download checked by hash, thousands of connections at once, iperf3, UDP whole and
in fragments, traceroute."""

from .. import iperf, plan, tools
from ..measure import Measured
from ..show import Lab, Show
from ..terminal import heading, named
from . import path_mtu, stack_traffic
from .vip_traffic import DOWNLOAD_BYTES, downloads

_CONNECTIONS_S = 5
_IPERF_S = 2
_IPERF_PORT = 5201
_NARROW_DOWNLOADS = 6
# The last does not fit a packet: it goes, and comes back, in three fragments.
_ECHO_BYTES = (64, 1400, 4000)


class StacksShow(Show):
    name = "stacks"

    def run(self, lab: Lab) -> str:
        servers = {name: plan.address_of(name) for name in plan.REAL_SERVERS}
        self._traceroute(lab)
        self.transfer = stack_traffic.transfer(self, lab, plan.VIP, lab.load.transfer_bytes)
        self.connections = stack_traffic.connections(self, lab, plan.VIP, lab.load.connections, _CONNECTIONS_S)
        self._iperf(lab)
        self.echos = stack_traffic.echos(self, lab, plan.VIP, servers, _ECHO_BYTES)
        self._path_mtu(lab)
        return "a long download, many connections, iperf3, UDP and its fragments, traceroute, path MTU, all through the LDs"

    def _traceroute(self, lab: Lab) -> None:
        """The LD is a hop, and so is the switch once more, where the real server is not in a VPC. To the client both are
        the VIP, as is the real server itself."""
        self.hops = tools.traceroute(lab.node(plan.CLIENT), plan.VIP, f"-T -p {plan.VIP_PORT}")
        before_ld = [plan.DEFAULT_GATEWAY[plan.CLIENT], plan.SWITCH_ADDRESS[plan.ROUTERS[0]]]
        if self.hops not in ([*before_ld, *behind] for behind in ([plan.VIP] * 2, [plan.VIP] * 3)):
            self.fail(f"traceroute to {plan.VIP}: {' → '.join(self.hops)}")

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

    def _path_mtu(self, lab: Lab) -> None:
        """What a real server sends is too long for the client's path. The router's ICMP error is for the VIP: the switch
        has to find the LD of the session by the packet that it quotes, and the LD the real server."""
        with path_mtu.narrow(lab, "-4"):
            got = downloads(lab.node(plan.CLIENT), lab.directory, plan.VIP, _NARROW_DOWNLOADS, parallel=1)
        for failure in got.failures:
            self.fail(f"with a path MTU of {path_mtu.SMALL_MTU}: {failure}")
        self.path_mtus = {}
        for name in plan.REAL_SERVERS:
            server = lab.node(name)
            self.path_mtus[name] = min(tools.path_mtus(server), default=0)
            server.sh("ip -4 route flush cache")
        if set(self.path_mtus.values()) - {0} != {path_mtu.SMALL_MTU}:
            self.fail(f"path MTUs that real servers learned: {named(self.path_mtus)}, not {path_mtu.SMALL_MTU}")

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
                f"  path MTU that real servers learned from a router's ICMP error to the VIP: {named(self.path_mtus)}",
                f"  {_NARROW_DOWNLOADS} downloads of {DOWNLOAD_BYTES // 1024} KiB over that path compared byte for byte",
                f"  traceroute -T {plan.CLIENT} → VIP:{plan.VIP_PORT}: {' → '.join(self.hops)}",
                f"  dropped by the LDs: {drops}",
            ]
        )
