"""How much traffic the shows send, by what runs the P4 program: the one place where the targets differ.

The soft switch carries about 300,000 packets a second on a core of its own; BMv2 about 15,000, on a busy machine 1,000,
and it drops what is beyond 64 frames waiting for a port, so bursts have to stay small there.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    downloads: int  # of 256 KiB each
    parallel_downloads: int
    eip_limit: str  # as sluice.yaml has it
    paced_bps: int  # of the flow of high priority within that limit
    transfer_bytes: int  # of the one long download
    connections: int  # at the same time


BY_TARGET = {
    "softswitch": Load(
        downloads=6,
        parallel_downloads=6,
        eip_limit="10Mbps",
        paced_bps=400_000,
        transfer_bytes=200 * 2**20,
        connections=3000,
    ),
    "bmv2": Load(
        downloads=4,
        parallel_downloads=1,
        eip_limit="1Mbps",
        paced_bps=40_000,
        transfer_bytes=5 * 2**20,
        connections=300,
    ),
}
