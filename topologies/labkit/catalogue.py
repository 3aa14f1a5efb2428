"""The scenarios by name, for --help: without Mininet, which may not be installed yet."""

# In the order in which they run.
SCENARIOS = {
    "vip": "HTTP requests to a VIP, a ping of it, downloads compared byte for byte",
    "eip": "an EIP: ping, HTTP and UDP both ways, HTTP to a VIP of its own region, traceroute, path MTU",
    "ipv6": "an IPv6 EIP with the same tools, and an IPv6 VIP with real servers of both families (NAT64)",
    "networks": "a second upstream network on a VLAN of the same port, with its own router, EIP and VIP",
    "clb": "an internal load balancer: its VIP inside the VPC, and the EIP that is bound to it",
    "vpcs": "two VPCs with the same addresses: connections, a download, health checks, each in its own VPC at the same time",
    "limits": "an EIP's bandwidth limit, both ways, under iperf3; a small flow of high priority loses nothing",
    "ecmp": "flows spread over three routers; one leaves and comes back by sluice apply, and only its flows move",
    "neighbors": "a router and a host of VMs whose MACs nobody declared: a running controller asks for them by ARP",
    "protection": "senders with an address that is not theirs, or blocked, and the reasons by which they are dropped",
    "move": "an EIP moves from one VM to another and back, under HTTP requests and pings",
    "health": "a real server in a VPC stops and returns: health checks over IPv4 and IPv6 take it out, and bring it back slowly",
    "drain": "a real server is drained: its connections go on, new ones go elsewhere, and the last one's end is told",
    "failover": "an LD dies, hangs, loses its link or its memory, and returns, under connections and new ones",
    "scale": "LDs join, one is upgraded, two leave, under connections and new ones: buckets move by copy",
    "migrate": "a service moves to another cluster of LDs and back, under connections and new ones",
    "migrate-many": "100,000 UDP sessions move with their service to another cluster: how long, and what is lost",
    "stacks": "through the LDs: a long download checked by hash, thousands of connections, iperf3, UDP, traceroute, PMTU",
    "stacks6": "the same of an IPv6 VIP: a download, many connections, UDP and its fragments, and NAT64",
    "guard": "limits of services and of one client, lists of clients, SYN cookies under a flood, resets to both ends",
    "capture": "a client's address by PROXY protocol and TOA; a session captured on both sides of an LD",
    "entry": "a region entry at another site: a client comes in by it and is answered by its tunnel, over IPv4 and IPv6",
    "underlay6": "all tunnels of the region go over IPv6 by one sluice apply: requests, pings, EIPs; and back",
}
# What `all` leaves out on a target, and why; by its name it is shown all the same.
LEFT_OUT = {
    "softswitch": {"migrate-many": "it measures, and is for a machine that does nothing else"},
    "bmv2": {
        "failover": "simple_switch_grpc forwards nothing for seconds while it is written to: that would be measured",
        "drain": "the same",
        "scale": "the same",
        "migrate": "the same",
        "migrate-many": "the same",
        "stacks": "simple_switch_grpc drops what is beyond 64 frames for a port; a traceroute loses its last hop",
        "stacks6": "simple_switch_grpc drops what is beyond 64 frames for a port",
        "guard": "simple_switch_grpc drops what is beyond 64 frames for a port: a flood is for the LDs",
    },
}
# What a newcomer sees.
DEFAULT = ("vip", "eip", "ipv6", "networks")


def chosen(names: "list[str] | None", target: str) -> list[str]:
    """The scenarios that were asked for, in their order."""
    if not names:
        return list(DEFAULT)
    without = left_out(names, target)
    return [name for name in SCENARIOS if name in names or ("all" in names and name not in without)]


def left_out(names: "list[str] | None", target: str) -> dict[str, str]:
    """What `all` is without on this target, and why."""
    if not names or "all" not in names:
        return {}
    return {name: why for name, why in LEFT_OUT.get(target, {}).items() if name not in names}


def listing() -> str:
    """For --help."""
    width = max(map(len, SCENARIOS))
    lines = [f"  {name:{width}}  {what}{' *' if name in DEFAULT else ''}" for name, what in SCENARIOS.items()]
    everything = f"  {'all':{width}}  all of them, as CI runs"
    return "\n".join(["scenarios (*: shown when none is named):", *lines, everything])
