"""Reads from the switch and the LDs what they have counted (by `sluice get`)."""

from typing import Any

from . import plan
from .eip import EipTraffic
from .report import Eip, Ld, Measured, Service, Session
from .sluice import Sluice
from .traffic import Result


def everything(sluice: Sluice, traffic: Result, eip_traffic: EipTraffic) -> Measured:
    """All that the report shows, as it is now."""
    drops = {part["part"]: _numbers(part["drops"]) for part in sluice.get("drops")}
    sessions = [_session(item) for item in sluice.get("sessions")]
    services = [_service(item) for item in sluice.get("services")]
    lds = [_ld(item) for item in sluice.get("lds")]
    eips = [_eip(item) for item in sluice.get("eips")]
    return Measured(traffic, lds, sessions, services, drops[plan.SWITCH], eip_traffic, eips)


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
