"""Who is where: every node, link and address of the lab. topologies/sluice.yaml tells the controller the same.

    c1 ── r1 ──1 gw1 2── ld1
                    3── ld2
                    4── rs1
                    5── h1 ─┬ rs2   (VPC "blue", VNI 100)
                            └ vm1   (the same VPC; has the EIP)
                    6── h2 ── rs3   (VPC "blue", VNI 100)
"""

from dataclasses import dataclass
from typing import Optional

VIP = "203.0.113.10"
VIP_PORT = 80
SERVICE = "web"
PUBLIC_PREFIX = "203.0.113.0/24"
EIP = "203.0.113.50"
EIP_NAME = "vm1"

SWITCH = "gw1"
SWITCH_MAC = "02:00:00:01:00:01"
SWITCH_VTEP = "10.255.0.1"
DEVICE_ID = 1
CPU_PORT = 255

# The fabric carries whole 1500-byte packets inside VXLAN (50 bytes more, 70 with IPv6).
FABRIC_MTU = 1600
TENANT_MTU = 1500

CLIENT = "c1"
ROUTER = "r1"
LDS = ("ld1", "ld2")
REAL_SERVERS = ("rs1", "rs2", "rs3")
VM = "vm1"
# Who serves HTTP: the VM to those who reach it by its EIP, the client to the VM.
WEB_SERVERS = (*REAL_SERVERS, VM, CLIENT)

VNI = 100
VPC_GATEWAY = "192.168.0.1"
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


@dataclass(frozen=True)
class Host:
    """A hypervisor: guests behind a bridge and a VXLAN device. Guest i is on its interface i + 1."""

    name: str
    vtep: str
    guests: tuple[Guest, ...]


HOSTS = (
    Host(
        "h1",
        "10.0.5.2",
        (
            Guest("rs2", "192.168.0.2", "02:00:00:64:00:02", "02:00:00:00:08:01"),
            Guest(VM, "192.168.0.10", "02:00:00:64:00:0a", "02:00:00:00:08:02"),
        ),
    ),
    Host("h2", "10.0.6.2", (Guest("rs3", "192.168.0.3", "02:00:00:64:00:03", "02:00:00:00:09:01"),)),
)


def _switch_port(port: int) -> Interface:
    return Interface(SWITCH, SWITCH_MAC, port=port)


LINKS: tuple[tuple[Interface, Interface], ...] = (
    (
        Interface("c1", "02:00:00:00:01:02", "198.51.100.2/24", TENANT_MTU),
        Interface("r1", "02:00:00:00:01:01", "198.51.100.1/24", TENANT_MTU),
    ),
    (Interface("r1", "02:00:00:00:02:02", "192.0.2.2/30", TENANT_MTU, port=1), _switch_port(1)),
    (Interface("ld1", "02:00:00:00:03:02"), _switch_port(2)),
    (Interface("ld2", "02:00:00:00:04:02"), _switch_port(3)),
    (Interface("rs1", "02:00:00:00:05:02", "10.0.4.2/24", TENANT_MTU), _switch_port(4)),
    (Interface("h1", "02:00:00:00:06:02", "10.0.5.2/24"), _switch_port(5)),
    (Interface("h2", "02:00:00:00:07:02", "10.0.6.2/24"), _switch_port(6)),
    *(
        (
            Interface(guest.name, guest.mac, f"{guest.address}/24", TENANT_MTU),
            Interface(host.name, guest.bridge_mac, port=port),
        )
        for host in HOSTS
        for port, guest in enumerate(host.guests, 1)
    ),
)

# Next hop of everything that is not on a node's own subnet.
DEFAULT_GATEWAY = {
    "c1": "198.51.100.1",
    "rs1": "10.0.4.1",
    "h1": "10.0.5.1",
    "h2": "10.0.6.1",
    "rs2": VPC_GATEWAY,
    "rs3": VPC_GATEWAY,
    "vm1": VPC_GATEWAY,
}

# The switch's own address on the link to each node that has a kernel address there (node → address).
SWITCH_ADDRESS = {"r1": "192.0.2.1", "rs1": "10.0.4.1", "h1": "10.0.5.1", "h2": "10.0.6.1"}

# Its first address in the fabric, from which it answers there.
SWITCH_FABRIC_ADDRESS = "10.0.2.1"

# How the path to each real server looks, for the picture.
RS_PATH = {"rs1": "plain, routed", "rs2": f"VXLAN {VNI} → h1", "rs3": f"VXLAN {VNI} → h2"}


def node_names() -> list[str]:
    """Every node once, in the order of LINKS."""
    return list(dict.fromkeys(end.node for link in LINKS for end in link))


def interfaces_of(node: str) -> list[Interface]:
    return [end for link in LINKS for end in link if end.node == node]
