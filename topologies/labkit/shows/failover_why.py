"""Why a round of faults is not as it should be: which connections, of which LD, when, and what else was so then."""

from typing import Any, Callable, Iterator, Mapping, Sequence

from ..cpu_watch import IDLE, STOLEN, Share
from .failover_round import STALL_BAR_S, Round, gaps_of, within

_EACH = 3
_LdOf = Callable[[int], str]


def why(result: Round, ld_of: _LdOf, hold_s: float) -> "list[str]":
    """Lines; none when there is nothing to explain. `ld_of` tells the primary of a connection by its port, `hold_s` is
    the switches' hold time."""
    lines = [
        *_first(_lost(result, ld_of)),
        *_first(_failed_new(result)),
        *_first(_slow_new(result, ld_of, hold_s)),
        *_first(_stalls(result, ld_of)),
    ]
    return [*lines, *_datagrams(result), _machine(result)] if lines else []


def _first(lines: "Iterator[str]") -> "list[str]":
    every = list(lines)
    return every[:_EACH] + ([f"and {len(every) - _EACH} more like these"] if len(every) > _EACH else [])


def _lost(result: Round, ld_of: _LdOf) -> "Iterator[str]":
    for one in result.stayed:
        name = f"connection of port {one['port']}, {ld_of(one['port'])}'s"
        if one["error"] is not None:
            last = max((begin + took for begin, took in one["answers"]), default=result.began)
            yield f"{name}: {one['error']}; its last answer came {_when(result, last)}"
        elif one["unanswered"]:
            yield f"{name}: {one['unanswered']} requests without an answer"
        if len(one["peers"]) > 1:
            yield f"{name}: answered by {', then '.join(one['peers'])}"


def _failed_new(result: Round) -> "Iterator[str]":
    for one in result.came:
        if one["error"] is not None:
            yield f"new connection of port {one['port']}, opened {_when(result, one['began'])}: {one['error']}"


def _slow_new(result: Round, ld_of: _LdOf, hold_s: float) -> "Iterator[str]":
    """Those that the fault has nothing to do with."""
    for one in result.sent_again(hold_s)[1]:
        yield (
            f"new connection of port {one['port']}, {ld_of(one['port'])}'s: opened {_when(result, one['began'])}, its"
            f" handshake took {1000 * one['opened']:.0f} ms, all {1000 * one['took']:.0f} ms"
        )


def _stalls(result: Round, ld_of: _LdOf) -> "Iterator[str]":
    slowest = ((one, *one["slowest"]) for one in result.stayed if not one["patient"])
    over = [one for one in slowest if one[2] >= STALL_BAR_S and within(one[1], one[1] + one[2], result.failing())]
    for one, asked, took, sent_again in sorted(over, key=lambda each: -each[2]):
        yield (
            f"connection of port {one['port']}, {ld_of(one['port'])}'s: asked {_when(result, asked)}, answered"
            f" {1000 * took:.0f} ms later; the client's TCP had sent {sent_again} segments again"
        )


def _datagrams(result: Round) -> "Iterator[str]":
    by_ld: "dict[str, tuple[float, float]]" = {}
    for probe in result.probes:
        for gap in gaps_of(probe):
            if within(*gap, result.failing()) and _length(gap) > _length(by_ld.get(probe["ld"], (0.0, 0.0))):
                by_ld[probe["ld"]] = gap
    for ld, (begin, end) in sorted(by_ld.items()):
        yield f"datagrams, {ld}'s: no answer in time for {1000 * (end - begin):.0f} ms, from {_when(result, begin)}"


def _machine(result: Round) -> str:
    calm = "" if result.calm else "not calm before: the machine was busy already; "
    before, after = waits(result.cpu_before), waits(result.cpu_at_fault)
    stolen = f"the host had {1000 * result.stolen_s:.0f} ms of this machine's CPUs"
    return f"{calm}client {1000 * result.late_s:.0f} ms late; {stolen}; waiting for a CPU, before: {before}; at the fault: {after}"


def waits(shares: "Mapping[str, Share]") -> str:
    """How much of the time each program's most delayed thread was kept waiting."""
    programs = ((name, share) for name, share in shares.items() if name not in (IDLE, STOLEN))
    return ", ".join(f"{name} {100 * share.waited:.0f} %" for name, share in programs) or "not known"


def _length(gap: "Sequence[float]") -> float:
    return gap[1] - gap[0]


def _when(result: Round, moment: float) -> str:
    """In words, by the last fault before it."""
    past: "list[Any]" = [one for one in result.outages if one.failed <= moment] or result.outages[:1]
    after_ms = 1000 * (moment - past[-1].failed)
    side = "after" if after_ms >= 0 else "before"
    return f"{abs(after_ms):.0f} ms {side} {past[-1].ld}'s fault"
