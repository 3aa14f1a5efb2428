"""Two LDs that stand in for each other, each on a cable of its own; the test is all that is at the other ends: a switch, clients, a real
server, and a network that loses, repeats and mixes up what the LDs tell each other."""

import contextlib
import heapq
import os
import queue
import random
import resource
import select
import socket
import struct
import subprocess
import threading
import time

from scapy.all import IP, TCP, raw

from net import connect, enter_namespace, mac_of, namespace, tunnelled
from wire import message, named, parse

VTEPS = {1: "10.0.0.11", 2: "10.0.0.12"}
VIP, LOCAL_IP, RS, RS_PORT, SWITCH = "203.0.113.10", "198.18.1.1", "10.0.0.31", 8080, "10.0.0.2"
# An LD that has no CPU for as long as that is offline, and what would open a connection there is opened by the other one.
HOLD_MS, HEARTBEAT_MS = 600, 10
HEARTBEAT_PORT, REPLICATION_PORT = 53793, 53794
PATIENCE_S = 60.0
ARP, IPV4 = 0x0806, 0x0800
SO_RCVBUFFORCE = 33


def ip4(address):
    return socket.inet_aton(address)


class Connection:
    """One of a client; `number` is its sequence number, by which it is known whatever its addresses are."""

    def __init__(self, number, bucket):
        self.number, self.bucket, self.local_port = number, bucket, None
        self.client, self.port = f"192.0.2.{1 + number % 250}", 20000 + number

    def from_client(self, flags):
        return IP(src=self.client, dst=VIP) / TCP(sport=self.port, dport=80, seq=self.number, flags=flags)

    def from_rs(self, flags):
        return IP(src=RS, dst=LOCAL_IP) / TCP(sport=RS_PORT, dport=self.local_port, seq=self.number, flags=flags)


class Network(threading.Thread):
    """Carries frames between the cables until `close`."""

    def __init__(self):
        super().__init__(daemon=True)
        self.random = random.Random(4711)
        self.loss = self.repeat = self.delay_s = 0.0
        self.cut = False
        self.lost = self.repeated = self.carried = 0
        self.translated = queue.SimpleQueue()  # frames that leave the pair
        self.beats = {ld: [] for ld in VTEPS}  # sequence numbers, in µs since 1970
        self._late = []  # (when, number, LD, frame)
        self._numbers = iter(range(1 << 62))
        self._closing = False
        self._cables = {ld: self._open(f"wire{ld}") for ld in VTEPS}

    @staticmethod
    def _open(interface):
        cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        cable.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)  # read by a thread that has to wait for the other one
        cable.bind((interface, 0))
        cable.setblocking(False)
        return cable

    def close(self):
        self._closing = True
        self.join()

    def send(self, ld, packet, bucket):
        """As the switch sends it to an LD."""
        frame = tunnelled(packet, bucket, vtep=VTEPS[ld])
        frame.dst = mac_of(VTEPS[ld])
        self._cables[ld].send(raw(frame))

    def run(self):
        while not self._closing:
            wait_s = min(0.05, max(0.0, self._late[0][0] - time.monotonic())) if self._late else 0.05
            readable, _, _ = select.select(self._cables.values(), [], [], wait_s)
            for ld, cable in self._cables.items():
                if cable in readable:
                    self._receive(ld, cable)
            while self._late and self._late[0][0] <= time.monotonic():
                _, _, to, frame = heapq.heappop(self._late)
                self._cables[to].send(frame)

    def _receive(self, ld, cable):
        with contextlib.suppress(BlockingIOError):
            while True:
                frame, address = cable.recvfrom(2048)
                if address[2] != socket.PACKET_OUTGOING:
                    self._take(ld, frame)

    def _take(self, ld, frame):
        (kind,) = struct.unpack_from(">H", frame, 12)
        if kind == ARP and frame[20:22] == b"\0\1":
            self._cables[ld].send(_arp_answer(frame))
        if kind != IPV4:
            return
        other = 3 - ld
        (port,) = struct.unpack_from(">H", frame, 36)
        if frame[30:34] == ip4(VTEPS[other]):
            self._carry(other, frame, port == REPLICATION_PORT)
        elif frame[23] == socket.IPPROTO_UDP and port == HEARTBEAT_PORT:
            self.beats[ld].append(int.from_bytes(frame[54:62], "big"))
        else:
            self.translated.put(frame)

    def _carry(self, to, frame, badly):
        """What one LD sends to the other one. A packet that it passes on, of a client's, is carried well."""
        if badly and (self.cut or self.random.random() < self.loss):
            self.lost += 1
            return
        copies = 2 if badly and self.random.random() < self.repeat else 1
        self.repeated += copies - 1
        self.carried += 1
        for _ in range(copies):
            when = time.monotonic() + (self.random.random() * self.delay_s if badly else 0)
            heapq.heappush(self._late, (when, next(self._numbers), to, frame))


def _arp_answer(frame):
    """Everybody is there."""
    asker, address = frame[22:32], frame[38:42]
    mac = bytes.fromhex(mac_of(socket.inet_ntoa(address)).replace(":", ""))
    return asker[:6] + mac + frame[12:20] + b"\0\2" + mac + address + asker


class Pair:
    """The LDs. Buckets 0 to 511 are LD 1's, the others LD 2's."""

    def __init__(self, binary, namespace, folder, network):
        self.binary, self.namespace, self.folder, self.network = binary, namespace, folder, network
        self.processes, self.controls = {}, {}

    def start(self, ld):
        """A data plane that knows nothing, with its configuration."""

        def prepare():
            enter_namespace(self.namespace)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        path = f"{self.folder}/ld{ld}.sock"
        eal = ["--lcores", f"(0,1)@(0-{os.cpu_count() - 1})", "--no-pci", "--no-shconf", "--no-telemetry", "--no-huge"]
        eal += ["-m", "64", "--file-prefix", f"{self.namespace}{ld}", "--vdev", f"net_af_packet0,iface=ld{ld}"]
        own = ["--control-socket", path, "--idle-sleep-us", "200", "--sessions", "2048"]
        environment = {**os.environ, "RUNTIME_DIRECTORY": self.folder}  # DPDK makes a folder there
        process = subprocess.Popen([self.binary, *eal, "--", *own], preexec_fn=prepare, env=environment)
        self.processes[ld], self.controls[ld] = process, connect(path, process)
        code, reason = self.controls[ld].apply_config(config(ld))
        assert code == 0, reason

    def kill(self, ld):
        self.processes[ld].kill()
        self.processes[ld].wait()
        self.controls.pop(ld).close()
        os.unlink(f"{self.folder}/ld{ld}.sock")

    def end(self):
        for process in self.processes.values():
            process.kill()
            process.wait()

    def is_online(self, ld):
        return parse(self.controls[ld].status()[40][0]).get(3, [0])[0] == 1

    def ports(self, ld):
        """{(client's address, port): local port} of all sessions that an LD knows."""
        sessions = self.controls[ld].list_sessions()
        return {(socket.inet_ntoa(one[4][0]), one[5][0]): one[9][0] for one in sessions}

    def knows(self, ld, connections):
        """All of them, with the ports that they have."""
        return {(one.client, one.port): one.local_port for one in connections}.items() <= self.ports(ld).items()

    def know_all(self, connections):
        return all(self.knows(ld, connections) for ld in self.controls)

    def through(self, ld, packets):
        """Sends packets, {connection: packet}, to an LD. Returns what leaves the pair for each: (source port, destination port)."""
        for connection, packet in packets.items():
            self.network.send(ld, packet, connection.bucket)
        left, out = {one.number: one for one in packets}, {}
        deadline = time.monotonic() + PATIENCE_S
        while left:
            try:
                frame = self.network.translated.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(self._why_not(ld, left.values(), len(packets))) from None
            source, destination, number = struct.unpack_from(">HHI", frame, 34)
            out[left.pop(number)] = source, destination
        return out

    def _why_not(self, ld, missing, count):
        known = self.ports(ld)
        sessions = [f"{one.client}:{one.port}, local port {known.get((one.client, one.port))}" for one in missing]
        drops = {name: count for name, count in named(self.controls[ld].counters(), 3).items() if count}
        return f"LD {ld}: {len(sessions)} of {count} packets did not leave: {sessions[:5]}; dropped: {drops}"

    def from_clients(self, ld, connections, flags="A"):
        """Returns their local ports."""
        out = self.through(ld, {one: one.from_client(flags) for one in connections})
        return {one: source for one, (source, _) in out.items()}

    def from_rs(self, ld, connections, flags="A"):
        for one, (_, destination) in self.through(ld, {one: one.from_rs(flags) for one in connections}).items():
            assert destination == one.port, f"an answer for client port {one.port} went to {destination}"

    def establish(self, ld, connections):
        for one, port in self.from_clients(ld, connections, "S").items():
            one.local_port = port
        self.from_rs(ld, connections, "SA")
        self.from_clients(ld, connections)

    def go_on(self, ld, connections):
        """Both ends, by the ports that they have."""
        for one, port in self.from_clients(ld, connections).items():
            assert port == one.local_port, f"client port {one.port} had local port {one.local_port}, and has {port}"
        self.from_rs(ld, connections)


def config(ld):
    ranges = {1: message((2, 511)), 2: message((1, 512), (2, 1023))}
    real_server = message((1, "rs"), (2, ip4(RS)), (3, RS_PORT), (4, 1))
    heartbeat = message((1, ld), (2, 7), (3, HEARTBEAT_MS), (4, ip4(SWITCH)), (6, HOLD_MS))
    peers = [(2, message((1, other), (2, ip4(vtep)))) for other, vtep in VTEPS.items()]
    buckets = [(3, message((2, 511), (3, 1), (4, 2))), (3, message((1, 512), (2, 1023), (3, 2), (4, 1)))]
    return message(
        (1, ip4(VTEPS[ld])),
        (2, 24),
        (3, ip4("10.0.0.1")),
        (5, ip4(SWITCH)),
        (6, ip4(LOCAL_IP)),
        (7, ranges[ld]),
        (8, 1),
        (9, message((1, "web"), (3, ip4(VIP)), (4, 6), (5, 80), (6, 1), (7, real_server))),
        (10, message((1, 600_000))),  # an open SYN is not to end in a test
        (11, heartbeat),
        (12, message((1, ld), *peers, *buckets, (4, b"sixteen bytes ok"))),
    )


def cables(name):
    """A network namespace with both cables: "ld1" to "wire1", "ld2" to "wire2"."""
    return namespace(name, [(f"ld{ld}", mac_of(vtep), f"wire{ld}") for ld, vtep in VTEPS.items()])
