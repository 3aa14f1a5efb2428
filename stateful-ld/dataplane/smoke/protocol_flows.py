"""Packets of sessions: translation of whole packets, fragments, options and extension headers."""

import socket
import struct
import zlib

from scapy.all import (
    IP,
    TCP,
    UDP,
    IPOption_LSRR,
    IPOption_RR,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
    Raw,
    defragment,
    fragment,
    fragment6,
    raw,
)

from net import equal, plain, stopped, tunnelled, verify
from paths import FABRIC_MTU, NAT64, PATHS, V4, V6, VPC4, VPC4_AGAIN, Flow, header, version
from underlay import TUNNEL_BYTES

DATA = bytes(range(256)) * 16
PLAIN = (V4, V6, NAT64)


def tcp_both_ways(net, path):
    flow = Flow(net, path)
    mss_max = FABRIC_MTU - TUNNEL_BYTES - (60 if version(path.client) == 6 else 40)
    packet = flow.open(hops=60, tos=0xB9, options=[("MSS", 9000)])
    equal("to the RS", header(packet), (path.local_ip, path.rs, 59, 0xB9))
    equal("its port", packet[TCP].dport, path.rs_port)
    equal("bucket of the local port", packet[TCP].sport & 1023, flow.bucket)
    equal("TCP", (packet[TCP].seq, packet[TCP].ack, packet[TCP].flags), (1000, 2000, "S"))
    equal("MSS", dict(packet[TCP].options)["MSS"], mss_max)
    flow.send(flow.reply(hops=33, tos=0x02, options=[("MSS", 1200)]))
    packet = flow.to_client()
    equal("to the client", header(packet), (path.vip, path.client, 32, 0x02))
    equal("ports", (packet[TCP].sport, packet[TCP].dport), (path.port, flow.sport))
    equal("MSS that is small enough", dict(packet[TCP].options)["MSS"], 1200)
    flow.send(flow.request(flags="PA", payload=b"odd"))
    equal("payload", raw(flow.to_rs()[Raw]), b"odd")


def udp_both_ways(net, path):
    flow = Flow(net, path, UDP)
    equal("payload to the RS", raw(flow.open(payload=DATA[:500])[UDP].payload), DATA[:500])
    flow.send(flow.reply(payload=DATA[:1201]))
    packet = flow.to_client()
    equal("ports", (packet[UDP].sport, packet[UDP].dport), (path.port, flow.sport))
    equal("payload to the client", raw(packet[UDP].payload), DATA[:1201])


def bucket_of(flow):
    """Of a flow of UDP outside of any VPC, as the switch computes it."""
    family = socket.AF_INET if version(flow.path.client) == 4 else socket.AF_INET6
    ends = socket.inet_pton(family, flow.path.client) + socket.inet_pton(family, flow.path.vip)
    return zlib.crc32(bytes(3) + ends + struct.pack(">BHH", 17, flow.sport, flow.path.port)) & 1023


def plain_in(net, path):
    """Without a tunnel, as from a router: the LD finds the bucket itself."""
    flow = Flow(net, path, UDP)
    net.wire.send(plain(flow.request(payload=b"plain")))
    packet = flow.to_rs()
    equal("payload", raw(packet[UDP].payload), b"plain")
    equal("bucket", packet[UDP].sport & 1023, bucket_of(flow))


def vpcs_with_the_same_addresses(net):
    one, other = Flow(net, VPC4, UDP), Flow(net, VPC4_AGAIN, UDP)
    one.open(payload=b"one")  # open() has checked VNI and host
    other.sport, other.bucket = one.sport, one.bucket
    other.open(payload=b"other")
    one.send(one.reply(payload=b"to one"))
    equal("answer", raw(one.to_client()[UDP].payload), b"to one")


def with_extension(packet, extension):
    """Behind the IPv6 header; the segment has its checksum already."""
    packet = packet.__class__(raw(packet))
    l4 = packet.payload
    packet.remove_payload()
    del packet.nh, packet.plen
    return packet / extension.copy() / l4


def pieces_of(packet, size, number):
    """@param number the identification: another for each datagram"""
    if packet.version == 4:
        packet.id = number
        return fragment(packet, fragsize=size)
    return fragment6(with_extension(packet, IPv6ExtHdrFragment(id=0x12340000 | number)), size + 48)


def reassembled(packets):
    """The whole of the fragments, as (header of one, segment)."""
    if packets[0].version == 4:
        whole = defragment([packet.copy() for packet in packets])[0]
        verify(whole)
        return raw(whole.payload)
    parts = {packet[IPv6ExtHdrFragment].offset * 8: raw(packet[IPv6ExtHdrFragment].payload) for packet in packets}
    data = b"".join(parts[offset] for offset in sorted(parts))
    first = packets[0]
    verify(IPv6(src=first.src, dst=first.dst, nh=17) / Raw(data))
    return data


def fragment_ids(packets):
    return {packet.id if packet.version == 4 else packet[IPv6ExtHdrFragment].id for packet in packets}


def send_pieces(net, path, pieces, backwards):
    """The LD finds them all at once: those that come before the first do not wait for long."""
    with stopped(net.process):
        for piece in reversed(pieces) if backwards else pieces:
            net.wire.send(tunnelled(piece, 9, path.vni_of(piece), path.steering))


def fragments_both_ways(net, path, backwards):
    """The client's and the RS's datagrams in parts; the LD has not seen the flow before."""
    flow = Flow(net, path, UDP)
    pieces = pieces_of(flow.request(payload=DATA[:2500]), 800, flow.sport)
    send_pieces(net, path, pieces, backwards)
    flow.bucket = None
    packets = [flow.to_rs() for _ in pieces]
    data = reassembled(packets)
    equal("identifications", len(fragment_ids(packets)), 1)
    assert not fragment_ids(packets) & {flow.sport, 0x12340000 | flow.sport}, "the sender's identification is kept"
    equal("payload to the RS", data[8:], DATA[:2500])
    flow.local_port = int.from_bytes(data[0:2], "big")
    pieces = pieces_of(flow.reply(payload=DATA[:3000]), 1000, flow.sport)
    send_pieces(net, path, pieces, backwards)
    data = reassembled([flow.to_client() for _ in pieces])
    equal("payload to the client", data[8:], DATA[:3000])
    equal("port", int.from_bytes(data[2:4], "big"), flow.sport)


def ipv4_options_pass(net):
    flow = Flow(net, V4)
    packet = flow.open(options=[("MSS", 1000)])
    record = IPOption_RR(routers=["0.0.0.0", "0.0.0.0"])
    request = flow.request(flags="A", payload=b"x")
    request.options = [record]
    flow.send(request)
    packet = flow.to_rs()
    equal("option", (packet.ihl, packet.options[0].option), (8, 7))
    equal("payload", raw(packet[TCP].payload), b"x")


EXTENSIONS = {
    "hop-by-hop": IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 12)]),
    "destination": IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)]),
    "routing": IPv6ExtHdrRouting(segleft=0),
    "atomic fragment": IPv6ExtHdrFragment(id=5),
    "several": IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrRouting(segleft=0) / IPv6ExtHdrDestOpt(),
}


def extension_headers(net, path, extension):
    """The switch does not see the ports behind them, so its bucket is another; IPv4 has none of them."""
    flow = Flow(net, path, UDP)
    wanted = with_extension(flow.request(payload=b"behind"), extension)
    net.wire.send(tunnelled(wanted, 9))
    flow.bucket = None
    packet = flow.to_rs()
    equal("payload", raw(packet[UDP].payload), b"behind")
    equal("bucket", packet[UDP].sport & 1023, bucket_of(flow))
    flow.local_port = packet[UDP].sport
    if path.nat64:
        equal("IPv4 header", (packet.version, packet.ihl, packet.proto), (4, 5, 17))
        return
    chain = raw(wanted)[40 : -len(raw(wanted[UDP]))]
    equal("extension headers", raw(packet)[40 : 40 + len(chain)], chain)
    flow.bucket = flow.local_port & 1023
    flow.send(with_extension(flow.reply(payload=b"back"), extension))
    equal("payload of the answer", raw(flow.to_client()[UDP].payload), b"back")


def bad_extension_headers(net):
    flow = Flow(net, V6, UDP)
    for extension in (
        IPv6ExtHdrRouting(segleft=1, addresses=["2001:db8::1"]),
        IPv6ExtHdrDestOpt() / IPv6ExtHdrHopByHop(),
        IPv6ExtHdrDestOpt(len=200),
    ):
        net.wire.send(tunnelled(with_extension(flow.request(payload=b"x"), extension), 9))
        net.expect_drops(bad_ip_extension=1)
    net.wire.send(tunnelled(with_extension(flow.request(), IPv6ExtHdrDestOpt(nh=59)), 9))
    net.expect_drops(unknown_protocol=1)


def udp_without_checksum(net):
    """IPv6 wants one: the client's packet is dropped, the RS's gets one."""
    flow = Flow(net, NAT64, UDP)
    request = flow.request(payload=b"x")
    request[UDP].chksum = 0
    flow.send(request)
    net.expect_drops(udp_without_checksum=1)
    flow.open(payload=b"x")
    reply = flow.reply(payload=b"odd")
    reply[UDP].chksum = 0
    flow.send(reply)
    packet = flow.to_client()  # has been verified
    assert packet[UDP].chksum != 0
    plain = Flow(net, V4, UDP)
    plain.open(payload=b"x")
    reply = plain.reply(payload=b"x")
    reply[UDP].chksum = 0
    plain.send(reply)
    equal("checksum of IPv4", plain.to_client()[UDP].chksum, 0)


def nat64_headers(net):
    """RFC 7915: DF and identification by size, options dropped, source routes not forwarded."""
    flow = Flow(net, NAT64, UDP)
    small, big = flow.open(payload=b"x"), flow.open(payload=DATA[:1300])
    equal("small: DF", (str(small.flags), small.ihl), ("", 5))
    equal("big: DF, id", (str(big.flags), big.id), ("DF", 0))
    flow.send(flow.reply(payload=b"x", options=[IPOption_RR(routers=["0.0.0.0"])]))
    reply = flow.reply(payload=b"x")
    reply.options = [IPOption_RR(routers=["0.0.0.0"])]
    flow.to_client()
    flow.send(reply)
    packet = flow.to_client()
    equal("IPv6 header", (packet.nh, packet.fl, packet.plen), (17, 0, 9))
    reply.options = [IPOption_LSRR(routers=["10.9.9.9"], pointer=4)]
    flow.send(reply)
    net.expect_drops(bad_ip_extension=1)


CASES = [
    *((f"tcp both ways, {path.name}", tcp_both_ways, (path,)) for path in PATHS),
    *((f"udp both ways, {path.name}", udp_both_ways, (path,)) for path in PATHS),
    *((f"plain in, {path.name}", plain_in, (path,)) for path in PLAIN),
    ("vpcs with the same addresses", vpcs_with_the_same_addresses, ()),
    *(
        (f"fragments, {path.name}{' backwards' if backwards else ''}", fragments_both_ways, (path, backwards))
        for path in PATHS
        for backwards in (False, True)
    ),
    ("ipv4 options pass", ipv4_options_pass, ()),
    *(
        (f"extension headers, {path.name} {name}", extension_headers, (path, extension))
        for path in (V6, NAT64)
        for name, extension in EXTENSIONS.items()
    ),
    ("bad extension headers", bad_extension_headers, ()),
    ("udp without checksum", udp_without_checksum, ()),
    ("nat64 headers", nat64_headers, ()),
]
