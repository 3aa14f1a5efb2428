"""Builds the plan's namespaces and links with Mininet."""

from mininet.net import Mininet
from mininet.topo import Topo

from . import plan
from .errors import LabError
from .nodes import CarrierRouter, GatewaySwitch, Hypervisor, LabNode, Router, Uplink, same_network_namespace


class LabTopo(Topo):
    """The plan as Mininet wants it."""

    def build(self) -> None:
        switches = (plan.SWITCH, plan.ENTRY)
        kinds = {**dict.fromkeys(switches, GatewaySwitch), plan.UPLINK: Uplink, plan.CARRIER_ROUTER: CarrierRouter}
        kinds.update({router: Router for router in plan.ROUTERS})
        kinds.update({host.name: Hypervisor for host in plan.HOSTS})
        for name in plan.node_names():
            add = self.addSwitch if name in switches else self.addHost
            add(name, cls=kinds.get(name, LabNode))
        for one, other in plan.LINKS:
            self.addLink(
                one.node, other.node, port1=one.port, port2=other.port, addr1=one.mac, addr2=other.mac
            )


class LabNet(Mininet):
    """Mininet that leaves the machine's limits alone (it otherwise raises sysctls of the root namespace for good)."""

    inited = True

    def __init__(self) -> None:
        super().__init__(topo=LabTopo(), controller=None, build=False)


def build(net: LabNet) -> None:
    """Namespaces, links, addresses. The caller ends with `net.stop()`, also when this raises half-way."""
    net.build()
    net.start()
    for node in net.values():
        if same_network_namespace(node.pid):
            raise LabError(f"{node.name} is not in a network namespace of its own")
