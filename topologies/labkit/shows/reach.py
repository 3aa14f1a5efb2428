"""How a VM and a client reach each other by an EIP, with real tools, in either family: ping, HTTP and UDP both ways,
traceroute, path-MTU discovery."""

from dataclasses import dataclass
from typing import Sequence

from .. import plan, tools
from ..nodes import LabNode
from ..show import Lab, Show
from . import path_mtu

PINGS = 10
# Each in three fragments, there and back.
LARGE_PINGS = 5
LARGE_BYTES = 4000
REQUESTS = 20
HAIRPIN_REQUESTS = 4
# The last does not fit a packet.
ECHO_BYTES = (64, 1400, LARGE_BYTES)
ECHOS = 10  # of each


@dataclass(frozen=True)
class Way:
    """An EIP of VM's and what is around it, in one family."""

    eip: plan.Eip
    ip: str  # `ip`'s option of the family
    client: str  # the client's address
    headers_bytes: int  # of a ping: IP's and ICMP's
    # What traceroute has to show, hop by hop; any of the addresses.
    hops_in: Sequence[Sequence[str]]
    hops_out: Sequence[Sequence[str]]


def _router_addresses(port: int, field: str) -> tuple[str, ...]:
    return tuple(plan.host_of(getattr(plan.interfaces_of(router)[port], field)) for router in plan.ROUTERS)


def _way(eip: plan.Eip, ip: str, client: str, headers_bytes: int, switch: str, fabric: str, field: str) -> Way:
    # The client's packets leave by its default gateway, the first router; those to it by any.
    hops_in = (_router_addresses(0, field)[:1], (switch,), (eip.address,))
    hops_out = ((fabric,), _router_addresses(1, field), (client,))
    return Way(eip, ip, client, headers_bytes, hops_in, hops_out)


# To the VM the gateway answers from its first address in the fabric.
IPV4 = _way(
    plan.EIP,
    "-4",
    plan.address_of(plan.CLIENT),
    20 + 8,
    plan.SWITCH_ADDRESS["r1"],
    plan.SWITCH_FABRIC_ADDRESS,
    "address",
)
IPV6 = _way(
    plan.EIP_V6,
    "-6",
    plan.address_v6_of(plan.CLIENT),
    40 + 8,
    plan.SWITCH_ADDRESS_V6["r1"],
    plan.SWITCH_FABRIC_ADDRESS_V6,
    "address_v6",
)


@dataclass(frozen=True)
class Reached:
    """What came back, counted from the answers themselves."""

    pings: int
    large_pings: int
    pings_out: int
    requests_in: int
    requests_out: int
    echos_in: int
    echos_out: int
    hops_in: Sequence[str]
    hops_out: Sequence[str]
    path_mtu: int


def run(lab: Lab, way: Way, show: Show) -> Reached:
    """All of it, one after the other; tells `show` what was not as it should be."""
    client, vm = lab.node(plan.CLIENT), lab.node(way.eip.vm)
    seen_in = f"{way.eip.vm} {way.client}:"
    seen_out = f"{plan.CLIENT} {way.eip.address}:"
    reached = Reached(
        # Of full size, and no one may cut them: VXLAN must not make the path narrower.
        pings=tools.pings(client, way.eip.address, PINGS, *_full_size(way)),
        large_pings=tools.pings(client, way.eip.address, LARGE_PINGS, f"-s {LARGE_BYTES - way.headers_bytes}"),
        pings_out=tools.pings(vm, way.client, PINGS),
        requests_in=_count(tools.http_answers(client, way.eip.address, REQUESTS), seen_in),
        requests_out=_count(tools.http_answers(vm, way.client, REQUESTS), seen_out),
        echos_in=_echos(client, way.eip.address, vm, way.eip.vm_address),
        echos_out=_echos(vm, way.client, client, way.client),
        hops_in=tools.traceroute(client, way.eip.address),
        hops_out=tools.traceroute(vm, way.client),
        path_mtu=_path_mtu(lab, way),
    )
    show.expect("answers to ping", reached.pings, PINGS)
    show.expect("answers to ping in fragments", reached.large_pings, LARGE_PINGS)
    show.expect(f"answers to ping from {way.eip.vm}", reached.pings_out, PINGS)
    show.expect(f"answers from {way.eip.vm} that saw {way.client}", reached.requests_in, REQUESTS)
    show.expect(f"answers from {plan.CLIENT} that saw the EIP", reached.requests_out, REQUESTS)
    for start, answered in ((plan.CLIENT, reached.echos_in), (way.eip.vm, reached.echos_out)):
        show.expect(f"UDP echos to {start}", answered, ECHOS * len(ECHO_BYTES))
    _expect_hops(show, plan.CLIENT, reached.hops_in, way.hops_in)
    _expect_hops(show, way.eip.vm, reached.hops_out, way.hops_out)
    show.expect(f"path MTU that {way.eip.vm} found", reached.path_mtu, path_mtu.SMALL_MTU)
    return reached


def lines(way: Way, reached: Reached) -> list[str]:
    """For the report."""
    vm, eip = way.eip.vm, way.eip.address
    return [
        f"  ping from {plan.CLIENT}: 1,500 bytes with DF, {reached.pings} of {PINGS} answered;"
        f" {LARGE_BYTES:,} bytes in fragments, {reached.large_pings} of {LARGE_PINGS};"
        f" from {vm} {reached.pings_out} of {PINGS}",
        f"  {plan.CLIENT} → EIP:80: {reached.requests_in} of {REQUESTS} requests, {vm} saw {way.client}",
        f"  {vm} → {plan.CLIENT}:80: {reached.requests_out} of {REQUESTS} requests, {plan.CLIENT} saw {eip}",
        f"  UDP echo of {', '.join(map(str, ECHO_BYTES))} bytes: {plan.CLIENT} → EIP {reached.echos_in},"
        f" {vm} → {plan.CLIENT} {reached.echos_out} of {ECHOS * len(ECHO_BYTES)}",
        f"  traceroute {plan.CLIENT} → EIP: {' → '.join(reached.hops_in)}",
        f"  traceroute {vm} → {plan.CLIENT}: {' → '.join(reached.hops_out)}",
        f"  path MTU that {vm} learned from a router's ICMP error: {reached.path_mtu}",
    ]


def _expect_hops(show: Show, start: str, found: Sequence[str], wanted: Sequence[Sequence[str]]) -> None:
    if len(found) != len(wanted) or any(hop not in hops for hop, hops in zip(found, wanted)):
        right = " → ".join("|".join(hops) for hops in wanted)
        show.fail(f"traceroute from {start}: {' → '.join(found)}, not {right}")


def _full_size(way: Way) -> tuple[str, ...]:
    return ("-M do", f"-s {plan.TENANT_MTU - way.headers_bytes}")


def _count(answers: Sequence[str], beginning: str) -> int:
    return sum(answer.startswith(beginning) for answer in answers)


def _echos(asker: LabNode, address: str, server: LabNode, server_address: str) -> int:
    with tools.udp_echo_server(server, server_address):
        return sum(tools.udp_echos(asker, address, octets, ECHOS) for octets in ECHO_BYTES)


def _path_mtu(lab: Lab, way: Way) -> int:
    """What the VM's kernel knows after the routers have narrower links and say so: an ICMP error from a router to the
    EIP, about a packet of the EIP, which must reach the VM as one about a packet of its own."""
    vm = lab.node(way.eip.vm)
    with path_mtu.narrow(lab, way.ip):
        vm.sh(f"ping -n -c 2 -i 0.2 -W 1 {' '.join(_full_size(way))} {way.client} || true")
    return tools.path_mtu(vm, way.client)
