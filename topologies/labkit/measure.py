"""Reads from the switch and the LDs what they have counted (by `sluice get`)."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Sequence

from . import plan
from .sluice import Sluice

@dataclass(frozen=True)
class Session:
    """A session as an LD holds it."""

    ld: str
    client: str
    vip: str
    local: str
    rs: str
    rs_address: str
    state: str
    bucket: int


@dataclass(frozen=True)
class Ld:
    """An LD's own counters."""

    name: str
    sessions_total: int  # ever opened
    buckets: int
    packets_in: int
    packets_out: int
    drops: dict[str, int]


@dataclass(frozen=True)
class Service:
    """A service as the switch counts it."""

    name: str
    vip: str
    cluster: str
    packets: int
    bytes: int


@dataclass(frozen=True)
class Eip:
    """An EIP as the switch holds and counts it."""

    name: str
    address: str
    bound: str
    packets_in: int
    bytes_in: int
    packets_out: int
    bytes_out: int


@dataclass(frozen=True)
class Measured:
    """What all parts have counted, at one time."""

    lds: Sequence[Ld]
    services: Sequence[Service]
    buckets: dict[str, int]  # that the switch sends to each LD
    switch_drops: dict[str, int]
    eips: Sequence[Eip]

    def service(self, name: str) -> Service:
        return next(item for item in self.services if item.name == name)

    def eip(self, name: str) -> Eip:
        return next(item for item in self.eips if item.name == name)


_READ = ("drops", "services", "lds", "buckets", "eips")


def everything(sluice: Sluice) -> Measured:
    """All that the reports show, as it is now."""
    # At the same time: the numbers then belong together, and each command takes a while to start.
    with ThreadPoolExecutor() as pool:
        drops, services, lds, buckets, eips = pool.map(sluice.get, _READ)
    return Measured(
        lds=[_ld(item) for item in lds],
        services=[_service(item) for item in services],
        buckets={item["ld"]: int(item["buckets"]) for item in buckets},
        switch_drops=_drops_of(drops, plan.SWITCH),
        eips=[_eip(item) for item in eips],
    )


def sessions(sluice: Sluice, service: str, limit: int) -> list[Session]:
    """At most `limit` of each LD."""
    listed = sluice.get("sessions", "--service", service, "--limit", str(limit))
    return [_session(item) for item in listed]


def switch_drops(sluice: Sluice) -> dict[str, int]:
    """Packets that the switch has dropped, by the name of the reason."""
    return _drops_of(sluice.get("drops"), plan.SWITCH)


def heard(sluice: Sluice, switch: str, table: str) -> dict[str, int]:
    """Packets that a switch has had from each LD's address, its heartbeats among them. `table`: by the family of tunnels."""
    dump = sluice("table", "dump", table, "--switch", switch, "-f", str(sluice.file), "--output", "json")
    return {entry["match"]["address"]: int(entry["counter"]["packets"]) for entry in json.loads(dump)}


def ld_drops(sluice: Sluice) -> Counter[str]:
    """Packets that all LDs together have dropped, by the name of the reason."""
    return sum((Counter(_numbers(ld["drops"])) for ld in sluice.get("lds")), Counter())


def ld_counters(sluice: Sluice) -> Counter[str]:
    """The LDs' own counters by name, of all of them together."""
    found: Counter[str] = Counter()
    for item in sluice.get("counters"):
        if item["part"] in plan.LDS:
            found[item["counter"]] += int(item["value"])
    return found


def _drops_of(parts: Any, name: str) -> dict[str, int]:
    return _numbers(next(part for part in parts if part["part"] == name)["drops"])


def _ld(item: dict[str, Any]) -> Ld:
    fields = ("buckets", "sessions_total", "packets_in", "packets_out")
    return Ld(item["name"], **{field: int(item[field]) for field in fields}, drops=_numbers(item["drops"]))


def _session(item: dict[str, Any]) -> Session:
    fields = ("ld", "client", "vip", "local", "rs", "rs_address", "state", "bucket")
    return Session(**{field: item[field] for field in fields})


def _service(item: dict[str, Any]) -> Service:
    return Service(item["name"], item["vip"], item["cluster"], int(item["packets"]), int(item["bytes"]))


def _eip(item: dict[str, Any]) -> Eip:
    (held,) = item["switches"]
    counts = [int(held[direction][unit]) for direction in ("in", "out") for unit in ("packets", "bytes")]
    return Eip(item["name"], item["address"], held.get("bound", "nothing"), *counts)


def _numbers(counters: dict[str, Any]) -> dict[str, int]:
    # 64-bit counters may come as strings: JSON's numbers end at 2^53.
    return {name: int(value) for name, value in counters.items()}
