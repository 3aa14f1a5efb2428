"""One fault, or two in a row, under traffic: what the clients saw of it, and how that is judged and drawn."""

from dataclasses import dataclass, field
from typing import Any, Iterator, Sequence

from ..chart import bars, marks, per_slot
from ..cpu_watch import Share

SLOT_S = 0.1
# An answer that comes later, as out of the queue of a worker that stood still, is no answer to who asked.
_ANSWERED_S = 0.05
_QUICK_S = 0.005
# A segment that is lost in the handshake is sent again after a second (RFC 6298), and the clock of a client is its loop.
SENT_AGAIN_S = 0.9
# From a connection's first packet to the last of its handshake, on a busy machine, and the heartbeat after the hold time.
_ON_ITS_WAY_S = 0.02
# What the design is built for; reported, and no reason to fail: it is a matter of the machine, too.
STALL_BAR_S = 0.2


@dataclass
class Outage:
    """An LD, and when it failed, when its return began, and when it was back. To make a fault takes a while."""

    ld: str
    failed: float
    returning: float = 0.0
    returned: float = 0.0
    made: float = 0.0


@dataclass
class Round:
    name: str
    began: float
    outages: list[Outage] = field(default_factory=list)
    ended: float = 0.0
    stayed: list[dict[str, Any]] = field(default_factory=list)
    came: list[dict[str, Any]] = field(default_factory=list)
    probes: list[dict[str, Any]] = field(default_factory=list)
    late_s: float = 0.0  # of the client itself
    calm: bool = True  # before: no answer came late
    cpu_before: dict[str, Share] = field(default_factory=dict)
    cpu_at_fault: dict[str, Share] = field(default_factory=dict)
    stolen_s: float = 0.0  # by the host of this machine, of all its CPUs, from the beginning to the end
    picture: list[str] = field(default_factory=list)

    def condense(self) -> None:
        """Draws it, and forgets what came quickly: twenty rounds have millions of answers."""
        self.picture = drawing(self)
        for one in self.stayed:
            one["answers"] = [(begin, took) for begin, took in one["answers"] if took >= _QUICK_S]

    def failing(self) -> list[tuple[float, float]]:
        """The times in which an LD was away."""
        return [(outage.failed, outage.returning) for outage in self.outages]

    def coming_back(self) -> list[tuple[float, float]]:
        ends = [outage.failed for outage in self.outages[1:]] + [self.ended]
        return [(outage.returning, end) for outage, end in zip(self.outages, ends)]

    def stalls(self, windows: Sequence[tuple[float, float]], patient: bool) -> list[float]:
        """Of each connection the longest wait, in s, for an answer that was missing in one of these times."""
        return [longest(one["answers"], windows) for one in self.stayed if one["patient"] == patient]

    def network_outage(self, windows: Sequence[tuple[float, float]]) -> float:
        """The longest time, in s, in which no datagram of a probe was answered: from the sending of the first of them
        to that of the next one that was."""
        gaps = (gap for one in self.probes for gap in gaps_of(one))
        return max((end - begin for begin, end in gaps if within(begin, end, windows)), default=0.0)

    def longest_before(self) -> float:
        """Of the answers that were there when the first fault was made: what the machine can do."""
        since, until = self.began, self.outages[0].failed
        every = (took for one in self.stayed for begin, took in one["answers"] if since < begin < until - took)
        return max(every, default=0.0)

    def resets(self) -> int:
        return sum(one["error"] is not None for one in self.stayed)

    def moved(self) -> int:
        """Connections whose real server, or whose local address and port, did not stay the same."""
        return sum(len(one["peers"]) > 1 for one in self.stayed)

    def lost_bytes(self) -> int:
        """Of answers that were asked for and did not come."""
        return sum(one["unanswered"] * one["page_bytes"] for one in self.stayed)

    def unanswered(self) -> int:
        return sum(one["unanswered"] for one in self.stayed)

    def failed_new(self) -> int:
        return sum(one["error"] is not None for one in self.came)

    def slowest_new(self) -> float:
        return max((one["took"] for one in self.came), default=0.0)

    def sent_again(self, hold_s: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """New connections that took so long that TCP must have sent something again: those whose first packets can have
        met a failure, and the others. The switch turns to the other LD when the hold time is over."""
        slow = [one for one in self.came if one["took"] >= SENT_AGAIN_S]
        times = [(outage.failed - _ON_ITS_WAY_S, outage.made + hold_s + _ON_ITS_WAY_S) for outage in self.outages]
        met = [one for one in slow if any(since <= one["began"] <= until for since, until in times)]
        return met, [one for one in slow if one not in met]

    def wrong(self) -> dict[str, int]:
        """What must not be, and how often it was."""
        return {
            "connections lost": self.resets(),
            "connections that changed their session": self.moved(),
            "requests without an answer": self.unanswered(),
            "new connections that failed": self.failed_new(),
        }

    def longest_stall(self) -> float:
        return max(self.stalls(self.failing(), False), default=0.0)

    def meets_the_bar(self) -> bool:
        return not self.resets() and not self.unanswered() and self.longest_stall() < STALL_BAR_S


def longest(answers: Sequence[Sequence[float]], windows: Sequence[tuple[float, float]]) -> float:
    return max((took for begin, took in answers if within(begin, begin + took, windows)), default=0.0)


def within(begin: float, end: float, windows: Sequence[tuple[float, float]]) -> bool:
    return any(begin < until and end > since for since, until in windows)


def gaps_of(probe: dict[str, Any]) -> Iterator[tuple[float, float]]:
    """Runs of datagrams without an answer in time."""
    begin = None
    for sent, took in zip(probe["sent"], probe["took"]):
        if took is None or took > _ANSWERED_S:
            begin = sent if begin is None else begin
        elif begin is not None:
            yield begin, sent
            begin = None
    if begin is not None:
        yield begin, probe["sent"][-1]


def drawing(result: Round) -> list[str]:
    """What arrived at the connections that stay, a bar for each tenth of a second."""
    arrivals = (begin + took for one in result.stayed for begin, took in one["answers"])
    counts = per_slot(arrivals, result.began, result.ended, SLOT_S)
    page_bytes = max((one["page_bytes"] for one in result.stayed), default=0)
    most = max(counts) * page_bytes * 8 / SLOT_S / 1e6
    moments = [moment for one in result.outages for moment in ((one.failed, "✗"), (one.returned, "✓"))]
    return [
        f"  {result.name}: answers, a bar per {SLOT_S} s, at most {most:.1f} Mbit/s",
        f"    {bars(counts)}",
        f"    {marks(moments, result.began, SLOT_S)}",
    ]
