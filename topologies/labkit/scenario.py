"""The lab from its first namespace to its last: the order of things."""

import errno
import os
import signal
import sys
import time
from typing import Sequence

from mininet.cli import CLI
from mininet.log import setLogLevel

from . import measure, parts, plan, ready, run_dir, topology
from .errors import LabError
from .load import BY_TARGET
from .processes import Parts
from .run_dir import RunDir
from .show import Lab, Show
from .sluice import Sluice


def run(target: str, shows: Sequence[Show], keep: bool) -> None:
    """Builds the lab, starts its parts, runs the shows, tells what was counted; cleans up in any case.
    Ends the program with status 1 and one line when the lab fails."""
    setLogLevel("output")
    clock = _Clock()
    failure = logs = ""
    net = topology.LabNet()
    try:
        swept = run_dir.sweep_stale()
        directory = RunDir()
    except (LabError, OSError) as error:
        sys.exit(f"lab: {error}")
    if swept:
        print(f"lab: removed what {swept} interrupted lab(s) had left")
    programs = Parts(directory)
    try:
        try:
            sluice = Sluice(directory, BY_TARGET[target])
            parts.check_target(target)
            lab = Lab(net, directory, programs, sluice, target)
            _start(clock, lab, net)
            failure = _run(clock, lab, shows)
        except LabError as error:
            failure = str(error)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            failure = str(error)
        if failure:
            # The cause comes before its consequences.
            failure = directory.why_full() or programs.why_dead() or failure
            logs = programs.last_log_lines()
        if keep and net.built:
            _prompt(net, directory, sluice, failure)
    finally:
        _clean_up(net, directory, programs)
    if failure:
        sys.stdout.flush()
        sys.exit(f"{logs}\nlab: FAILED: {failure}".lstrip())
    print(f"\nlab: passed in {clock.seconds():.1f} s")


def _start(clock: "_Clock", lab: Lab, net: topology.LabNet) -> None:
    """Everything up to the first packet of a client."""
    topology.build(net)
    clock.step(f"{len(plan.node_names())} nodes, each in a network namespace of its own")
    parts.start_all(lab.programs, lab.directory, net, lab.target)
    clock.step(f"switch ({lab.target}), {len(plan.LDS)} LDs and {len(plan.REAL_SERVERS)} real servers run")
    lab.sluice.apply()
    lab.sluice.check_nothing_to_do()
    clock.step("sluice apply: switch and LDs are configured, and a second apply would write nothing")
    ready.wait(net, lab.programs)
    clock.step("the switch forwards and answers for its addresses")


def _run(clock: "_Clock", lab: Lab, shows: Sequence[Show]) -> str:
    """All shows, then their reports. Returns what was wrong, "" when nothing was."""
    for show in shows:
        clock.step(f"{show.name}: {show.run(lab)}")
    measured = measure.everything(lab.sluice)
    lab.programs.check_alive()
    for show in shows:
        print(show.report(measured), flush=True)
    return "; ".join([failure for show in shows for failure in show.failures][:3])


class _Prompt(CLI):
    """Mininet's prompt, with `sluice`."""

    prompt = "lab> "

    def do_sluice(self, line: str) -> None:
        """The controller's command line, on this lab: sluice get sessions"""
        self.do_sh(f"sluice {line}")


def _prompt(net: topology.LabNet, directory: RunDir, sluice: Sluice, failure: str) -> None:
    """Stays at the prompt until the user leaves it."""
    if failure:
        print(f"\nlab: FAILED: {failure}\nThe logs are in {directory.path}")
    sluice.write_wrapper(directory.path)
    os.environ["PATH"] = f"{directory.path}:{os.environ['PATH']}"
    print(
        "\nThe lab stays up until you type `exit`. Some things to try here:\n"
        f"  c1 curl -s http://{plan.VIP}/        one more request\n"
        "  sluice get sessions              also: services, buckets, lds, drops, counters\n"
        "  sluice table dump service        what the switch holds\n"
        "  sluice diff                      what apply would write: nothing\n"
        f"  h1 bridge fdb show dev vxlan{plan.VNI}   any command in any node: {' '.join(plan.node_names())}\n"
        "In another terminal, first this line, then the same `sluice` commands:\n"
        f"  {sluice.shell_function()}\n",
        flush=True,
    )
    _Prompt(net)


def _clean_up(net: topology.LabNet, directory: RunDir, programs: Parts) -> None:
    """Ends programs and namespaces. Signals are ignored meanwhile: half a clean-up is none."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    try:
        programs.stop()
        net.stop()
    finally:
        directory.remove()  # ends whatever is left, by its mark


class _Clock:
    """Says how far the lab is, and since when."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self._start

    def step(self, text: str) -> None:
        print(f"lab: {self.seconds():4.1f} s  {text}", flush=True)
