"""Who is where: every node, link and address of the lab. topologies/sluice.yaml tells the controller the same.

         ┌ r1 ┐                         2── ld1
    c1 ──┼ r2 ┼─ x1 ──1 gw1             3── ld2
         └ r3 ┘  │                      4── rs1
    c2 ─── m1 ───┘ (VLAN 30)            5── h1 ─┬ rs2   (VPC "blue", VNI 100)
                                                ├ vm1   (the same VPC; has the EIPs)
                                                └ rs4   (VPC "green", VNI 200; else as rs2)
                                        6── h2 ─┬ rs3   (VPC "blue")
                                                ├ vm2
                                                └ vm3   (VPC "green"; else as vm2)
                                        7── ld3         (spare, as is ld4)
                                        8── ld4
    c1 ────────────1 gw2 2───────────── 9               (the region's entry at another site: shows/entry.py)
"""

from dataclasses import dataclass
from typing import Optional

VIP = "203.0.113.10"
VIP_PORT = 80
VIP_V6 = "2001:db8:113::10"
SERVICE = "web"
PUBLIC_PREFIX = "203.0.113.0/24"
PUBLIC_PREFIX_V6 = "2001:db8:113::/48"

SWITCH = "gw1"
SWITCH_MAC = "02:00:00:01:00:01"
SWITCH_VTEP = "10.255.0.1"
# The same, and the source of its tunnels to LDs, while these go over IPv6 (shows/underlay6.py).
SWITCH_VTEP_V6 = "2001:db8:ff::1"
STEERING_V6 = "2001:db8:ff::100"
DEVICE_ID = 1
# The region's other entry. It runs while a show needs it, and is in no file until then.
ENTRY = "gw2"
ENTRY_MAC = "02:00:00:01:00:02"
ENTRY_VTEP = "10.255.0.2"
CPU_PORT = 255
# On the list acl.
BLOCKED_ADDRESS = "198.51.100.10"

# The fabric carries whole 1500-byte packets inside VXLAN (50 bytes more, 70 with IPv6).
FABRIC_MTU = 1600
TENANT_MTU = 1500

CLIENT = "c1"
ROUTERS = ("r1", "r2", "r3")
UPLINK = "x1"
LDS = ("ld1", "ld2")
# On the fabric, but in no cluster, and without a program until a show starts it.
SPARE_LDS = ("ld3", "ld4")
SPARE_LD = SPARE_LDS[0]
REAL_SERVERS = ("rs1", "rs2", "rs3")
VM = "vm1"
OTHER_VM = "vm2"

# The second upstream network: a single carrier's, tagged on the same port of the switch.
CARRIER_CLIENT = "c2"
CARRIER_ROUTER = "m1"
CARRIER_PREFIX = "100.64.9.0/24"
CARRIER_VLAN = 30
CARRIER_DEVICE = f"vlan{CARRIER_VLAN}"
CARRIER_ROUTER_ADDRESS = "100.64.0.2/30"
CARRIER_ROUTER_MAC = "02:00:00:00:0a:30"
CARRIER_VIP = "100.64.9.10"

VNI = 100
# The second VPC. A VM and a real server of it have the addresses, the MACs and the hosts of a VM and a real server of the first, and the
# VIP of its load balancer is the same.
GREEN_VNI = 200
GREEN_VM = "vm3"
GREEN_SERVER = "rs4"
GREEN_SERVICE = "app-green"
GREEN_EIP = "203.0.113.53"

# Who serves HTTP: the VMs to those who reach them by an EIP, the clients to the VMs.
WEB_SERVERS = (*REAL_SERVERS, GREEN_SERVER, VM, OTHER_VM, CLIENT, CARRIER_CLIENT)

# The VIP of an internal load balancer, and the EIP that is bound to it.
APP_SERVICE = "app"
APP_VIP = "192.168.0.100"
APP_EIP = "203.0.113.51"
APP_SERVERS = ("rs2", "rs3")
# Another service of the same VIP, in either VPC: by its real server there.
HELD_PORT = 7000
HELD_SERVERS = {"held": "rs2", "held-green": GREEN_SERVER}


@dataclass(frozen=True)
class Limited:
    """A service of the VIP with a limit, as sluice.yaml has both."""

    port: int
    limit: int
    is_rate: bool  # a second
    each_ld: bool = False  # else the LDs share it
    reset: bool = False  # who is refused is told so


SESSION_LIMIT = Limited(8083, 40, is_rate=False, reset=True)
NEW_SESSION_LIMIT = Limited(8084, 20, is_rate=True)
CLIENT_LIMIT = Limited(8085, 5, is_rate=True, each_ld=True)
BANDWIDTH_LIMIT = Limited(5202, 10_000_000, is_rate=True)
# More of the VIP's services: one by PROXY protocol, one with TOA, one with a list of clients that it is not for, one with a list of
# those it is for alone, one with SYN cookies.
PROXIED_PORT = 8081
TOA_PORT = 8082
LISTED_PORT = 8086
ALLOWED_PORT = 8088
# On both lists.
LISTED_ADDRESS = "198.51.100.11"
COOKIE_PORT = 8087
# With two real servers, where nobody listens until shows/guard.py takes one of them away.
PARTING_SERVICE, PARTING_PORT, PARTING_SERVERS = "parting", 8089, ("rs1", "rs2")
# Of the IPv6 VIP, with a real server of IPv4.
NAT64_ECHO_PORT = 9

VPC_GATEWAY = "192.168.0.1"
VPC_GATEWAY_V6 = "fd00:100::1"
# No machine has this MAC: the hosts' FDB sends it to the gateway's tunnel address.
VPC_GATEWAY_MAC = "02:00:00:64:00:01"


@dataclass(frozen=True)
class Interface:
    """One end of a link. `address` is None where the kernel must stay silent: the packets belong to a program."""

    node: str
    mac: str
    address: Optional[str] = None
    mtu: int = FABRIC_MTU
    port: int = 0
    address_v6: Optional[str] = None
    also: tuple[str, ...] = ()  # further addresses

    @property
    def name(self) -> str:
        return f"{self.node}-eth{self.port}"


@dataclass(frozen=True)
class Guest:
    """What would be a VM: a node on the bridge of a host."""

    name: str
    address: str
    mac: str
    bridge_mac: str  # of the host's interface towards the guest
    address_v6: Optional[str] = None
    also: tuple[str, ...] = ()
    vni: int = VNI

    @property
    def addresses(self) -> tuple[str, ...]:
        return (self.address, *self.also, *([self.address_v6] if self.address_v6 else []))


@dataclass(frozen=True)
class Host:
    """A hypervisor: guests behind a bridge and a VXLAN device of each VPC. Guest i is on its interface i + 1."""

    name: str
    vtep: str
    vtep_v6: str
    guests: tuple[Guest, ...]

    @property
    def vnis(self) -> list[int]:
        return sorted({guest.vni for guest in self.guests})


HOSTS = (
    Host(
        "h1",
        "10.0.5.2",
        "2001:db8:f5::2",
        (
            Guest("rs2", "192.168.0.2", "02:00:00:64:00:02", "02:00:00:00:08:01", "fd00:100::2"),
            # The second address is for its second EIP: by its source the gateway knows which one is meant.
            Guest(VM, "192.168.0.10", "02:00:00:64:00:0a", "02:00:00:00:08:02", "fd00:100::10", ("192.168.0.12",)),
            Guest(GREEN_SERVER, "192.168.0.2", "02:00:00:64:00:02", "02:00:00:00:08:03", vni=GREEN_VNI),
        ),
    ),
    Host(
        "h2",
        "10.0.6.2",
        "2001:db8:f6::2",
        (
            Guest("rs3", "192.168.0.3", "02:00:00:64:00:03", "02:00:00:00:09:01", "fd00:100::3"),
            Guest(
                OTHER_VM, "192.168.0.11", "02:00:00:64:00:0b", "02:00:00:00:09:02", "fd00:100::11", ("192.168.0.13",)
            ),
            Guest(GREEN_VM, "192.168.0.11", "02:00:00:64:00:0b", "02:00:00:00:09:03", vni=GREEN_VNI),
        ),
    ),
)


@dataclass(frozen=True)
class Eip:
    """An elastic IP as sluice.yaml has it, and the guest that has it."""

    name: str
    address: str
    vm: str
    vm_address: str


EIP = Eip("vm1", "203.0.113.50", VM, "192.168.0.10")
EIP_V6 = Eip("vm1-v6", "2001:db8:113::50", VM, "fd00:100::10")
CARRIER_EIP = Eip("vm1-carrier", "100.64.9.50", VM, "192.168.0.12")
LIMITED_EIP = Eip("vm2-limited", "203.0.113.52", OTHER_VM, "192.168.0.13")


def _switch_port(port: int) -> Interface:
    return Interface(SWITCH, SWITCH_MAC, port=port)


def _entry_port(port: int) -> Interface:
    return Interface(ENTRY, ENTRY_MAC, port=port)


def _router_links(i: int, router: str) -> tuple[tuple[Interface, Interface], ...]:
    """Router i is between the client and the Ethernet switch that all routers share with the gateway."""
    net, net_v6 = "198.51.100.{}/27", f"2001:db8:51:{i + 1}::{{}}/64"
    up, up_v6 = f"192.0.2.{i + 2}/29", f"2001:db8:1::{i + 2}/64"
    client = Interface(
        CLIENT, f"02:00:00:00:01:1{i}", net.format(32 * i + 2), TENANT_MTU, port=i, address_v6=net_v6.format(2)
    )
    below = Interface(router, f"02:00:00:00:01:2{i}", net.format(32 * i + 1), TENANT_MTU, address_v6=net_v6.format(1))
    above = Interface(router, f"02:00:00:00:02:0{i + 2}", up, TENANT_MTU, port=1, address_v6=up_v6)
    return ((client, below), (above, Interface(UPLINK, f"02:00:00:00:02:1{i}", port=i + 1)))


LINKS: tuple[tuple[Interface, Interface], ...] = (
    *(link for i, router in enumerate(ROUTERS) for link in _router_links(i, router)),
    (
        Interface(CARRIER_CLIENT, "02:00:00:00:0a:02", "100.64.2.2/24", TENANT_MTU),
        Interface(CARRIER_ROUTER, "02:00:00:00:0a:01", "100.64.2.1/24", TENANT_MTU),
    ),
    (Interface(CARRIER_ROUTER, "02:00:00:00:02:30", port=1), Interface(UPLINK, "02:00:00:00:02:13", port=4)),
    (Interface(UPLINK, "02:00:00:00:02:14"), _switch_port(1)),
    (Interface("ld1", "02:00:00:00:03:02"), _switch_port(2)),
    (Interface("ld2", "02:00:00:00:04:02"), _switch_port(3)),
    (Interface("rs1", "02:00:00:00:05:02", "10.0.4.2/24", TENANT_MTU), _switch_port(4)),
    (Interface("h1", "02:00:00:00:06:02", "10.0.5.2/24"), _switch_port(5)),
    (Interface("h2", "02:00:00:00:07:02", "10.0.6.2/24"), _switch_port(6)),
    (Interface(SPARE_LDS[0], "02:00:00:00:0b:02"), _switch_port(7)),
    (Interface(SPARE_LDS[1], "02:00:00:00:0c:02"), _switch_port(8)),
    (
        Interface(
            CLIENT, "02:00:00:00:01:13", "198.51.100.98/27", TENANT_MTU, port=3, address_v6="2001:db8:51:4::2/64"
        ),
        _entry_port(1),
    ),
    (_entry_port(2), _switch_port(9)),
    *(
        (
            Interface(
                guest.name,
                guest.mac,
                f"{guest.address}/24",
                TENANT_MTU,
                address_v6=guest.address_v6 and f"{guest.address_v6}/64",
                also=tuple(f"{address}/24" for address in guest.also),
            ),
            Interface(host.name, guest.bridge_mac, port=port),
        )
        for host in HOSTS
        for port, guest in enumerate(host.guests, 1)
    ),
)

# Next hop of everything that is not on a node's own subnet.
DEFAULT_GATEWAY = {
    "c1": "198.51.100.1",
    "c2": "100.64.2.1",
    "rs1": "10.0.4.1",
    "h1": "10.0.5.1",
    "h2": "10.0.6.1",
    **{guest.name: VPC_GATEWAY for host in HOSTS for guest in host.guests},
}
DEFAULT_GATEWAY_V6 = {
    "c1": "2001:db8:51:1::1",
    **{guest.name: VPC_GATEWAY_V6 for host in HOSTS for guest in host.guests if guest.address_v6},
}

# The switch's own address on the link to each node that has a kernel address there (node → address).
SWITCH_ADDRESS = {
    **{router: "192.0.2.1" for router in ROUTERS},
    CARRIER_ROUTER: "100.64.0.1",
    "rs1": "10.0.4.1",
    "h1": "10.0.5.1",
    "h2": "10.0.6.1",
}
SWITCH_ADDRESS_V6 = {router: "2001:db8:1::1" for router in ROUTERS}

# Its first address in the fabric, from which it answers there.
SWITCH_FABRIC_ADDRESS = "10.0.2.1"
SWITCH_FABRIC_ADDRESS_V6 = "2001:db8:f2::1"

# How the path to each real server looks, for the picture.
RS_PATH = {"rs1": "plain, routed", "rs2": f"VXLAN {VNI} → h1", "rs3": f"VXLAN {VNI} → h2"}


def node_names() -> list[str]:
    """Every node once, in the order of LINKS."""
    return list(dict.fromkeys(end.node for link in LINKS for end in link))


def interfaces_of(node: str) -> list[Interface]:
    return [end for link in LINKS for end in link if end.node == node]


def switch_port_of(node: str) -> int:
    """The port of the switch that a node is behind."""
    return next(other.port for one, other in LINKS if one.node == node and other.node == SWITCH)


def address_of(node: str) -> str:
    """The first address of a node, without its prefix length."""
    return next(host_of(end.address) for end in interfaces_of(node) if end.address)


def address_v6_of(node: str) -> str:
    """The first IPv6 address of a node, without its prefix length."""
    return next(host_of(end.address_v6) for end in interfaces_of(node) if end.address_v6)


def host_of(interface_address: str) -> str:
    """10.0.5.2/24 → 10.0.5.2"""
    return interface_address.split("/")[0]


def host_of_guest(name: str) -> Host:
    return next(host for host in HOSTS for guest in host.guests if guest.name == name)


def guest(name: str) -> Guest:
    return next(guest for host in HOSTS for guest in host.guests if guest.name == name)


def vm_line(eip: Eip) -> str:
    """What sluice.yaml says in an EIP's line `vm:`."""
    address = f'"{eip.vm_address}"' if ":" in eip.vm_address else eip.vm_address
    return f"{{ vpc: blue, address: {address}, host: {host_of_guest(eip.vm).vtep}, mac: {guest(eip.vm).mac} }}"
