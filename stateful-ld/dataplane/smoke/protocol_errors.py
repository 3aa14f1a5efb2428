"""ICMP errors: translated both ways with the packet they are about, and the LD's own."""

from scapy.all import TCP, UDP, Raw, raw
from scapy.utils import checksum

from net import equal, plain, pseudo_header
from paths import FABRIC_MTU, INTO_VPC4, INTO_VPC6, NAT64, PATHS, PROXIED, V4, V6, Flow, header, ip, version
from underlay import TUNNEL_BYTES

DATA = bytes(range(256)) * 16
ROUTERS = {4: "172.16.0.9", 6: "2001:db8:9::9"}

# RFC 7915 4.2: (type, code, word) of ICMPv4 and of ICMPv6; None: not translated.
FROM_V4 = [
    *(((3, code, 0), (1, 0, 0)) for code in (0, 1, 5, 6, 7, 8, 11, 12)),
    ((3, 2, 0), (4, 1, 6)),
    ((3, 3, 0), (1, 4, 0)),
    ((3, 4, 1400), (2, 0, 1420)),
    ((3, 4, 600), (2, 0, 1280)),
    *(((3, code, 0), (1, 1, 0)) for code in (9, 10, 13, 15)),
    ((3, 14, 0), None),
    ((11, 0, 0), (3, 0, 0)),
    ((11, 1, 0), (3, 1, 0)),
    ((12, 0, 0 << 24), (4, 0, 0)),
    ((12, 0, 1 << 24), (4, 0, 1)),
    ((12, 0, 2 << 24), (4, 0, 4)),
    ((12, 2, 9 << 24), (4, 0, 6)),
    ((12, 0, 8 << 24), (4, 0, 7)),
    ((12, 0, 12 << 24), (4, 0, 8)),
    ((12, 0, 19 << 24), (4, 0, 24)),
    ((12, 0, 4 << 24), None),
    ((12, 1, 0), None),
]
# RFC 7915 5.2.
FROM_V6 = [
    ((1, 0, 0), (3, 1, 0)),
    ((1, 1, 0), (3, 10, 0)),
    ((1, 2, 0), (3, 1, 0)),
    ((1, 3, 0), (3, 1, 0)),
    ((1, 4, 0), (3, 3, 0)),
    ((1, 5, 0), None),
    ((2, 0, 1400), (3, 4, 1380)),
    ((2, 0, 1000), (3, 4, 1260)),
    ((3, 0, 0), (11, 0, 0)),
    ((3, 1, 0), (11, 1, 0)),
    ((4, 1, 40), (3, 2, 0)),
    ((4, 0, 4), (12, 0, 2 << 24)),
    ((4, 0, 6), (12, 0, 9 << 24)),
    ((4, 0, 7), (12, 0, 8 << 24)),
    ((4, 0, 8), (12, 0, 12 << 24)),
    ((4, 0, 39), (12, 0, 16 << 24)),
    ((4, 0, 2), None),
    ((4, 0, 40), None),
    ((4, 2, 0), None),
]


def error_about(packet, src, what):
    """An ICMP error of either family to the packet's sender, quoting all of it."""
    kind, code, word = what
    message = bytes((kind, code, 0, 0)) + word.to_bytes(4, "big") + raw(packet)
    return with_message(ip(src, packet.src, 61), message)


def with_message(outer, message):
    """An ICMP message with its checksum, behind an IP header."""
    protocol = 1 if outer.version == 4 else 58
    pseudo = b"" if protocol == 1 else pseudo_header(outer, protocol, len(message))
    total = checksum(pseudo + message[:2] + bytes(2) + message[4:])
    outer = outer.copy()
    setattr(outer, "proto" if protocol == 1 else "nh", protocol)
    return outer / Raw(message[:2] + total.to_bytes(2, "big") + message[4:])


def read(packet):
    """((type, code, word), what is quoted) of an error."""
    data = raw(packet)[packet.ihl * 4 if packet.version == 4 else 40 :]
    quoted = data[8:]
    return (data[0], data[1], int.from_bytes(data[4:8], "big")), packet.__class__(quoted)


def is_error(packet):
    return (packet.version == 4 and packet.proto == 1) or (packet.version == 6 and packet.nh == 58)


def from_rs_side(net, path, kind):
    """A router on the way to the RS reports the client's packet."""
    flow = Flow(net, path, kind)
    sent = flow.request(payload=DATA[:101], tos=0x10)
    at_rs = flow.open(payload=DATA[:101], tos=0x10)
    what = (3, 1, 0) if version(path.rs) == 4 else (1, 3, 0)
    flow.send(error_about(at_rs, ROUTERS[version(path.rs)], what))
    error = flow.to_client(is_error)  # verified, with what is quoted
    equal("from, to, hops", header(error)[:3], (path.vip, path.client, 60))
    said, quoted = read(error)
    equal("said", said, (3, 1, 0) if version(path.client) == 4 else ((1, 0, 0) if path.nat64 else what))
    equal("quoted ends", (quoted.src, quoted.dst), (path.client, path.vip))
    equal("quoted ports", (quoted[kind].sport, quoted[kind].dport), (flow.sport, path.port))
    equal("quoted TOS", header(quoted)[3], 0x10)
    equal("quoted payload", raw(quoted[kind].payload), raw(sent[kind].payload))


def from_client_side(net, path, kind):
    """A router on the way to the client reports the RS's answer."""
    flow = Flow(net, path, kind)
    flow.open(payload=b"x")
    flow.send(flow.reply(payload=DATA[:100]))
    at_client = flow.to_client()
    what = (11, 0, 0) if version(path.client) == 4 else (3, 0, 0)
    flow.send(error_about(at_client, ROUTERS[version(path.client)], what))
    error = flow.to_rs(is_error)
    equal("from, to, hops", header(error)[:3], (path.local_ip, path.rs, 60))
    said, quoted = read(error)
    equal("said", said, (11, 0, 0) if version(path.rs) == 4 else (3, 0, 0))
    equal("quoted ends", (quoted.src, quoted.dst), (path.rs, path.local_ip))
    equal("quoted ports", (quoted[kind].sport, quoted[kind].dport), (path.rs_port, flow.local_port))
    equal("quoted payload", raw(quoted[kind].payload), DATA[:100])


def quoted_in_part(net, path):
    """Only what every error must quote: the ports are just there."""
    flow = Flow(net, path, TCP)
    at_rs = flow.open(payload=b"x")
    size = len(raw(at_rs)) - len(raw(at_rs[TCP])) + 8
    outer = ip(ROUTERS[at_rs.version], at_rs.src)
    message = (b"\3\3" if at_rs.version == 4 else b"\1\4") + bytes(6) + raw(at_rs)[:size]
    flow.send(with_message(outer, message))
    said, quoted = read(flow.to_client(is_error))
    equal("said", said, (3, 3, 0) if version(path.client) == 4 else (1, 4, 0))
    equal("quoted ports", raw(quoted)[-8:-4], flow.sport.to_bytes(2, "big") + path.port.to_bytes(2, "big"))
    flow.send(with_message(outer, message[:-1]))
    net.expect_drops(bad_icmp=1)


def nat64_meaning(net, what, wanted, to_client):
    flow = Flow(net, NAT64, UDP)
    about = flow.open(payload=DATA[:40])
    if not to_client:
        flow.send(flow.reply(payload=DATA[:40]))
        about = flow.to_client()
    flow.send(error_about(about, ROUTERS[about.version], what))
    if wanted is None:
        net.expect_drops(icmp=1)
        return
    said, quoted = read(flow.to_client(is_error) if to_client else flow.to_rs(is_error))
    equal("said", said, wanted)
    equal("quoted length", len(raw(quoted[UDP])), 48)


def nat64_mtu_by_plateau(net):
    """RFC 1191 7.1: a router that does not say how much it takes."""
    flow = Flow(net, NAT64, UDP)
    about = flow.open(payload=DATA[:1472])
    flow.send(error_about(about, ROUTERS[4], (3, 4, 0)))
    said, quoted = read(flow.to_client(is_error))
    equal("said", said, (2, 0, 1492 + 20))
    equal("size of the error", len(raw(quoted)), 1280 - 48)


def hops_expired(net, path, of_vip):
    """Traceroute: the VIP, or the local IP, is the last hop that answers."""
    flow = Flow(net, path, UDP)
    flow.open(payload=b"x")
    packet = flow.request(payload=DATA[:30], hops=1) if of_vip else flow.reply(payload=DATA[:30], hops=1)
    packet = packet.__class__(raw(packet))
    flow.send(packet)
    error = flow.to_client(is_error) if of_vip else flow.to_rs(is_error)
    equal("from, hops", (error.src, header(error)[2]), (packet.dst, 64))
    said, quoted = read(error)
    equal("said", said, (11, 0, 0) if error.version == 4 else (3, 0, 0))
    equal("quoted", raw(quoted), raw(packet))


def too_big_for_nat64(net):
    """1600 bytes of IPv4 are 1620 of IPv6."""
    flow = Flow(net, NAT64, UDP)
    flow.open(payload=b"x")
    packet = flow.reply(payload=DATA[: 1590 - 28])
    packet.flags = "DF"
    packet = packet.__class__(raw(packet))
    net.wire.send(plain(packet))
    error = flow.to_rs(is_error)
    said, quoted = read(error)
    equal("said", said, (3, 4, FABRIC_MTU - 20))
    equal("from, to", header(error)[:2], (NAT64.local_ip, NAT64.rs))
    equal("quoted", raw(quoted), raw(packet)[: len(raw(quoted))])
    packet.flags = ""
    del packet.chksum
    net.wire.send(plain(packet))
    net.expect_drops(mtu_exceeded=1)


def too_big_for_the_tunnel(net, path):
    """From outside of a tunnel into one, for which 50 bytes are missing."""
    flow = Flow(net, path, UDP)
    flow.open(payload=b"x")
    mtu = FABRIC_MTU - TUNNEL_BYTES
    headers = 28 if version(path.client) == 4 else 48
    packet = flow.request(payload=DATA[: mtu - headers])
    net.wire.send(plain(packet))
    flow.bucket = None
    equal("a packet that just fits", len(raw(flow.to_rs())), mtu)
    packet = flow.request(payload=DATA[: mtu - headers + 1])
    if packet.version == 4:
        packet.flags = "DF"
    packet = packet.__class__(raw(packet))
    net.wire.send(plain(packet))
    error = flow.to_client(is_error)
    said, quoted = read(error)
    equal("said", said, (3, 4, mtu) if error.version == 4 else (2, 0, mtu))
    equal("from, hops", (error.src, header(error)[2]), (path.vip, 64))
    equal("size", len(raw(error)), 576 if error.version == 4 else 1280)
    equal("quoted", raw(quoted), raw(packet)[: len(raw(quoted))])


def too_long_by_a_proxy_header(net, path):
    """A datagram that would fit without the header; and what a router behind the LD says leaves room for it."""
    flow = Flow(net, path, UDP)
    family = version(path.client)
    added = (28 if family == 4 else 52) - (20 if path.nat64 else 0)
    headers = 28 if family == 4 else 48
    mtu = FABRIC_MTU - added
    packet = flow.request(payload=DATA[: mtu - headers])
    net.wire.send(plain(packet))
    flow.bucket = None
    equal("a packet that just fits", len(raw(flow.to_rs())), FABRIC_MTU)
    packet = flow.request(payload=DATA[: mtu - headers + 1])
    if family == 4:
        packet.flags = "DF"
    packet = packet.__class__(raw(packet))
    net.wire.send(plain(packet))
    said, quoted = read(flow.to_client(is_error))
    equal("said", said, (3, 4, mtu) if family == 4 else (2, 0, mtu))
    equal("quoted", raw(quoted), raw(packet)[: len(raw(quoted))])
    net.wire.send(plain(flow.request(payload=DATA[:1400])))
    about = flow.to_rs()
    what = (3, 4, 1400) if about.version == 4 else (2, 0, 1400)
    net.wire.send(plain(error_about(about, ROUTERS[about.version], what)))
    said, quoted = read(flow.to_client(is_error))
    equal("said of 1400 bytes behind the LD", said[2], 1400 - added)
    equal("quoted ports", (quoted[UDP].sport, quoted[UDP].dport), (flow.sport, path.port))
    if family == 4:
        net.wire.send(plain(flow.request(payload=DATA[: mtu - headers + 1])))
        net.expect_drops(mtu_exceeded=1)


CASES = [
    *(
        (f"error {side.__name__.replace('_', ' ')}, {path.name} {kind.__name__.lower()}", side, (path, kind))
        for side in (from_rs_side, from_client_side)
        for path in PATHS
        for kind in (TCP, UDP)
    ),
    *((f"error quoted in part, {path.name}", quoted_in_part, (path,)) for path in (V4, V6, NAT64)),
    *((f"nat64 error {what} of IPv4", nat64_meaning, (what, wanted, True)) for what, wanted in FROM_V4),
    *((f"nat64 error {what} of IPv6", nat64_meaning, (what, wanted, False)) for what, wanted in FROM_V6),
    ("nat64 MTU by plateau", nat64_mtu_by_plateau, ()),
    *(
        (f"hops expired, {path.name} {'request' if of_vip else 'answer'}", hops_expired, (path, of_vip))
        for path in PATHS
        for of_vip in (True, False)
    ),
    ("too big for NAT64", too_big_for_nat64, ()),
    *((f"too long by a PROXY header, {path.name}", too_long_by_a_proxy_header, (path,)) for path in PROXIED),
    *((f"too big for the tunnel, {path.name}", too_big_for_the_tunnel, (path,)) for path in (INTO_VPC4, INTO_VPC6)),
]
