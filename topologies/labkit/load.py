"""How much traffic the shows send, by what runs the P4 program: the one place where the targets differ.

The soft switch carries about 300,000 packets a second on a core of its own; BMv2 about 15,000, and it drops what is beyond
64 frames waiting for a port, so bursts have to stay small there.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    downloads: int  # of 256 KiB each
    parallel_downloads: int


BY_TARGET = {
    "softswitch": Load(downloads=6, parallel_downloads=6),
    "bmv2": Load(downloads=4, parallel_downloads=1),
}
