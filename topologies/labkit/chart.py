"""Numbers over time, drawn in a terminal's line."""

from math import floor
from typing import Iterable, Sequence

_BARS = " ▁▂▃▄▅▆▇█"


def per_slot(moments: Iterable[float], begin: float, end: float, slot_s: float) -> list[int]:
    """How many of the moments are in each slot of the time from `begin` to `end`."""
    counts = [0] * (int((end - begin) / slot_s) + 1)
    for moment in moments:
        slot = floor((moment - begin) / slot_s)
        if 0 <= slot < len(counts):
            counts[slot] += 1
    return counts


def bars(counts: Sequence[int]) -> str:
    """A bar for each number, the largest one whole. Only 0 has none."""
    most = max(counts, default=0) or 1
    return "".join(_BARS[(count * (len(_BARS) - 1) + most - 1) // most] for count in counts)


def marks(moments: "Iterable[tuple[float, str]]", begin: float, slot_s: float) -> str:
    """A line below the bars, with a character at each moment."""
    line: list[str] = []
    for moment, mark in moments:
        slot = int((moment - begin) / slot_s)
        line += [" "] * (slot + 1 - len(line))
        line[slot] = mark
    return "".join(line)


def histogram(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    """How many values are below each edge, and not below the one before; last, those beyond all edges."""
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[next((i for i, edge in enumerate(edges) if value < edge), len(edges))] += 1
    return counts
