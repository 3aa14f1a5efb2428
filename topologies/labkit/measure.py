"""Reads from the switch and the LDs what they have counted (by `sluice get`)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from . import plan
from .eip import EipTraffic
from .report import Eip, Ld, Measured, Service, Session
from .sluice import Sluice
from .traffic import Result

_READ = ("drops", "sessions", "services", "lds", "buckets", "eips")


def everything(sluice: Sluice, traffic: Result, eip_traffic: EipTraffic) -> Measured:
    """All that the report shows, as it is now."""
    # At the same time: the numbers then belong together, and each command takes a while to start.
    with ThreadPoolExecutor() as pool:
        drops, sessions, services, lds, buckets, eips = pool.map(sluice.get, _READ)
    switch = next(part for part in drops if part["part"] == plan.SWITCH)
    return Measured(
        traffic=traffic,
        lds=[_ld(item) for item in lds],
        sessions=[_session(item) for item in sessions],
        services=[_service(item) for item in services],
        buckets={item["ld"]: int(item["buckets"]) for item in buckets},
        switch_drops=_numbers(switch["drops"]),
        eip_traffic=eip_traffic,
        eips=[_eip(item) for item in eips],
    )


def _ld(item: dict[str, Any]) -> Ld:
    fields = ("buckets", "sessions_total", "sessions_active", "packets_in", "packets_out")
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
