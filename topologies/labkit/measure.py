"""Reads from the switch and the LDs what they have counted (by `sluice get`)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from . import plan
from .report import Ld, Measured, Service, Session
from .sluice import Sluice
from .traffic import Result

_READ = ("drops", "sessions", "services", "lds", "buckets")


def everything(sluice: Sluice, traffic: Result) -> Measured:
    """All that the report shows, as it is now."""
    # At the same time: the numbers then belong together, and each command takes a while to start.
    with ThreadPoolExecutor() as pool:
        drops, sessions, services, lds, buckets = pool.map(sluice.get, _READ)
    switch = next(part for part in drops if part["part"] == plan.SWITCH)
    return Measured(
        traffic=traffic,
        lds=[_ld(item) for item in lds],
        sessions=[_session(item) for item in sessions],
        services=[_service(item) for item in services],
        buckets={item["ld"]: int(item["buckets"]) for item in buckets},
        switch_drops=_numbers(switch["drops"]),
    )


def _ld(item: dict[str, Any]) -> Ld:
    fields = ("buckets", "sessions_total", "sessions_active", "packets_in", "packets_out")
    return Ld(item["name"], **{field: int(item[field]) for field in fields}, drops=_numbers(item["drops"]))


def _session(item: dict[str, Any]) -> Session:
    fields = ("ld", "client", "vip", "local", "rs", "rs_address", "state", "bucket")
    return Session(**{field: item[field] for field in fields})


def _service(item: dict[str, Any]) -> Service:
    return Service(item["name"], item["vip"], item["cluster"], int(item["packets"]), int(item["bytes"]))


def _numbers(counters: dict[str, Any]) -> dict[str, int]:
    # 64-bit counters may come as strings: JSON's numbers end at 2^53.
    return {name: int(value) for name, value in counters.items()}
