"""The traffic of the faults, the same over all rounds: connections that stay, new ones, and a paced UDP flow; and what
else is looked at meanwhile."""

import json
import socket
import subprocess
import sys
from contextlib import ExitStack
from typing import Any

from .. import background, plan, tools, udp_echo
from ..bucket import bucket_of
from ..cpu_watch import CpuWatch
from ..show import Lab
from .failover_round import Round

INTERVAL_MS = 100
# A round begins when all was in time for so long: a switch whose program is not compiled yet, or a busy machine, is no fault.
CALM_S = 1.0
_ECHO_PORT = 7
_PROBES_PER_LD, _PROBE_INTERVAL_MS, _PROBE_PORTS = 2, 5, range(41000, 41100)
_STEADY, _PROBE = "client", "probe"
# After a fault: what the machine was busy with while the switch turned.
_TURN_S = 0.2


class Traffic:
    """From its making, which returns when all is calm, until `end`."""

    def __init__(self, lab: Lab, connections: int, patient: int, new_per_s: int) -> None:
        self._lab = lab
        self._primary = _primaries(lab)
        client = lab.node(plan.CLIENT)
        with ExitStack() as stack:
            for name in plan.REAL_SERVERS:
                tools.wait_until_ready(stack.enter_context(_echo_server(lab, name)))
            self._steady = background.start(
                client, "steady", plan.VIP, plan.VIP_PORT, connections, patient, INTERVAL_MS, new_per_s, CALM_S
            )  # fmt: skip
            stack.callback(_kill, self._steady)
            self._probe = background.start(
                client, "probe", plan.VIP, _ECHO_PORT, _PROBE_INTERVAL_MS, *self._probe_ports()
            )
            stack.callback(_kill, self._probe)
            self._cpu = CpuWatch(self._pids())
            self._cpu.start()
            stack.callback(self._cpu.end)
            tools.wait_until_ready(self._probe)
            tools.wait_until_ready(self._steady)
            self._stack = stack.pop_all()

    def end(self) -> None:
        self._stack.close()

    def ld_of(self, source_port: int, port: int, protocol: int) -> str:
        """The primary of the bucket of one of the client's flows."""
        return self._primary[bucket_of(plan.address_of(plan.CLIENT), source_port, plan.VIP, port, protocol)]

    def ld_of_connection(self, source_port: int) -> str:
        return self.ld_of(source_port, plan.VIP_PORT, socket.IPPROTO_TCP)

    def programs_changed(self) -> None:
        """Data planes have been started anew."""
        self._cpu.pids = self._pids()

    def report(self, result: Round) -> None:
        """Takes what was seen in a round, when all answers are there, and returns when all is calm again."""
        result.probes = background.report(self._probe)
        for probe, port in zip(result.probes, self._probe_ports()):
            probe["ld"] = self.ld_of(port, _ECHO_PORT, socket.IPPROTO_UDP)
        seen = background.report(self._steady)
        result.stayed, result.came = seen["stayed"], seen["came"]
        result.late_s, result.calm = seen["late_s"], seen["calm"]
        result.cpu_before = self._cpu.shares(result.began, result.outages[0].failed)
        first = result.outages[0]
        result.cpu_at_fault = self._cpu.shares(first.failed, first.made + _TURN_S)
        result.stolen_s = self._cpu.stolen_s(result.began, result.ended)
        self._cpu.begin()
        tools.wait_until_ready(self._steady)

    def _pids(self) -> "dict[str, int]":
        names = (plan.SWITCH, *plan.LDS, *plan.REAL_SERVERS[:1])
        pids = {name: self._lab.programs.part(name).popen.pid for name in names if self._lab.programs.runs(name)}
        return {**pids, _STEADY: self._steady.pid, _PROBE: self._probe.pid}

    def _probe_ports(self) -> "list[int]":
        """Source ports of as many flows that have their buckets at each of the LDs."""
        chosen = []
        left = {ld: _PROBES_PER_LD for ld in self._primary.values()}
        for port in _PROBE_PORTS:
            ld = self.ld_of(port, _ECHO_PORT, socket.IPPROTO_UDP)
            if left[ld] > 0:
                left[ld] -= 1
                chosen.append(port)
        return chosen


def _primaries(lab: Lab) -> "dict[int, str]":
    """Bucket → LD, as the switch has it."""
    dump = lab.sluice("table", "dump", "ld_of_bucket", "-f", str(lab.sluice.file), "--output", "json")
    entries = [entry for entry in json.loads(dump) if entry["match"]]
    ids = sorted({int(entry["params"]["ld_id"]) for entry in entries})
    names = dict(zip(ids, plan.LDS))  # the controller numbers them in the order of the file
    return {int(entry["match"]["bucket"]): names[int(entry["params"]["ld_id"])] for entry in entries}


def _kill(popen: "subprocess.Popen[str]") -> None:
    popen.kill()
    popen.communicate()


def _echo_server(lab: Lab, name: str) -> Any:
    serve = (udp_echo.__file__, "serve", plan.address_of(name), str(_ECHO_PORT))
    return tools.running(lab.node(name), sys.executable, "-B", *serve)
