"""Mininet nodes of the lab: each in a network namespace of its own, configured from the plan."""

import subprocess
from pathlib import Path
from typing import Any, Sequence

from mininet.node import Node, Switch

from . import plan
from .errors import LabError

_QUIET_SYSCTLS = ("net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
# Packets on a veth are otherwise handed over with unfilled checksums, merged segments and VLAN tags beside the frame.
_OFFLOADS = ("tx", "rx", "tso", "gso", "gro", "rxvlan", "txvlan")


class LabNode(Node):
    """A node whose kernel has the plan's addresses."""

    def config(self, **_params: Any) -> dict[str, Any]:
        """Called by Mininet when the links are there. Replaces its configuration by the plan's."""
        lines = [f"sysctl -q -w {setting}" for setting in _QUIET_SYSCTLS]
        lines.append("ip link set lo up")
        for interface in plan.interfaces_of(self.name):
            lines += _interface_lines(interface)
        gateway = plan.DEFAULT_GATEWAY.get(self.name)
        if gateway:
            lines.append(f"ip route add default via {gateway}")
        self.sh(*lines, *self.extra_lines())
        return {}

    def extra_lines(self) -> Sequence[str]:
        """What a kind of node adds to its configuration."""
        return ()

    def in_namespace(self, *command: str) -> list[str]:
        """The command line that runs `command` in this node's namespaces."""
        return ["mnexec", "-a", str(self.pid), *command]

    def sh(self, *lines: str) -> str:
        """Runs shell lines in the node, stops at the first that fails. Returns what they print."""
        run = subprocess.run(
            self.in_namespace("sh", "-ec", "\n".join(lines)), capture_output=True, text=True, check=False
        )
        if run.returncode != 0:
            raise LabError(f"{self.name}: configuration failed: {run.stderr.strip() or run.stdout.strip()}")
        return run.stdout


class Router(LabNode):
    """A Linux router; the gateway announces the VIP's prefix to it (a static route here)."""

    def extra_lines(self) -> Sequence[str]:
        gateway = plan.SWITCH_ADDRESS[self.name]
        return ("sysctl -q -w net.ipv4.ip_forward=1", f"ip route add {plan.PUBLIC_PREFIX} via {gateway}")


class Hypervisor(LabNode):
    """A host with a VXLAN device, a bridge and guests. All forwarding entries are static, nothing is learned."""

    def extra_lines(self) -> Sequence[str]:
        me = next(host for host in plan.HOSTS if host.name == self.name)
        device = f"vxlan{plan.VNI}"
        # `proxy`: the device answers the guests' ARP from its neighbour entries; nothing is flooded to the fabric.
        lines = [
            "ip link add br0 type bridge",
            f"ip link add {device} type vxlan id {plan.VNI} dstport 4789 local {me.vtep} nolearning proxy",
            f"ip link set {device} mtu {plan.TENANT_MTU} master br0 up",
            f"bridge link set dev {device} learning off",
            *(f"ip link set {self.name}-eth{port} master br0" for port in range(1, len(me.guests) + 1)),
            "ip link set br0 up",
        ]
        remote = [(plan.VPC_GATEWAY, plan.VPC_GATEWAY_MAC, plan.SWITCH_VTEP)]
        remote += [
            (guest.address, guest.mac, host.vtep) for host in plan.HOSTS if host is not me for guest in host.guests
        ]
        for address, mac, vtep in remote:
            lines.append(f"bridge fdb append {mac} dev {device} dst {vtep}")
            lines.append(f"bridge fdb replace {mac} dev {device} master static")
            lines.append(f"ip neighbour replace {address} lladdr {mac} dev {device} nud permanent")
        return lines


class GatewaySwitch(LabNode, Switch):
    """The gateway's ports. The program that forwards between them is a process of its own (parts.py)."""

    def __init__(self, name: str, **params: Any) -> None:
        params["inNamespace"] = True
        super().__init__(name, **params)

    def start(self, _controllers: Sequence[Any]) -> None:
        """Mininet configures hosts only; a switch configures itself when it starts."""
        self.config()


def _interface_lines(interface: plan.Interface) -> list[str]:
    offloads = " ".join(f"{feature} off" for feature in _OFFLOADS)
    # A program that owns the port answers ARP itself: the kernel must not.
    arp = "" if interface.address else "arp off"
    lines = [
        f"ethtool -K {interface.name} {offloads}",
        f"ip link set {interface.name} mtu {interface.mtu} {arp} up",
    ]
    if interface.address:
        lines.append(f"ip address add {interface.address} dev {interface.name}")
    return lines


def same_network_namespace(pid: int) -> bool:
    """Whether a process shares this one's network namespace."""
    return Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink()
