"""sluice-ld on a veth pair in a network namespace of its own, and the frames on the wire."""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import struct
import subprocess
import time

from scapy.all import ARP, IP, UDP, Ether, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, IPv6, raw
from scapy.layers.vxlan import VXLAN
from scapy.packet import split_bottom_up
from scapy.utils import checksum

from underlay import STEERING, VTEP
from wire import Control

# scapy takes more for VXLAN than what goes to its port: a local port may be any of these.
for port in (4790, 6633, 8472, 48879):
    split_bottom_up(UDP, VXLAN, dport=port)
for port in (4789, 4790, 6633, 8472):
    split_bottom_up(UDP, VXLAN, sport=port)

LD_MAC = "02:00:00:00:00:11"
PATIENCE_S = 60  # of something that is not going to come


def enter_namespace(name):
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{name}") as namespace:
        if libc.setns(namespace.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def run(*command):
    subprocess.run(command, check=True)


@contextlib.contextmanager
def namespace(name, cables=(("ld", LD_MAC, "wire"),)):
    """With cables: an LD's interface, its MAC, and the other end's name, of each."""
    run("ip", "netns", "add", name)
    try:
        for ld, mac, wire in cables:
            run("ip", "-n", name, "link", "add", "name", ld, "address", mac, "type", "veth", "peer", "name", wire)
            for interface in ld, wire:
                # No kernel address, no IPv6 chatter: all frames on the wire are the test's and the LD's.
                run("ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv6.conf.{interface}.disable_ipv6=1")
                run("ip", "-n", name, "link", "set", "dev", interface, "up", "mtu", "1600")
        yield
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


@contextlib.contextmanager
def sluice_ld(binary, name, path):
    """The running program, with its control socket at `path`."""

    def prepare():
        enter_namespace(name)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    eal = ["--lcores", f"(0,1)@(0-{os.cpu_count() - 1})", "--no-pci", "--no-shconf", "--no-telemetry", "--no-huge"]
    eal += ["-m", "64", "--file-prefix", name, "--vdev", "net_af_packet0,iface=ld"]
    own = ["--control-socket", path, "--idle-sleep-us", "200", "--sessions", "1024"]
    process = subprocess.Popen(
        [binary, *eal, "--", *own],
        preexec_fn=prepare,
        env={**os.environ, "RUNTIME_DIRECTORY": os.path.dirname(path)},  # DPDK makes a folder there
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def stopped(process):
    """What comes meanwhile, the program finds all at once when it goes on."""
    process.send_signal(signal.SIGSTOP)
    # Sent is not yet stopped.
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def connect(path, process):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return Control(path)
        except (ConnectionRefusedError, FileNotFoundError):
            assert process.poll() is None, f"sluice-ld has ended with {process.returncode}"
            assert time.monotonic() < deadline, f"no control socket after {PATIENCE_S} s"
            time.sleep(0.02)


def mac_of(address):
    """Of a neighbour: 02:00 and the last four bytes of its address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return "02:00:" + socket.inet_pton(family, address)[-4:].hex(":")


class Wire:
    """The other end of the LD's cable: answers ARP and neighbour solicitations for `neighbours`."""

    def __init__(self, neighbours):
        self.neighbours = neighbours
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind(("wire", 0))

    def send(self, frame):
        self.socket.send(raw(frame))

    def receive(self, timeout_s):
        """The next frame the LD has sent, or None."""
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data, address = self.socket.recvfrom(2048)
            except TimeoutError:
                return None
            if address[2] != socket.PACKET_OUTGOING:
                return Ether(data)
        return None

    def next(self, wanted, timeout_s=PATIENCE_S):
        """The next frame `wanted` accepts; questions for neighbours are answered on the way."""
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            frame = self.receive(left)
            if frame is None:
                break
            if wanted(frame):
                return frame
            self.answer(frame)
        raise AssertionError(f"no such frame within {timeout_s} s")

    def answer(self, frame):
        if ARP in frame and frame[ARP].op == 1 and frame[ARP].pdst in self.neighbours:
            mac = mac_of(frame[ARP].pdst)
            arp = ARP(op=2, hwsrc=mac, psrc=frame[ARP].pdst, hwdst=frame.src, pdst=frame[ARP].psrc)
            self.send(Ether(src=mac, dst=frame.src) / arp)
        elif ICMPv6ND_NS in frame and frame[ICMPv6ND_NS].tgt in self.neighbours:
            target = frame[ICMPv6ND_NS].tgt
            advertisement = ICMPv6ND_NA(tgt=target, R=0, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=mac_of(target))
            reply = IPv6(src=target, dst=frame[IPv6].src, hlim=255) / advertisement
            self.send(Ether(src=mac_of(target), dst=frame.src) / reply)


def outer_ip(src, dst, bucket):
    """As the switch writes it (p4src/controls/tunnel.p4)."""
    if ":" in dst:
        return IPv6(src=src, dst=dst, hlim=64, fl=0xC000 | bucket << 4)
    return IP(src=src, dst=dst, ttl=64)


def tunnelled(inner, bucket, vni=0, steering=STEERING, vtep=VTEP):
    """As the switch wraps it."""
    return (
        Ether(src=mac_of("10.0.0.1"), dst=LD_MAC)
        / outer_ip(steering, vtep, bucket)
        / UDP(sport=0xC000 | bucket << 4, dport=4789, chksum=0)
        / VXLAN(flags=8, vni=vni)
        / Ether(src="02:00:00:00:00:aa", dst="02:00:00:00:00:bb")
        / inner
    )


def plain(packet):
    """Not in a tunnel, as from a router."""
    return Ether(src=mac_of("10.0.0.1"), dst=LD_MAC) / packet


def pseudo_header(ip, protocol, size):
    if ip.version == 4:
        ends = socket.inet_aton(ip.src) + socket.inet_aton(ip.dst)
        return ends + struct.pack(">BBH", 0, protocol, size)
    ends = socket.inet_pton(socket.AF_INET6, ip.src) + socket.inet_pton(socket.AF_INET6, ip.dst)
    return ends + struct.pack(">IHBB", size, 0, 0, protocol)


def _l4(ip, data):
    """(protocol, segment) behind the IP header with its options or extensions; None of fragments."""
    if ip.version == 4:
        size = ip.ihl * 4
        return None if ip.flags.MF or ip.frag else (ip.proto, data[size:])
    protocol, at = ip.nh, 40
    while protocol in (0, 43, 44, 60):
        if protocol == 44:
            if struct.unpack_from(">H", data, at + 2)[0] & 0xFFF9:
                return None
            protocol, at = data[at], at + 8
        else:
            protocol, at = data[at], at + 8 + data[at + 1] * 8
    return protocol, data[at:]


def _zero_at(data, at):
    return data[:at] + b"\0\0" + data[at + 2 :]


def verify(packet, what="packet"):
    """Lengths and every checksum of an IP packet against scapy's; of a packet an error quotes too."""
    data = raw(packet)
    ip = IP(data) if data[0] >> 4 == 4 else IPv6(data)
    size = ip.len if ip.version == 4 else 40 + ip.plen
    if what == "packet":
        assert size == len(data), f"length {size} of {len(data)} bytes"
    if ip.version == 4:
        assert checksum(data[: ip.ihl * 4]) == 0, f"{what}: IPv4 header checksum"
    l4 = _l4(ip, data)
    if l4 is None or size > len(data):  # in parts, or quoted in part
        return
    protocol, segment = l4
    at = {6: 16, 17: 6, 1: 2, 58: 2}[protocol]
    (got,) = struct.unpack_from(">H", segment, at)
    if protocol == 17 and got == 0:
        assert ip.version == 4, f"{what}: UDP over IPv6 without a checksum"
        return
    pseudo = b"" if protocol == 1 else pseudo_header(ip, protocol, len(segment))
    wanted = checksum(pseudo + _zero_at(segment, at))
    assert got == (wanted or (0xFFFF if protocol == 17 else 0)), f"{what}: checksum {got:#x} instead of {wanted:#x}"
    if (protocol == 1 and segment[0] in (3, 11, 12)) or (protocol == 58 and segment[0] < 128):
        verify(segment[8:], "packet the error is about")


def equal(what, got, wanted):
    assert got == wanted, f"{what}: {got!r} instead of {wanted!r}"
