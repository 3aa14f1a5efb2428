"""Traffic of real stacks through a VIP, of either family: a long download, many connections, UDP echos. What goes wrong is a
failure of the show that asks for it."""

import hashlib
import os
import re
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from .. import plan, tools
from ..errors import LabError
from ..show import Lab, Show

_TRANSFER_LIMIT_S = 180
_CONNECTIONS_LIMIT_S = 120
_CHUNK_BYTES = 2**20
ECHOS = 20


@dataclass(frozen=True)
class Transfer:
    octets: int
    seconds: float

    def __str__(self) -> str:
        mbits = 8 * self.octets / self.seconds / 1e6
        return f"download of {self.octets >> 20} MiB: SHA-256 is right, {mbits:,.0f} Mbit/s"


@dataclass(frozen=True)
class Wrk:
    """What wrk says at its end."""

    requests: int
    per_s: float
    errors: int


@dataclass(frozen=True)
class Connections:
    """wrk, and how many sessions the LDs held meanwhile."""

    count: int
    wrk: Wrk
    held: int

    def __str__(self) -> str:
        return (
            f"wrk, {self.count:,} connections at once: {self.wrk.requests:,} requests,"
            f" {self.wrk.per_s:,.0f} a second, {self.wrk.errors} errors; the LDs held {self.held:,} sessions"
        )


def transfer(show: Show, lab: Lab, vip: str, octets: int) -> Transfer:
    """One connection; what arrives is hashed on its way and kept nowhere."""
    wanted = _random_file(lab.directory / "www/transfer", octets)
    start = time.monotonic()
    found = lab.node(plan.CLIENT).sh(
        f"timeout {_TRANSFER_LIMIT_S} curl --silent --globoff http://{in_url(vip)}/transfer | sha256sum | cut -d ' ' -f 1"
    )
    seconds = time.monotonic() - start
    (lab.directory / "www/transfer").unlink()
    show.expect(f"SHA-256 of {octets >> 20} MiB from {vip}", found.strip(), wanted)
    return Transfer(octets, seconds)


def connections(show: Show, lab: Lab, vip: str, count: int, seconds: int) -> Connections:
    """All at once, each with one request after the other, for so long at least and until the LDs have been seen to hold them."""
    wrk = f"wrk -t 1 -c {count} -d {_CONNECTIONS_LIMIT_S} -T {_CONNECTIONS_LIMIT_S} http://{in_url(vip)}/"
    command = f"ulimit -n {count + 100}; exec {wrk}"
    held, began = 0, time.monotonic()
    with tools.running(lab.node(plan.CLIENT), "sh", "-c", command) as running:
        while held < count and running.poll() is None:
            held = max(held, sum(int(ld["sessions_active"]) for ld in lab.sluice.get("lds")))
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        running.send_signal(signal.SIGINT)  # it tells what it has until then
        said = wrk_said(tools.output_of(running, _CONNECTIONS_LIMIT_S))
    show.expect(f"errors of wrk at {vip}", said.errors, 0)
    if held < count:
        show.fail(f"the LDs held {held} sessions while wrk had {count} connections")
    return Connections(count, said, held)


def echos(
    show: Show, lab: Lab, vip: str, servers: dict[str, str], sizes: Sequence[int], port: int = tools.ECHO_PORT
) -> str:
    """Datagrams of each size there and back, and those of the first size with options in front of them. `servers`: the address that each
    real server's echo listens on."""
    results = []
    with ExitStack() as running:
        for name, address in servers.items():
            running.enter_context(tools.udp_echo_server(lab.node(name), address))
        for octets in sizes:
            answered = tools.udp_echos(lab.node(plan.CLIENT), vip, octets, ECHOS, port)
            show.expect(f"UDP echos of {octets} bytes from {vip}", answered, ECHOS)
            results.append(f"{octets:,} bytes {answered} of {ECHOS}")
        answered = tools.udp_echos(lab.node(plan.CLIENT), vip, sizes[0], ECHOS, port, options=True)
        show.expect(f"UDP echos with options from {vip}", answered, ECHOS)
        results.append(f"with {'a header of options' if ':' in vip else 'IP options'} {answered} of {ECHOS}")
    return ", ".join(results)


def hops(show: Show, lab: Lab, vip: str) -> list[str]:
    """By TCP. The LD is a hop, and so is the switch once more, where the real server is not in a VPC. To the client both are the VIP,
    as is the real server itself."""
    router, gateways = plan.ROUTERS[0], plan.DEFAULT_GATEWAY_V6 if ":" in vip else plan.DEFAULT_GATEWAY
    switch = (plan.SWITCH_ADDRESS_V6 if ":" in vip else plan.SWITCH_ADDRESS)[router]
    found = tools.traceroute(lab.node(plan.CLIENT), vip, f"-T -p {plan.VIP_PORT}")
    if found not in ([gateways[plan.CLIENT], switch, *behind] for behind in ([vip] * 2, [vip] * 3)):
        show.fail(f"traceroute to {vip}: {' → '.join(found)}")
    return found


def in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


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
