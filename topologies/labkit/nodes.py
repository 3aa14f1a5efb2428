"""Mininet nodes of the lab: each in a network namespace of its own, configured from the plan."""

import subprocess
from pathlib import Path
from typing import Any, Sequence

from mininet.node import Node, Switch

from . import plan
from .errors import LabError

# IPv6 is off but on interfaces that have an address of it.
_SYSCTLS = ("net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1", "net.ipv4.conf.all.rp_filter=0")
# Packets on a veth are otherwise handed over with unfilled checksums, merged segments and VLAN tags beside the frame.
_OFFLOADS = ("tx", "rx", "tso", "gso", "gro", "rxvlan", "txvlan")


class LabNode(Node):
    """A node whose kernel has the plan's addresses."""

    def config(self, **_params: Any) -> dict[str, Any]:
        """Called by Mininet when the links are there. Replaces its configuration by the plan's."""
        lines = [f"sysctl -q -w {setting}" for setting in _SYSCTLS]
        lines.append("ip link set lo up")
        for interface in plan.interfaces_of(self.name):
            lines += _interface_lines(interface)
        for gateways in (plan.DEFAULT_GATEWAY, plan.DEFAULT_GATEWAY_V6):
            if self.name in gateways:
                lines.append(f"ip route add default via {gateways[self.name]}")
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
    """A Linux router of the internet; the gateway announces the public prefixes to it (static routes here). Answers to
    the client go to the client's first address, whichever router they come by."""

    def extra_lines(self) -> Sequence[str]:
        lines = [
            "sysctl -q -w net.ipv4.ip_forward=1",
            "sysctl -q -w net.ipv6.conf.all.forwarding=1",
            f"ip route add {plan.PUBLIC_PREFIX} via {plan.SWITCH_ADDRESS[self.name]}",
            f"ip route add {plan.PUBLIC_PREFIX_V6} via {plan.SWITCH_ADDRESS_V6[self.name]}",
        ]
        for family, (address, via) in client_by(self.name).items():
            if address != via:
                lines.append(f"ip {family} route add {address} via {via}")
                if family == "-4":  # the client has this one for a while (shows/guard.py)
                    lines.append(f"ip route add {plan.LISTED_ADDRESS} via {via}")
        return lines


class CarrierRouter(LabNode):
    """The router of the single-carrier network, whose frames to the gateway are tagged. `vlan_device.py` moves them
    between its VLAN device, a TAP, and the link: kernels without 802.1Q exist."""

    def extra_lines(self) -> Sequence[str]:
        device = plan.CARRIER_DEVICE
        return (
            "sysctl -q -w net.ipv4.ip_forward=1",
            f"ip tuntap add dev {device} mode tap",
            f"ip link set {device} address {plan.CARRIER_ROUTER_MAC} mtu {plan.TENANT_MTU} up",
            f"ip address add {plan.CARRIER_ROUTER_ADDRESS} dev {device}",
            f"ip route add {plan.CARRIER_PREFIX} via {plan.SWITCH_ADDRESS[self.name]}",
        )


class Uplink(LabNode):
    """The Ethernet switch that all routers share with one port of the gateway; tagged frames pass as they are."""

    def extra_lines(self) -> Sequence[str]:
        ports = [interface.name for interface in plan.interfaces_of(self.name)]
        joined = [f"ip link set {port} master br0" for port in ports]
        return ("ip link add br0 type bridge", *joined, "ip link set br0 up")


class Hypervisor(LabNode):
    """A host with a VXLAN device and a bridge of each VPC, and guests. All forwarding entries are static, nothing is learned."""

    def extra_lines(self) -> Sequence[str]:
        me = self._host()
        return (
            *(f"ip link add br{vni} type bridge" for vni in me.vnis),
            *(f"ip link set {self.name}-eth{port} master br{guest.vni}" for port, guest in enumerate(me.guests, 1)),
            *(f"ip link set br{vni} up" for vni in me.vnis),
            *self._tunnel_lines(over_v6=False),
        )

    def tunnel_over_ipv6(self, gateway: str) -> None:
        """Gives the host an IPv6 address on the fabric, and its tunnels the other ends that they have over IPv6."""
        device = f"{self.name}-eth0"
        self.sh(
            *enable_ipv6(device),
            f"ip address add {self._host().vtep_v6}/64 dev {device} nodad",
            f"ip -6 route add default via {gateway}",
            *self._no_tunnel_lines(),
            *self._tunnel_lines(over_v6=True),
        )

    def tunnel_over_ipv4(self) -> None:
        """As it was before."""
        self.sh(
            *self._no_tunnel_lines(),
            f"sysctl -q -w net.ipv6.conf.{self.name}-eth0.disable_ipv6=1",
            *self._tunnel_lines(over_v6=False),
        )

    def _host(self) -> plan.Host:
        return next(host for host in plan.HOSTS if host.name == self.name)

    def _no_tunnel_lines(self) -> list[str]:
        return [f"ip link del vxlan{vni}" for vni in self._host().vnis]

    def _tunnel_lines(self, over_v6: bool) -> list[str]:
        return [line for vni in self._host().vnis for line in self._tunnel_lines_of(vni, over_v6)]

    def _tunnel_lines_of(self, vni: int, over_v6: bool) -> list[str]:
        me, device = self._host(), f"vxlan{vni}"
        # `proxy`: the device answers the guests' ARP from its neighbour entries; nothing is flooded to the fabric.
        # The UDP checksum of tunnels is 0 (RFC 7348, RFC 6935).
        local = f"{me.vtep_v6} udp6zerocsumtx udp6zerocsumrx" if over_v6 else me.vtep
        lines = [
            f"ip link add {device} type vxlan id {vni} dstport 4789 local {local} nolearning proxy",
            f"ip link set {device} mtu {plan.TENANT_MTU} master br{vni} up",
            f"bridge link set dev {device} learning off",
        ]
        lines += enable_ipv6(device)
        of_gateway = (plan.VPC_GATEWAY, plan.VPC_GATEWAY_V6, plan.APP_VIP)
        remote = [(plan.VPC_GATEWAY_MAC, plan.SWITCH_VTEP_V6 if over_v6 else plan.SWITCH_VTEP, of_gateway)]
        for host in plan.HOSTS:
            if host is not me:
                vtep = host.vtep_v6 if over_v6 else host.vtep
                remote += [(guest.mac, vtep, guest.addresses) for guest in host.guests if guest.vni == vni]
        for mac, vtep, addresses in remote:
            lines.append(f"bridge fdb append {mac} dev {device} dst {vtep}")
            lines.append(f"bridge fdb replace {mac} dev {device} master static")
            for address in addresses:
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
    # An answer may come in by another router than the one that the request left by.
    lines.append(f"sysctl -q -w net.ipv4.conf.{interface.name}.rp_filter=0")
    for address in (interface.address, *interface.also):
        if address:
            lines.append(f"ip address add {address} dev {interface.name}")
    if interface.address_v6:
        lines += enable_ipv6(interface.name)
        lines.append(f"ip address add {interface.address_v6} dev {interface.name} nodad")
    return lines


def enable_ipv6(device: str) -> list[str]:
    """Shell lines. What the kernel says about its multicast groups (RFC 3810) is said before the switch listens."""
    settings = (
        ("accept_dad", 0),
        ("accept_ra", 0),
        ("router_solicitations", 0),
        ("mldv2_unsolicited_report_interval", 1),
        ("disable_ipv6", 0),
    )
    return [f"sysctl -q -w net.ipv6.conf.{device}.{name}={value}" for name, value in settings]


def client_by(router: str) -> dict[str, tuple[str, str]]:
    """`ip` option of the family → the client's first address, and its address on the link to this router."""
    router_mac = plan.interfaces_of(router)[0].mac
    link = next(one for one, other in plan.LINKS if other.mac == router_mac)
    assert link.address and link.address_v6
    return {
        "-4": (plan.address_of(plan.CLIENT), plan.host_of(link.address)),
        "-6": (plan.address_v6_of(plan.CLIENT), plan.host_of(link.address_v6)),
    }


def same_network_namespace(pid: int) -> bool:
    """Whether a process shares this one's network namespace."""
    return Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink()
