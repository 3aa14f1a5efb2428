"""The EIP with real tools: ping, curl in both directions, traceroute, path-MTU discovery."""

import re
from dataclasses import dataclass, field
from typing import Sequence

from mininet.net import Mininet

from . import plan
from .nodes import LabNode

PINGS = 10
REQUESTS = 20
HAIRPIN_REQUESTS = 4
SMALL_MTU = 1300
# A ping of 1500 bytes: its payload, without ICMP's header and IP's.
_FULL_PAYLOAD = plan.TENANT_MTU - 28

CLIENT_ADDRESS = plan.interfaces_of(plan.CLIENT)[0].address.split("/")[0]  # type: ignore[union-attr]
ROUTER_ADDRESSES = tuple(end.address.split("/")[0] for end in plan.interfaces_of(plan.ROUTER) if end.address)
# What traceroute has to show, hop by hop. To the VM the gateway answers from its first address in the fabric.
HOPS_IN = (ROUTER_ADDRESSES[0], plan.SWITCH_ADDRESS[plan.ROUTER], plan.EIP)
HOPS_OUT = (plan.SWITCH_FABRIC_ADDRESS, ROUTER_ADDRESSES[1], CLIENT_ADDRESS)


@dataclass
class EipTraffic:
    """What came back, counted from the answers themselves."""

    pings: int = 0
    requests_in: int = 0
    requests_out: int = 0
    requests_hairpin: int = 0
    hops_in: Sequence[str] = ()
    hops_out: Sequence[str] = ()
    path_mtu: int = 0
    failures: list[str] = field(default_factory=list)


def run(net: Mininet) -> EipTraffic:
    """All of it, one after the other."""
    client, vm, router = net[plan.CLIENT], net[plan.VM], net[plan.ROUTER]
    result = EipTraffic(pings=_pings(client))
    _expect(result, "answers to ping", result.pings, PINGS)
    result.requests_in = _answers(client, plan.EIP, REQUESTS, f"{plan.VM} {CLIENT_ADDRESS}:")
    _expect(result, f"answers from {plan.VM} that saw {CLIENT_ADDRESS}", result.requests_in, REQUESTS)
    result.requests_out = _answers(vm, CLIENT_ADDRESS, REQUESTS, f"{plan.CLIENT} {plan.EIP}:")
    _expect(result, f"answers from {plan.CLIENT} that saw the EIP", result.requests_out, REQUESTS)
    result.requests_hairpin = _answers(vm, plan.VIP, HAIRPIN_REQUESTS, "rs")
    _expect(result, f"answers to {plan.VM} from the VIP", result.requests_hairpin, HAIRPIN_REQUESTS)
    result.hops_in = _traceroute(client, plan.EIP)
    _expect(result, f"traceroute from {plan.CLIENT}", list(result.hops_in), list(HOPS_IN))
    result.hops_out = _traceroute(vm, CLIENT_ADDRESS)
    _expect(result, f"traceroute from {plan.VM}", list(result.hops_out), list(HOPS_OUT))
    result.path_mtu = _path_mtu(vm, router)
    _expect(result, f"path MTU that {plan.VM} found", result.path_mtu, SMALL_MTU)
    return result


def _expect(result: EipTraffic, what: str, found: object, wanted: object) -> None:
    if found != wanted:
        result.failures.append(f"EIP: {what}: {found}, not {wanted}")


def _pings(client: LabNode) -> int:
    """Packets of full size, which no one may cut: VXLAN must not make the path narrower."""
    text = client.sh(f"ping -n -c {PINGS} -i 0.05 -W 2 -M do -s {_FULL_PAYLOAD} {plan.EIP} || true")
    found = re.search(r"(\d+) received", text)
    return int(found.group(1)) if found else 0


def _answers(node: LabNode, address: str, count: int, wanted: str) -> int:
    """How many of `count` requests, each on a connection of its own, got an answer that begins as wanted."""
    text = node.sh(
        f"curl --silent --max-time 5 --header 'Connection: close' 'http://{address}/?[1-{count}]' || true"
    )
    return sum(line.startswith(wanted) for line in text.splitlines())


def _traceroute(node: LabNode, address: str) -> list[str]:
    """The address of each hop, * for none."""
    text = node.sh(f"traceroute -n -q 1 -w 2 -m 6 {address} || true")
    return re.findall(r"^ *\d+  (\S+)", text, re.MULTILINE)


def _path_mtu(vm: LabNode, router: LabNode) -> int:
    """What the VM's kernel knows after the router has a narrower link and says so: an ICMP error from the router to the
    EIP, about a packet of the EIP, which must reach the VM as one about a packet of its own."""
    route = f"{CLIENT_ADDRESS}/32 dev {plan.ROUTER}-eth0"
    router.sh(f"ip route add {route} mtu lock {SMALL_MTU}")
    vm.sh(f"ping -n -c 2 -i 0.2 -W 1 -M do -s {_FULL_PAYLOAD} {CLIENT_ADDRESS} || true")
    router.sh(f"ip route del {route}")
    found = re.search(r"\bmtu (\d+)", vm.sh(f"ip route get {CLIENT_ADDRESS}"))
    return int(found.group(1)) if found else 0
