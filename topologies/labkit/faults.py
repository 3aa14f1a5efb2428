"""What can happen to an LD, made to happen to the real program. A fault is made, and later mended. Both return when they
are done, so that the caller's clock tells when: it is mended when the LD is online again."""

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from . import memory_limit, parts, plan
from .errors import LabError
from .show import Lab

Mend = Callable[[], None]
_HOLD_THREAD = Path(__file__).with_name("hold_thread.py")
_DEATH_LIMIT_S = 60


@dataclass(frozen=True)
class Fault:
    """`make` does it to the LD of that name, and returns what mends it."""

    name: str
    make: Callable[[Lab, str], Mend]
    unavailable: Callable[[], str] = lambda: ""  # why it cannot be made on this machine; "" when it can


def restart(lab: Lab, ld: str) -> None:
    """A new data plane knows nothing, until its agent and the other LD have told it. No controller does anything."""
    parts.start_dataplane(lab.programs, lab.directory, lab.node(ld))
    parts.wait_for_dataplane(lab.programs, lab.directory, ld)
    parts.wait_until_online(lab.programs, ld)


def _end(how: signal.Signals) -> Callable[[Lab, str], Mend]:
    def make(lab: Lab, ld: str) -> Mend:
        lab.programs.end(ld, how)
        return lambda: restart(lab, ld)

    return make


def _end_with_agent(lab: Lab, ld: str) -> Mend:
    """As when its machine has lost its power: what is left is what the agent has on its disk."""
    lab.programs.end(ld, signal.SIGKILL)
    lab.programs.end(f"{ld}-agent", signal.SIGKILL)

    def mend() -> None:
        parts.start_agent(lab.programs, lab.directory, lab.node(ld))
        restart(lab, ld)

    return mend


def _use_up_memory(lab: Lab, ld: str) -> Mend:
    """The kernel's OOM killer ends the data plane."""
    pid = lab.programs.part(ld).popen.pid
    with memory_limit.exhausted(pid, lab.directory.path.name):
        lab.programs.wait_for_end(ld, _DEATH_LIMIT_S)
    return lambda: restart(lab, ld)


def _stop(lab: Lab, ld: str) -> Mend:
    """All its threads stand still, and go on as if nothing had happened."""
    part = lab.programs.part(ld)
    before = parts.times_online(lab.programs, ld)
    part.popen.send_signal(signal.SIGSTOP)

    def mend() -> None:
        part.popen.send_signal(signal.SIGCONT)
        parts.wait_until_online(lab.programs, ld, before)

    return mend


def _hold_worker(lab: Lab, ld: str) -> Mend:
    """The thread that moves packets stands still; control goes on, and has to notice."""
    before = parts.times_online(lab.programs, ld)
    worker = _worker_thread(lab.programs.part(ld).popen.pid)
    holder = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", sys.executable, "-B", str(_HOLD_THREAD), str(worker)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # Ctrl-C is for the lab
    )
    assert holder.stdout is not None
    said = holder.stdout.readline()
    if said != "ready\n":
        raise LabError(f"hold_thread.py: {said}{holder.stdout.read()}")

    def mend() -> None:
        holder.communicate()
        if holder.returncode != 0:
            raise LabError(f"hold_thread.py: exit status {holder.returncode}")
        parts.wait_until_online(lab.programs, ld, before)

    return mend


def _worker_thread(pid: int) -> int:
    """The thread of a data plane that DPDK calls a worker ("lcore-worker-1", later "dpdk-worker1")."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if "worker" in (task / "comm").read_text(encoding="utf-8"):
            return int(task.name)
    raise LabError(f"process {pid}: no thread is called a worker")


def _cut_link(lab: Lab, ld: str) -> Mend:
    """The switch's end of the cable: the LD sees its carrier go, no more. The LD sends its heartbeats into nothing."""
    ours = plan.interfaces_of(ld)[0]
    port = next(other if one == ours else one for one, other in plan.LINKS if ours in (one, other)).name
    switch = lab.node(plan.SWITCH)
    before = parts.times_online(lab.programs, ld)
    switch.sh(f"ip link set {port} down")

    def mend() -> None:
        switch.sh(f"ip link set {port} up")
        parts.wait_until_online(lab.programs, ld, before)

    return mend


# By the names that $SLUICE_FAULTS takes.
BY_NAME = {
    "kill": Fault("killed (SIGKILL)", _end(signal.SIGKILL)),
    "crash": Fault("crashed (SIGSEGV)", _end(signal.SIGSEGV)),
    "host": Fault("killed, its agent as well", _end_with_agent),
    "stop": Fault("stopped (SIGSTOP)", _stop),
    "stuck": Fault("worker core stuck", _hold_worker),
    "link": Fault("link down", _cut_link),
    "memory": Fault("out of memory", _use_up_memory, memory_limit.unavailable),
}
