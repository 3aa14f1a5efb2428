"""Real stacks through the LDs: a long download checked by hash, thousands of connections at once, iperf3, UDP whole and
in fragments, traceroute."""

import hashlib
import os
import re
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from .. import iperf, plan, tools
from ..errors import LabError
from ..measure import Measured
from ..show import Lab, Show
from ..terminal import heading, named
from . import path_mtu
from .vip_traffic import DOWNLOAD_BYTES, downloads

_TRANSFER_LIMIT_S = 60
_CONNECTIONS_S = 5
_IPERF_S = 2
_IPERF_PORT = 5201
_ECHOS = 20
_NARROW_DOWNLOADS = 6
# The last does not fit a packet: it goes, and comes back, in three fragments.
_ECHO_BYTES = (64, 1400, 4000)
_CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class Wrk:
    """What wrk says at its end."""

    requests: int
    per_s: float
    errors: int


class StacksShow(Show):
    name = "stacks"

    def run(self, lab: Lab) -> str:
        self._traceroute(lab)
        self._transfer(lab)
        self._connections(lab)
        self._iperf(lab)
        self._udp(lab)
        self._path_mtu(lab)
        return "a long download, many connections, iperf3, UDP and its fragments, traceroute, path MTU, all through the LDs"

    def _traceroute(self, lab: Lab) -> None:
        """The LD is a hop, and so is the switch once more, where the real server is not in a VPC. To the client both are
        the VIP, as is the real server itself."""
        self.hops = tools.traceroute(lab.node(plan.CLIENT), plan.VIP, f"-T -p {plan.VIP_PORT}")
        before_ld = [plan.DEFAULT_GATEWAY[plan.CLIENT], plan.SWITCH_ADDRESS[plan.ROUTERS[0]]]
        if self.hops not in ([*before_ld, *behind] for behind in ([plan.VIP] * 2, [plan.VIP] * 3)):
            self.fail(f"traceroute to {plan.VIP}: {' → '.join(self.hops)}")

    def _transfer(self, lab: Lab) -> None:
        """One connection; what arrives is hashed on its way and kept nowhere."""
        self.transfer_bytes = lab.load.transfer_bytes
        wanted = _random_file(lab.directory / "www/transfer", self.transfer_bytes)
        start = time.monotonic()
        found = lab.node(plan.CLIENT).sh(
            f"timeout {_TRANSFER_LIMIT_S} curl --silent http://{plan.VIP}/transfer | sha256sum | cut -d ' ' -f 1"
        )
        self.transfer_s = time.monotonic() - start
        (lab.directory / "www/transfer").unlink()
        self.expect(f"SHA-256 of {self.transfer_bytes >> 20} MiB", found.strip(), wanted)

    def _connections(self, lab: Lab) -> None:
        self.connections = lab.load.connections
        wrk = f"wrk -t 1 -c {self.connections} -d {_CONNECTIONS_S} -T 5 http://{plan.VIP}/"
        command = f"ulimit -n {self.connections + 100}; exec {wrk}"
        with tools.running(lab.node(plan.CLIENT), "sh", "-c", command) as running:
            time.sleep(_CONNECTIONS_S - 2)
            self.held = sum(int(ld["sessions_active"]) for ld in lab.sluice.get("lds"))
            self.wrk = wrk_said(tools.output_of(running, 4 * _CONNECTIONS_S))
        self.expect("errors of wrk", self.wrk.errors, 0)
        if self.held < self.connections:
            self.fail(f"the LDs held {self.held} sessions while wrk had {self.connections} connections")

    def _iperf(self, lab: Lab) -> None:
        client, server = lab.node(plan.CLIENT), lab.node("rs1")
        self.rates_bps = []
        with tools.running(server, *iperf.server(plan.address_of("rs1"), _IPERF_PORT)):
            tools.wait_for_listener(server, _IPERF_PORT)
            for options in ((), ("--reverse",)):
                command = iperf.client(plan.VIP, _IPERF_PORT, _IPERF_S, *options)
                with tools.running(client, *command) as running:
                    result = iperf.parse(tools.output_of(running, 10 * _IPERF_S))
                self.rates_bps.append(float(result["end"]["sum_received"]["bits_per_second"]))

    def _udp(self, lab: Lab) -> None:
        self.echos: list[tuple[int, int]] = []
        with ExitStack() as servers:
            for name in plan.REAL_SERVERS:
                servers.enter_context(tools.udp_echo_server(lab.node(name), plan.address_of(name)))
            for octets in _ECHO_BYTES:
                answered = tools.udp_echos(lab.node(plan.CLIENT), plan.VIP, octets, _ECHOS)
                self.expect(f"UDP echos of {octets} bytes", answered, _ECHOS)
                self.echos.append((octets, answered))

    def _path_mtu(self, lab: Lab) -> None:
        """What a real server sends is too long for the client's path. The router's ICMP error is for the VIP: the switch
        has to find the LD of the session by the packet that it quotes, and the LD the real server."""
        with path_mtu.narrow(lab, "-4"):
            got = downloads(lab.node(plan.CLIENT), lab.directory, plan.VIP, _NARROW_DOWNLOADS, parallel=1)
        for failure in got.failures:
            self.fail(f"with a path MTU of {path_mtu.SMALL_MTU}: {failure}")
        self.path_mtus = {}
        for name in plan.REAL_SERVERS:
            server = lab.node(name)
            self.path_mtus[name] = min(tools.path_mtus(server), default=0)
            server.sh("ip -4 route flush cache")
        if set(self.path_mtus.values()) - {0} != {path_mtu.SMALL_MTU}:
            self.fail(f"path MTUs that real servers learned: {named(self.path_mtus)}, not {path_mtu.SMALL_MTU}")

    def report(self, measured: Measured) -> str:
        mbits = 8 * self.transfer_bytes / self.transfer_s / 1e6
        drops = "; ".join(f"{ld.name} {named(ld.drops)}" for ld in measured.lds)
        there, back = (rate / 1e6 for rate in self.rates_bps)
        echos = ", ".join(f"{octets:,} bytes {answered} of {_ECHOS}" for octets, answered in self.echos)
        return "\n".join(
            [
                heading(f"Real stacks through the VIP {plan.VIP}"),
                f"  download of {self.transfer_bytes >> 20} MiB: SHA-256 is right, {mbits:,.0f} Mbit/s",
                f"  wrk, {self.connections:,} connections at once: {self.wrk.requests:,} requests,"
                f" {self.wrk.per_s:,.0f} a second, {self.wrk.errors} errors; the LDs held {self.held:,} sessions",
                f"  iperf3, TCP: {there:,.0f} Mbit/s to the real server, {back:,.0f} Mbit/s back",
                f"  UDP echo: {echos} (4,000 bytes are three fragments)",
                f"  path MTU that real servers learned from a router's ICMP error to the VIP: {named(self.path_mtus)}",
                f"  {_NARROW_DOWNLOADS} downloads of {DOWNLOAD_BYTES // 1024} KiB over that path compared byte for byte",
                f"  traceroute -T {plan.CLIENT} → VIP:{plan.VIP_PORT}: {' → '.join(self.hops)}",
                f"  dropped by the LDs: {drops}",
            ]
        )


def _random_file(path: Path, octets: int) -> str:
    """Returns its SHA-256."""
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for _ in range(octets // _CHUNK_BYTES):
            chunk = os.urandom(_CHUNK_BYTES)
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def wrk_said(text: str) -> Wrk:
    """Raises LabError when wrk has measured nothing."""
    ended = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if ended is None or rate is None:
        raise LabError(f"wrk: {text.strip() or 'no output'}")
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    counts: Sequence[str] = (*(errors.groups() if errors else ()), *(other.groups() if other else ()))
    return Wrk(int(ended.group(1)), float(rate.group(1)), sum(map(int, counts)))
