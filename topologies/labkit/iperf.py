"""iperf3: its command lines, and what it has measured."""

import json
from dataclasses import dataclass
from typing import Any, Sequence

from .errors import LabError


def server(address: str, port: int) -> Sequence[str]:
    return ("iperf3", "--server", "--bind", address, "--port", str(port))


def client(address: str, port: int, seconds: float, *options: str) -> Sequence[str]:
    # A failed start must not last as long as TCP's own patience.
    limits = ("--connect-timeout", "5000")
    return ("iperf3", "--client", address, "--port", str(port), "--time", f"{seconds:g}", "--json", *limits, *options)


def udp(rate_bps: float, payload_bytes: int) -> Sequence[str]:
    """Options of a UDP flow at a constant rate of payload, evenly spread."""
    return ("--udp", "--bitrate", f"{rate_bps:.0f}", "--length", str(payload_bytes), "--pacing-timer", "1000")


@dataclass(frozen=True)
class Flow:
    """One direction of a UDP test, as its receiver has counted it."""

    sent: int
    lost: int


def parse(output: str) -> dict[str, Any]:
    """Raises LabError with what iperf3 complains about."""
    try:
        result = json.loads(output)
    except json.JSONDecodeError:
        raise LabError(f"iperf3: {output.strip() or 'no output'}") from None
    if "error" in result:
        raise LabError(f"iperf3: {result['error']}")
    return dict(result)


def udp_flows(result: dict[str, Any]) -> tuple[Flow, Flow]:
    """Of a test with --bidir: client to server, server to client."""
    end = result["end"]
    flows = []
    for direction in ("sum", "sum_bidir_reverse"):
        flows.append(Flow(end[direction]["packets"], end[direction]["lost_packets"]))
    return flows[0], flows[1]
