#!/usr/bin/python3
"""The real sluice-ld on a veth pair in a network namespace of its own.

Usage: smoke_test.py PATH_TO_SLUICE_LD [EAL lcore options]

Needs root and Debian's python3-scapy; exits 77 (meson: skipped) without them. Leaves no process and
no namespace behind, also when it fails.
"""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

SKIPPED = 77

try:
    from scapy.all import ARP, ICMP, IP, TCP, UDP, Ether, IPerror, Raw, TCPerror, defragment, fragment, raw
    from scapy.layers.vxlan import VXLAN
except ImportError:
    print("smoke test: SKIPPED (python3-scapy is missing: apt-get install python3-scapy)")
    sys.exit(SKIPPED)

from ending import clean_up_on_sigterm
from net import LD_MAC, PATIENCE_S, connect, enter_namespace, equal, namespace, stopped
from wire import message, named

NAMESPACE = f"sluice-ld-smoke-{os.getpid()}"
VTEP, GATEWAY, GATEWAY_VTEP, STEERING = "10.0.0.11", "10.0.0.1", "10.0.0.2", "198.18.0.1"
VIP, CLIENT, LOCAL_IP, RS = "203.0.113.10", "192.0.2.77", "198.18.1.1", "10.0.0.31"
HEARTBEAT_PORT, HEARTBEAT_KEY, LD_ID = 53793, 0xC0FFEE11, 7
TGKILL, CLOCK_NANOSLEEP = (234, 230) if os.uname().machine == "x86_64" else (131, 115)
MACS = {GATEWAY: "02:00:00:00:00:01", GATEWAY_VTEP: "02:00:00:00:00:02", RS: "02:00:00:00:00:31"}


def ip4(address):
    return socket.inet_aton(address)


def config(epoch=1, vip=VIP, weight=1):
    real_server = message((1, "rs1"), (2, ip4(RS)), (3, 80), (4, weight))
    service = message((1, "web"), (3, ip4(vip)), (4, 6), (5, 80), (6, 1), (7, real_server))
    dns_server = message((1, "rs1"), (2, ip4(RS)), (3, 53), (4, weight))
    dns = message((1, "dns"), (3, ip4(VIP)), (4, 17), (5, 53), (6, 1), (7, dns_server))
    return message(
        (1, ip4(VTEP)),
        (2, 24),
        (3, ip4(GATEWAY)),
        (5, ip4(GATEWAY_VTEP)),
        (6, ip4(LOCAL_IP)),
        (7, message((1, 0), (2, 1023))),
        (8, epoch),
        (9, service),
        (9, dns),
        (11, message((1, LD_ID), (2, HEARTBEAT_KEY), (3, 20), (4, ip4(GATEWAY)))),
    )


class Wire:
    """The other end of the LD's cable: answers ARP for everyone, keeps all else."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind(("wire", 0))

    def send(self, frame):
        self.socket.send(raw(frame))

    def next(self, wanted, timeout_s=PATIENCE_S):
        """The next frame `wanted` accepts."""
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data, address = self.socket.recvfrom(2048)
            except TimeoutError:
                break
            if address[2] == socket.PACKET_OUTGOING:
                continue
            frame = Ether(data)
            if ARP in frame and frame[ARP].op == 1 and frame[ARP].pdst in MACS:
                self.answer(frame)
            if wanted(frame):
                return frame
        raise AssertionError(f"no such frame within {timeout_s} s")

    def ask(self, frame, wanted):
        """Send like a TCP that repeats itself, until `wanted` accepts an answer: (answer, times sent)."""
        deadline, sent = time.monotonic() + PATIENCE_S, 0
        while time.monotonic() < deadline:
            self.send(frame)
            sent += 1
            try:
                return self.next(wanted, timeout_s=0.3), sent
            except AssertionError:
                continue
        raise AssertionError(f"no answer to {frame.summary()}")

    def answer(self, request):
        mac = MACS[request[ARP].pdst]
        self.send(
            Ether(src=mac, dst=request.src)
            / ARP(op=2, hwsrc=mac, psrc=request[ARP].pdst, hwdst=request.src, pdst=request[ARP].psrc)
        )


def checksums_right(packet):
    """Against scapy's own full computation."""
    again = IP(raw(packet))
    del again.chksum
    layer = TCP if TCP in again else UDP
    del again[layer].chksum
    again = IP(raw(again))
    assert again.chksum == packet.chksum, "IPv4 checksum"
    assert again[layer].chksum == packet[layer].chksum, "L4 checksum"


def error_checksums_right(packet):
    """Outside and embedded; the quoted segment is whole in these tests."""
    again = IP(raw(packet))
    del again.chksum, again[ICMP].chksum
    if IPerror in again:
        del again[IPerror].chksum
        quoted = IP(raw(packet[IPerror]))
        checksums_right(quoted)
    equal("ICMP message, all checksums computed anew", raw(again), raw(packet))


def tunnelled(inner, bucket, vni=0):
    return (
        Ether(src=MACS[GATEWAY], dst=LD_MAC)
        / IP(src=STEERING, dst=VTEP, ttl=64)
        / UDP(sport=0xC000 | bucket << 4, dport=4789, chksum=0)
        / VXLAN(flags=8, vni=vni)
        / Ether(src="02:00:00:00:00:aa", dst="02:00:00:00:00:bb")
        / inner
    )


def check_before_config(control, wire):
    equal("config before any", control.get_config(), b"")
    wire.send(tunnelled(IP(src=CLIENT, dst=VIP) / TCP(sport=999, dport=80), 5))
    deadline = time.monotonic() + PATIENCE_S
    while named(control.counters(), 3)["not_configured"] < 1:
        assert time.monotonic() < deadline, "not_configured is not counted"
        time.sleep(0.02)
    equal("sessions before any config", control.list_sessions(), [])


def check_config(control):
    equal("apply", control.apply_config(config()), (0, ""))
    code, reason = control.apply_config(config(epoch=2, vip=LOCAL_IP))
    equal("VIP in local IPs", code, 3)
    assert LOCAL_IP in reason and "web" in reason, reason
    code, reason = control.apply_config(config(epoch=0))
    equal("older epoch", (code, "epoch" in reason), (9, True))
    equal("config held", control.get_config() != b"", True)


def check_arp_and_ping(wire):
    for _ in range(2):
        wire.next(lambda f: ARP in f and f[ARP].op == 1 and f[ARP].pdst in (GATEWAY, RS))
    wire.send(Ether(src=MACS[GATEWAY], dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=MACS[GATEWAY], psrc=GATEWAY, pdst=VTEP))
    reply = wire.next(lambda f: ARP in f and f[ARP].op == 2)
    equal("ARP reply", (reply[ARP].hwsrc, reply[ARP].psrc), (LD_MAC, VTEP))
    wire.send(Ether(src=MACS[GATEWAY], dst=LD_MAC) / IP(src=GATEWAY, dst=VTEP) / ICMP(id=7, seq=9) / Raw(b"ping"))
    reply = wire.next(lambda f: ICMP in f and f[ICMP].type == 0)
    equal("echo reply", (reply[IP].src, reply[IP].dst, raw(reply[Raw])[:4]), (VTEP, GATEWAY, b"ping"))


def check_connection(wire):
    bucket = 0x155
    syn = IP(src=CLIENT, dst=VIP, ttl=60) / TCP(sport=40000, dport=80, flags="S", seq=1000, options=[("MSS", 9000)])
    # The LD may not have taken in the RS's ARP answer yet.
    to_rs, sent = wire.ask(tunnelled(syn, bucket), lambda f: TCP in f and f[IP].dst == RS)
    equal("MACs to the RS", (to_rs.src, to_rs.dst), (LD_MAC, MACS[RS]))
    equal("to the RS", (to_rs[IP].src, to_rs[TCP].dport, to_rs[IP].ttl), (LOCAL_IP, 80, 59))
    equal("bucket of the local port", to_rs[TCP].sport & 1023, bucket)
    equal("MSS", dict(to_rs[TCP].options)["MSS"], 1600 - 50 - 40)
    checksums_right(to_rs[IP])
    syn_ack = IP(src=RS, dst=LOCAL_IP, ttl=64) / TCP(
        sport=80, dport=to_rs[TCP].sport, flags="SA", seq=5000, ack=1001, options=[("MSS", 1460)]
    )
    wire.send(tunnelled(syn_ack, bucket))
    to_client = wire.next(lambda f: TCP in f and f[IP].dst == CLIENT)
    equal("MACs to the client", (to_client.src, to_client.dst), (LD_MAC, MACS[GATEWAY]))
    equal("to the client", (to_client[IP].src, to_client[TCP].sport, to_client[TCP].dport), (VIP, 80, 40000))
    checksums_right(to_client[IP])
    return to_rs[TCP].sport, sent


def check_icmp(wire, local_port):
    """A ping of the VIP, and errors about the connection from both sides."""
    wire.send(tunnelled(IP(src=CLIENT, dst=VIP) / ICMP(id=8, seq=1) / Raw(b"to the VIP"), 1))
    reply = wire.next(lambda f: ICMP in f and f[ICMP].type == 0)
    equal("echo reply of the VIP", (reply[IP].src, reply[IP].dst, reply[ICMP].id), (VIP, CLIENT, 8))
    error_checksums_right(reply[IP])
    bucket = 0x155
    to_rs = IP(src=LOCAL_IP, dst=RS, ttl=59) / TCP(sport=local_port, dport=80, seq=1000, flags="S")
    wire.send(tunnelled(IP(src="172.16.0.9", dst=LOCAL_IP) / ICMP(type=3, code=4, nexthopmtu=1400) / to_rs, bucket))
    error = wire.next(lambda f: ICMP in f and f[ICMP].type == 3)
    equal("error to the client", (error[IP].src, error[IP].dst, error[ICMP].nexthopmtu), (VIP, CLIENT, 1400))
    equal("packet it is about", (error[IPerror].src, error[IPerror].dst), (CLIENT, VIP))
    equal("its ports", (error[TCPerror].sport, error[TCPerror].dport), (40000, 80))
    error_checksums_right(error[IP])
    to_client = IP(src=VIP, dst=CLIENT, ttl=59) / TCP(sport=80, dport=40000, seq=5000, flags="SA")
    wire.send(tunnelled(IP(src="192.0.2.1", dst=VIP) / ICMP(type=11) / to_client, bucket))
    error = wire.next(lambda f: ICMP in f and f[ICMP].type == 11)
    equal("error to the RS", (error[IP].src, error[IP].dst), (LOCAL_IP, RS))
    equal("packet it is about", (error[IPerror].src, error[IPerror].dst), (RS, LOCAL_IP))
    equal("its ports", (error[TCPerror].sport, error[TCPerror].dport), (80, local_port))
    error_checksums_right(error[IP])


def check_fragments(wire, process):
    """Last piece first: it waits for the others, though not for long; so the LD finds them all at once."""
    datagram = IP(src=CLIENT, dst=VIP, id=77) / UDP(sport=5000, dport=53) / Raw(bytes(range(250)) * 8)
    pieces = fragment(datagram, fragsize=800)
    with stopped(process):
        for piece in reversed(pieces):
            wire.send(tunnelled(piece, 9))
    got = [wire.next(lambda f: IP in f and f[IP].dst == RS and f[IP].proto == 17) for _ in pieces]
    whole = defragment([frame[IP] for frame in got])[0]
    equal("ends of the datagram", (whole.src, whole[UDP].dport), (LOCAL_IP, 53))
    equal("its payload", raw(whole[UDP].payload), raw(datagram[UDP].payload))
    checksums_right(whole)


def beat(frame):
    """(flags, sequence) of a heartbeat; None when the frame is something else."""
    if UDP not in frame or frame[UDP].dport != HEARTBEAT_PORT:
        return None
    equal("heartbeat from, to, MAC", (frame[IP].src, frame[IP].dst, frame.dst), (VTEP, GATEWAY, MACS[GATEWAY]))
    key, ld_id, flags, epoch, sequence = struct.unpack(">IHHIQ", raw(frame[UDP].payload)[:20])
    equal("heartbeat key, LD, epoch", (key, ld_id, epoch), (HEARTBEAT_KEY, LD_ID, 1))
    return flags, sequence


def check_beats(wire, after):
    """Some beats, rising; the sequence of the last one."""
    for _ in range(5):
        flags, sequence = beat(wire.next(beat))
        equal("flags", flags, 0)
        assert sequence > after, f"heartbeat {sequence} after {after}"
        after = sequence
    return after


def check_last_words(wire, after):
    """Beats until the one that says "going down", and its sequence."""
    while True:
        flags, sequence = beat(wire.next(beat))
        assert sequence > after, f"heartbeat {sequence} after {after}"
        after = sequence
        if flags == 1:
            return after


def check_views(control, local_port, sent):
    (session,) = control.list_sessions("web", 10)
    equal("client of the session", (session[4][0], session[5][0]), (ip4(CLIENT), 40000))
    equal("local side of the session", (session[8][0], session[9][0]), (ip4(LOCAL_IP), local_port))
    equal("RS of the session", (session[1][0], session[12][0]), (b"web", b"rs1"))
    equal("state SYN_RECV", session[13][0], 2)
    equal("packets", (session[18][0], session[19][0]), (sent, 1))
    equal("sessions of another service", control.list_sessions("none"), [])
    counters = control.counters()
    assert named(counters, 2)["rx_packets"] >= 4, named(counters, 2)
    equal("active sessions", counters[4][0], 1)
    equal("worker cores", control.status()[3][0], 1)


def check_end(process, path):
    equal("exit code on SIGTERM", process.wait(PATIENCE_S), 0)
    equal("control socket after the end", os.path.exists(path), False)


def prepare_child():
    enter_namespace(NAMESPACE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextlib.contextmanager
def running(binary, lcores, path, device="net_af_packet0,iface=ld"):
    eal = ["--no-pci", "--no-shconf", "--no-telemetry", "--no-huge", "-m", "64", "--file-prefix", NAMESPACE]
    own = ["--control-socket", path, "--idle-sleep-us", "200", "--sessions", "1024"]
    process = subprocess.Popen(
        [binary, *lcores, *eal, "--vdev", device, "--", *own],
        preexec_fn=prepare_child,
        env={**os.environ, "RUNTIME_DIRECTORY": os.path.dirname(path)},  # DPDK makes a folder there
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def thread_named(process, part):
    for task in os.listdir(f"/proc/{process.pid}/task"):
        with open(f"/proc/{process.pid}/task/{task}/comm") as comm:
            if part in comm.read():
                return int(task)
    raise AssertionError(f"no thread {part}")


def sleeps(process, thread):
    """Whether it is in clock_nanosleep(), also when it is stopped there."""
    with open(f"/proc/{process.pid}/task/{thread}/syscall") as syscall:
        return syscall.read().split(" ")[0] == str(CLOCK_NANOSLEEP)


def crash(process, thread, number):
    """A signal to one thread, as if it had crashed. Not while the worker is in the driver, where it could say nothing more."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with stopped(process):
            if sleeps(process, thread_named(process, "worker")):
                assert ctypes.CDLL(None).syscall(TGKILL, process.pid, thread, int(number)) == 0
                return
        time.sleep(0.001)
    raise AssertionError("the worker never sleeps")


def losses(binary, lcores):
    """Frames that find the port's queue full are counted: net_pcap's, whose kernel buffer has 2 MiB, while nobody reads it."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "ld.sock")
        with running(binary, lcores, path, "net_pcap0,iface=ld") as process:
            control = connect(path, process)
            enter_namespace(NAMESPACE)
            wire, frame = Wire(), raw(tunnelled(IP(src=CLIENT, dst=VIP) / UDP() / Raw(bytes(1400)), 5))
            equal("frames missed at first", named(control.counters(), 2)["rx_missed"], 0)
            with stopped(process):
                for _ in range(10 * (2 << 20) // len(frame)):
                    wire.socket.send(frame)
            counted = named(control.counters(), 2)
            equal("others lost", (counted["rx_no_mbuf"], counted["rx_errors"]), (0, 0))
            assert counted["rx_missed"] > 0, counted
            control.close()
            process.send_signal(signal.SIGTERM)
            check_end(process, path)


def smoke(binary, lcores):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "ld.sock")
        # What a killed process leaves behind has to be replaced.
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(path)
        stale.close()
        with running(binary, lcores, path) as process:
            control = connect(path, process)
            enter_namespace(NAMESPACE)
            wire = Wire()
            check_before_config(control, wire)
            check_config(control)
            check_arp_and_ping(wire)
            local_port, sent = check_connection(wire)
            check_views(control, local_port, sent)
            check_icmp(wire, local_port)
            check_fragments(wire, process)
            sequence = check_beats(wire, 0)
            control.close()
            process.send_signal(signal.SIGTERM)
            sequence = check_last_words(wire, sequence)
            check_end(process, path)
        for part, number in (("worker", signal.SIGSEGV), ("", signal.SIGABRT)):
            with running(binary, lcores, path) as process:
                control = connect(path, process)
                equal("apply", control.apply_config(config()), (0, ""))
                sequence = check_beats(wire, sequence)
                crash(process, thread_named(process, part) if part else process.pid, number)
                sequence = check_last_words(wire, sequence)
                equal("exit code of a crash", process.wait(PATIENCE_S), -number)
                control.close()


def main():
    clean_up_on_sigterm()
    if os.geteuid() != 0:
        print("smoke test: SKIPPED (needs root, for a network namespace)")
        return SKIPPED
    binary = os.path.abspath(sys.argv[1])
    with namespace(NAMESPACE):
        lcores = sys.argv[2:] or ["--lcores", "(0,1)@(0-%d)" % (os.cpu_count() - 1)]
        smoke(binary, lcores)
        losses(binary, lcores)
    print("smoke test: passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
