"""What the LD answers in its own name: ARP, neighbour discovery, pings."""

import dataclasses
import socket
import time

from scapy.all import (
    ARP,
    ICMP,
    IP,
    Ether,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrFragment,
    Raw,
    raw,
)
from scapy.layers.vxlan import VXLAN

from net import LD_MAC, PATIENCE_S, equal, mac_of, tunnelled, verify
from paths import ENTRY, GATEWAY, GATEWAY6, PATHS, V4, V6, VPC4, VPC6, Flow, echo_reply_of, header, inner, ip, version
from protocol_flows import pieces_of
from underlay import OVER_IPV6, VTEP

OWN6 = "fd00:10::11"  # over IPv6 it is also the VTEP
LINK_LOCAL = "fe80::ff:fe00:11"  # of LD_MAC


def arp(net):
    who_has = ARP(hwsrc=mac_of(GATEWAY), psrc=GATEWAY, pdst=VTEP)
    net.wire.send(Ether(src=mac_of(GATEWAY), dst="ff:ff:ff:ff:ff:ff") / who_has)
    reply = net.wire.next(lambda f: ARP in f and f[ARP].op == 2)
    equal("MACs", (reply.src, reply.dst), (LD_MAC, mac_of(GATEWAY)))
    equal("sender", (reply[ARP].hwsrc, reply[ARP].psrc), (LD_MAC, VTEP))
    equal("target", (reply[ARP].hwdst, reply[ARP].pdst), (mac_of(GATEWAY), GATEWAY))


def arp_is_nobodys(net):
    """Without IPv4 on the fabric: no answer, not even for 0.0.0.0."""
    for target in "10.0.0.11", "0.0.0.0":
        who_has = ARP(hwsrc=mac_of(GATEWAY), psrc="10.0.0.1", pdst=target)
        net.wire.send(Ether(src=mac_of(GATEWAY), dst="ff:ff:ff:ff:ff:ff") / who_has)
    answered = net.counter("arp_answered")
    ping_of_its_own(net, OWN6)  # behind them in the queue
    equal("answers", net.counter("arp_answered") - answered, 0)


def solicitation(target, src=GATEWAY6, multicast=True, hlim=255, option=True):
    packed = socket.inet_pton(socket.AF_INET6, target)
    group = socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:0")[:13] + packed[13:])
    mac = "33:33:ff:" + packed[13:].hex(":") if multicast else LD_MAC
    packet = IPv6(src=src, dst=group if multicast else target, hlim=hlim) / ICMPv6ND_NS(tgt=target)
    if option:
        packet /= ICMPv6NDOptSrcLLAddr(lladdr=mac_of(GATEWAY6))
    return Ether(src=mac_of(GATEWAY6), dst=mac) / packet


def advertisement(net):
    frame = net.wire.next(lambda f: ICMPv6ND_NA in f)
    verify(frame[IPv6])
    equal("hop limit", frame[IPv6].hlim, 255)
    equal("target MAC", (frame.src, frame[ICMPv6NDOptDstLLAddr].lladdr), (LD_MAC, LD_MAC))
    return frame


def neighbour_discovery(net):
    for target in OWN6, LINK_LOCAL:
        for multicast in True, False:
            net.wire.send(solicitation(target, multicast=multicast))
            frame = advertisement(net)
            equal("MAC", frame.dst, mac_of(GATEWAY6))
            equal("from, to, target", (frame[IPv6].src, frame[IPv6].dst, frame[ICMPv6ND_NA].tgt), (target, GATEWAY6, target))
            equal("flags", (frame[ICMPv6ND_NA].R, frame[ICMPv6ND_NA].S, frame[ICMPv6ND_NA].O), (0, 1, 1))


def duplicate_address_detection(net):
    """RFC 4862: from nobody, so the answer is for all."""
    net.wire.send(solicitation(OWN6, src="::", option=False))
    frame = advertisement(net)
    equal("MAC", frame.dst, "33:33:00:00:00:01")
    equal("to, flags", (frame[IPv6].dst, frame[ICMPv6ND_NA].S), ("ff02::1", 0))


def bad_neighbour_discovery(net):
    net.wire.send(solicitation(OWN6, hlim=254))
    net.expect_drops(bad_nd=1)
    bad = solicitation(OWN6)
    bad[ICMPv6NDOptSrcLLAddr].len = 0
    net.wire.send(bad)
    net.expect_drops(bad_nd=1)
    net.wire.send(tunnelled(solicitation(OWN6)[IPv6], 1))
    net.expect_drops(bad_nd=1)
    net.wire.send(solicitation("fd00:10::99"))  # not ours: no answer, no drop
    other = solicitation(OWN6)
    other[ICMPv6ND_NS].cksum = 1
    net.wire.send(other)
    net.expect_drops(bad_icmp=1)


def neighbours_are_asked_for(net):
    """A host on the link that nobody has configured: a client of IPv6."""
    path = dataclasses.replace(V6, client="fd00:10::77", client_hop="fd00:10::77")
    flow = Flow(net, path)
    flow.open()
    flow.send(flow.reply())
    question = net.wire.next(lambda f: ICMPv6ND_NS in f and f[ICMPv6ND_NS].tgt == "fd00:10::77")
    verify(question[IPv6])
    equal("MACs", (question.src, question.dst), (LD_MAC, "33:33:ff:00:00:77"))
    equal("from, to", (question[IPv6].src, question[IPv6].dst), (OWN6, "ff02::1:ff00:77"))
    equal("its MAC", question[ICMPv6NDOptSrcLLAddr].lladdr, LD_MAC)
    net.expect_drops(neighbour_unresolved=1)
    net.wire.neighbours = net.wire.neighbours | {"fd00:10::77"}
    net.wire.answer(question)
    deadline, flow.timeout_s = time.monotonic() + PATIENCE_S, 0.2
    while True:  # like a TCP that repeats itself
        assert time.monotonic() < deadline, "the neighbour's answer is not heard"
        flow.send(flow.reply())
        try:
            flow.to_client()
            break
        except AssertionError:
            continue
    net.settle()
    net.begin()


def ping_of_its_own(net, address):
    gateway = GATEWAY if version(address) == 4 else GATEWAY6
    echo = ICMP(id=7, seq=9) if version(address) == 4 else ICMPv6EchoRequest(id=7, seq=9)
    net.wire.send(Ether(src=mac_of(gateway), dst=LD_MAC) / ip(gateway, address, 1) / echo / Raw(b"ping"))
    reply = pong(net, gateway)
    equal("MACs", (reply.src, reply.dst), (LD_MAC, mac_of(gateway)))
    equal("from", inner(reply).src, address)


def pong(net, dst):
    frame = net.wire.next(echo_reply_of)
    packet, echo = inner(frame), echo_reply_of(frame)
    equal("to", packet.dst, dst)
    equal("id, seq", (echo.id, echo.seq), (7, 9))
    assert raw(packet).rstrip(b"\0").endswith(b"ping")
    size = packet.len if packet.version == 4 else 40 + packet.plen
    verify(packet.__class__(raw(packet)[:size]))
    return frame


def ping_of_vip(net, path):
    echo = ICMP(id=7, seq=9) if version(path.vip) == 4 else ICMPv6EchoRequest(id=7, seq=9)
    net.wire.send(tunnelled(ip(path.client, path.vip) / echo / Raw(b"ping"), 3, path.vni, path.steering))
    frame = pong(net, path.client)
    packet = inner(frame)
    equal("from, hops", (packet.src, packet.ttl if packet.version == 4 else packet.hlim), (path.vip, 64))
    equal("tunnel", VXLAN in frame, path.vni != 0 or path.steering == ENTRY)
    equal("MAC", frame.dst, mac_of(path.client_hop))
    if VXLAN in frame:
        equal("VNI, to", (frame[VXLAN].vni, frame.payload.dst), (path.vni, path.client_hop))


def ping_in_fragments(net, path):
    """The reply's fragments are the request's, with the type and the checksum of a reply."""
    data = bytes(range(256)) * 9
    if version(path.vip) == 4:
        request, reply = ICMP(id=7, seq=9) / Raw(data), ICMP(type=0, id=7, seq=9) / Raw(data)
    else:
        request, reply = (kind(id=7, seq=9, data=data) for kind in (ICMPv6EchoRequest, ICMPv6EchoReply))
    for piece in pieces_of(ip(path.client, path.vip) / request, 800, 4711):
        net.wire.send(tunnelled(piece, 3, path.vni, path.steering))
        frame = net.wire.next(lambda f: (IP in f or IPv6 in f) and inner(f).dst == path.client)
        equal("hops", header(inner(frame))[2], 64)
        wanted = next(
            wanted
            for wanted in pieces_of(ip(path.vip, path.client) / reply, 800, 4711)
            if offset_of(wanted) == offset_of(piece)
        )
        size = len(raw(wanted))
        equal("fragment of the reply", raw(inner(frame))[:size], raw(wanted))


def offset_of(piece):
    return piece.frag if piece.version == 4 else piece[IPv6ExtHdrFragment].offset


def ping_of_nobody(net, src, dst):
    echo = ICMP() if version(dst) == 4 else ICMPv6EchoRequest()
    net.wire.send(tunnelled(ip(src, dst) / echo, 3))
    net.expect_drops(no_service=1)


CASES = [
    ("arp", *((arp_is_nobodys, ()) if OVER_IPV6 else (arp, ()))),
    ("neighbour discovery", neighbour_discovery, ()),
    ("duplicate address detection", duplicate_address_detection, ()),
    ("bad neighbour discovery", bad_neighbour_discovery, ()),
    ("neighbours are asked for", neighbours_are_asked_for, ()),
    *((f"ping of its own, {address}", ping_of_its_own, (address,)) for address in dict.fromkeys((VTEP, OWN6, LINK_LOCAL))),
    *((f"ping of the VIP, {path.name}", ping_of_vip, (path,)) for path in PATHS),
    *((f"ping in fragments, {path.name}", ping_in_fragments, (path,)) for path in (V4, V6, VPC4, VPC6)),
    ("ping of nobody, v4", ping_of_nobody, ("192.0.2.1", "203.0.113.99")),
    ("ping of nobody, v6", ping_of_nobody, ("2001:db8::1", "2001:db8:f::99")),
]
