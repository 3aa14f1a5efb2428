"""Who talks to whom in the protocol test: each path is one pair of families, plain or in a VPC."""

import dataclasses
import time

from scapy.all import ICMP, IP, TCP, UDP, Ether, ICMPv6EchoReply, ICMPv6EchoRequest, IPv6, Raw, raw
from scapy.layers.vxlan import VXLAN

from net import LD_MAC, PATIENCE_S, equal, mac_of, tunnelled, verify
from underlay import OVER_IPV6, STEERING, VTEP
from wire import named

GATEWAY6 = "fd00:10::1"
# On a fabric of IPv6 all IPv4 leaves by the gateway, whose MAC goes by its IPv6 address.
GATEWAY = GATEWAY6 if OVER_IPV6 else "10.0.0.1"
RS_HOP = GATEWAY if OVER_IPV6 else "10.0.0.31"
_TUNNELS_END = "fd00:10::{:x}" if OVER_IPV6 else "10.0.0.{}"
GATEWAY_VTEP, HOST, HOST_OTHER = (_TUNNELS_END.format(number) for number in (2, 41, 42))
ENTRY = _TUNNELS_END.format(9)  # of the region, at another site
LOCAL_IPS = {4: "198.18.1.1", 6: "fd00:18::1"}
FABRIC_MTU = 1600
SETTLED = 0x5E77  # of pings


@dataclasses.dataclass(frozen=True)
class Path:
    name: str
    client: str
    vip: str
    port: int
    rs: str
    rs_port: int
    hop: str  # to the RS, or to its host
    client_hop: str
    vni: int = 0  # of the VIP
    host: str = ""  # of an RS in a VPC
    rs_vni: int = 0
    steering: str = STEERING  # whose tunnel the client's packets come by

    @property
    def local_ip(self):
        return LOCAL_IPS[version(self.rs)]

    def vni_of(self, packet):
        """In which VPC a packet to the LD is: to the local IP it is from the RS's side."""
        return self.rs_vni if packet.dst == self.local_ip else self.vni

    @property
    def nat64(self):
        return version(self.client) != version(self.rs)


V4 = Path("v4", "192.0.2.77", "203.0.113.10", 80, "10.0.0.31", 8080, RS_HOP, GATEWAY)
V6 = Path("v6", "2001:db8:c::77", "2001:db8:f::10", 80, "fd00:20::31", 8080, GATEWAY6, GATEWAY6)
V6_ON_LINK = Path("v6-on-link", "2001:db8:c::78", "2001:db8:f::11", 80, "fd00:10::31", 8080, "fd00:10::31", GATEWAY6)
NAT64 = Path("nat64", "2001:db8:c::77", "2001:db8:f::10", 8000, "10.0.0.31", 8081, RS_HOP, GATEWAY6)
VPC4 = Path("vpc4", "192.168.1.77", "192.168.1.10", 80, "192.168.1.20", 80, HOST, GATEWAY_VTEP, 7001, HOST, 7001)
# The same addresses in another VPC, on another host.
VPC4_AGAIN = dataclasses.replace(VPC4, name="vpc4-again", hop=HOST_OTHER, vni=7002, host=HOST_OTHER, rs_vni=7002)
VPC6 = Path("vpc6", "fd99::77", "fd99::10", 80, "fd99::20", 80, HOST, GATEWAY_VTEP, 7001, HOST, 7001)
VPC_NAT64 = Path("vpc-nat64", "fd99::77", "fd99::10", 81, "192.168.1.21", 80, HOST, GATEWAY_VTEP, 7002, HOST, 7002)
# A public VIP whose RS is in a VPC.
INTO_VPC4 = Path("into-vpc4", "192.0.2.77", "203.0.113.11", 80, "192.168.1.22", 80, HOST, GATEWAY, 0, HOST, 7001)
INTO_VPC6 = Path("into-vpc6", "2001:db8:c::77", "2001:db8:f::12", 80, "fd99::22", 80, HOST, GATEWAY6, 0, HOST, 7001)

# Clients that came in by a region entry elsewhere are answered by its tunnel.
ENTRY4 = dataclasses.replace(V4, name="entry4", client="192.0.2.99", client_hop=ENTRY, steering=ENTRY)
ENTRY6 = dataclasses.replace(V6, name="entry6", client="2001:db8:c::99", client_hop=ENTRY, steering=ENTRY)

# UDP services that put a PROXY v2 header in front of each datagram.
PROXIED = tuple(dataclasses.replace(path, name=f"{path.name}-proxied", port=path.port + 10) for path in (V4, V6, NAT64))

# Of these there are services; paths by the entry share theirs.
SERVED = (V4, V6, V6_ON_LINK, NAT64, VPC4, VPC4_AGAIN, VPC6, VPC_NAT64, INTO_VPC4, INTO_VPC6)
PATHS = (*SERVED, ENTRY4, ENTRY6)
NEIGHBOURS = {ENTRY, GATEWAY, GATEWAY6, GATEWAY_VTEP, RS_HOP, "fd00:10::31", HOST, HOST_OTHER}


def version(address):
    return 6 if ":" in address else 4


def ip(src, dst, hops=64, tos=0, **fields):
    if version(src) == 4:
        return IP(src=src, dst=dst, ttl=hops, tos=tos, **fields)
    return IPv6(src=src, dst=dst, hlim=hops, tc=tos, **fields)


def header(packet):
    """(source, destination, hops, TOS) of either family."""
    if packet.version == 4:
        return packet.src, packet.dst, packet.ttl, packet.tos
    return packet.src, packet.dst, packet.hlim, packet.tc


def inner(frame):
    """The innermost IP packet."""
    if VXLAN in frame:
        frame = frame[VXLAN].payload
    return frame[IP] if IP in frame else frame[IPv6]


def echo_reply_of(frame):
    if ICMP in frame and frame[ICMP].type == 0:
        return frame[ICMP]
    return frame[ICMPv6EchoReply] if ICMPv6EchoReply in frame else None


def verify_outer(frame, packet):
    """The headers around a packet, whose checksum of UDP is 0 by either IP (RFC 7348, RFC 6935)."""
    outer, udp = frame.payload, frame[UDP]
    size = 30 + (packet.len if packet.version == 4 else 40 + packet.plen)
    equal("length, checksum of the tunnel's UDP", (udp.len, udp.chksum), (size, 0))
    if OVER_IPV6:
        equal("outer", (frame.type, outer.nh, outer.plen, outer.hlim), (0x86DD, 17, size, 64))
        equal("flow label", outer.fl, udp.sport)
    else:
        verify(outer, "outer")
        equal("outer", (frame.type, outer.proto, outer.len, outer.ttl), (0x0800, 17, 20 + size, 64))


class Net:
    def __init__(self, process, control, wire):
        self.process, self.control, self.wire = process, control, wire
        self.client_port = 20000

    def wait_until_resolved(self):
        """Packets of every path until each has found its way both ways. What comes late of them does not reach the cases."""
        deadline = time.monotonic() + 2 * PATIENCE_S
        for path in PATHS:
            while True:
                assert time.monotonic() < deadline, f"no way on path {path.name}"
                try:
                    Flow(self, path, UDP, timeout_s=0.3).answer_datagram(b"there?")
                    break
                except AssertionError:
                    continue
        self.settle()

    def settle(self):
        """Lets all go by that the LD answers to what it has been sent: it does one thing after the other."""
        gateway, echo = (GATEWAY, ICMP) if version(VTEP) == 4 else (GATEWAY6, ICMPv6EchoRequest)
        ping = Ether(src=mac_of(gateway), dst=LD_MAC) / ip(gateway, VTEP, 1) / echo(id=SETTLED, seq=self.next_port())
        self.wire.send(ping)
        self.wire.next(lambda frame: (echo_reply := echo_reply_of(frame)) and echo_reply.id == SETTLED)

    def begin(self):
        self.drops = named(self.control.counters(), 3)

    def end(self):
        """No drop that the case has not asked for."""
        self.expect_drops()

    def expect_drops(self, **expected):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            now = named(self.control.counters(), 3)
            new = {name: now[name] - self.drops[name] for name in now if now[name] != self.drops[name]}
            if new == expected or (expected and time.monotonic() > deadline) or not expected:
                break
            time.sleep(0.005)
        equal("drops", new, expected)
        self.drops = now

    def counter(self, name):
        return named(self.control.counters(), 2)[name]

    def next_port(self):
        self.client_port += 1
        return self.client_port


class Flow:
    """One client's flow on a path."""

    def __init__(self, net, path, kind=TCP, timeout_s=PATIENCE_S):
        self.net, self.path, self.kind, self.timeout_s = net, path, kind, timeout_s
        self.sport = net.next_port()
        self.bucket = self.sport & 1023  # None: whatever the LD computes
        self.local_port = None

    def request(self, payload=b"", hops=64, tos=0, flags="S", options=(), **fields):
        """The client's packet."""
        return ip(self.path.client, self.path.vip, hops, tos, **fields) / self.l4(
            self.sport, self.path.port, payload, flags, options
        )

    def reply(self, payload=b"", hops=64, tos=0, flags="SA", options=(), **fields):
        """The RS's packet."""
        return ip(self.path.rs, self.path.local_ip, hops, tos, **fields) / self.l4(
            self.path.rs_port, self.local_port, payload, flags, options
        )

    def l4(self, sport, dport, payload, flags, options):
        if self.kind is UDP:
            return UDP(sport=sport, dport=dport) / Raw(payload)
        return TCP(sport=sport, dport=dport, flags=flags, seq=1000, ack=2000, options=list(options)) / Raw(payload)

    def send(self, packet):
        from_rs = packet.dst == self.path.local_ip
        steering = Path.steering if from_rs else self.path.steering
        self.net.wire.send(tunnelled(packet, self.bucket, self.path.vni_of(packet), steering))

    def to_rs(self, wanted=lambda packet: True):
        """The next packet that goes to the RS, after all of its outside has been checked."""
        path = self.path
        return self._next(path.rs, path.hop, path.host, path.rs_vni, "02:00:00:00:aa:01", wanted)

    def to_client(self, wanted=lambda packet: True):
        path = self.path
        vtep = GATEWAY_VTEP if path.vni else path.client_hop if path.steering == ENTRY else ""
        return self._next(path.client, path.client_hop, vtep, path.vni, mac_of(path.client_hop), wanted)

    def _next(self, dst, hop, vtep, vni, inner_mac, wanted):
        def accept(frame):
            if IP not in frame and IPv6 not in frame:
                return False
            packet = inner(frame)
            return packet.dst == dst and packet.src != GATEWAY6 and wanted(packet)

        frame = self.net.wire.next(accept, self.timeout_s)
        equal("MACs", (frame.src, frame.dst), (LD_MAC, mac_of(hop)))
        packet = inner(frame)
        if not vtep:
            assert VXLAN not in frame, "a tunnel where none belongs"
            equal("ethertype", frame.type, 0x0800 if packet.version == 4 else 0x86DD)
        else:
            verify_outer(frame, packet)
            outer = frame.payload
            equal("tunnel", (outer.src, outer.dst, frame[VXLAN].vni), (VTEP, vtep, vni))
            equal("port of the tunnel", frame[UDP].dport, 4789)
            if self.bucket is not None:
                equal("bucket of the tunnel", frame[UDP].sport, 0xC000 | self.bucket << 4)
            equal("inner MACs", (frame[VXLAN].payload.src, frame[VXLAN].payload.dst), (LD_MAC, inner_mac))
            equal("inner ethertype", frame[VXLAN].payload.type, 0x0800 if packet.version == 4 else 0x86DD)
        # What is behind the IP packet in the frame is not part of it.
        size = packet.len if packet.version == 4 else 40 + packet.plen
        packet = packet.__class__(raw(packet)[:size])
        verify(packet)
        return packet

    def open(self, **fields):
        """A first packet of the client, and what the RS gets of it."""
        self.send(self.request(**fields))
        packet = self.to_rs()
        self.local_port = packet[self.kind].sport
        return packet

    def answer_datagram(self, payload):
        self.open(payload=payload)
        self.send(self.reply(payload=payload))
        return self.to_client()
