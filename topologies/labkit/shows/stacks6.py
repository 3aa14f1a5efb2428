"""Real stacks through an IPv6 VIP, whose real servers are of both families: a download checked by hash, many connections at once,
UDP whole and in fragments, and UDP to a real server of IPv4; traceroute and path MTU."""

from .. import plan
from ..measure import Measured
from ..show import Lab, Show
from ..terminal import heading
from . import path_mtu, stack_traffic

_CONNECTIONS_S = 4
# Of what `stacks` asks for.
_CONNECTIONS_PART, _TRANSFER_PART = 3, 4
# The last is three fragments (RFC 8200 4.5), each way.
_ECHO_BYTES = (64, 1400, 4000)
# NAT64 makes a datagram 20 bytes shorter on its way to IPv4, and longer on its way back.
_NAT64_ECHO_BYTES = (64, 1400)


class Stacks6Show(Show):
    name = "stacks6"

    def run(self, lab: Lab) -> str:
        load = lab.load
        servers = {name: plan.address_v6_of(name) for name in plan.APP_SERVERS}
        nat64 = {plan.REAL_SERVERS[0]: plan.address_of(plan.REAL_SERVERS[0])}
        # A router's error becomes one of IPv4 (NAT64), whose packets are 20 bytes shorter (RFC 7915 5.2).
        mtus = {
            plan.REAL_SERVERS[0]: ("-4", path_mtu.SMALL_MTU - 20),
            **{name: ("-6", path_mtu.SMALL_MTU) for name in plan.APP_SERVERS},
        }
        self.hops = stack_traffic.hops(self, lab, plan.VIP_V6)
        self.path_mtus = path_mtu.of_real_servers(self, lab, plan.VIP_V6, "-6", mtus)
        self.transfer = stack_traffic.transfer(self, lab, plan.VIP_V6, load.transfer_bytes // _TRANSFER_PART)
        self.connections = stack_traffic.connections(self, lab, plan.VIP_V6, load.connections // _CONNECTIONS_PART, _CONNECTIONS_S)
        self.echos = stack_traffic.echos(self, lab, plan.VIP_V6, servers, _ECHO_BYTES)
        self.nat64 = stack_traffic.echos(self, lab, plan.VIP_V6, nat64, _NAT64_ECHO_BYTES, plan.NAT64_ECHO_PORT)
        return "a download, many connections, UDP and its fragments, traceroute and path MTU through an IPv6 VIP, to real servers of both families"

    def report(self, measured: Measured) -> str:
        return "\n".join(
            [
                heading(f"Real stacks through the VIP {plan.VIP_V6}"),
                f"  {self.transfer}",
                f"  {self.connections}",
                f"  UDP echo: {self.echos} (4,000 bytes are three fragments)",
                f"  UDP echo by {plan.REAL_SERVERS[0]}, which is IPv4 (NAT64): {self.nat64}",
                *self.path_mtus,
                f"  traceroute -T {plan.CLIENT} → [VIP]:{plan.VIP_PORT}: {' → '.join(self.hops)}",
            ]
        )
