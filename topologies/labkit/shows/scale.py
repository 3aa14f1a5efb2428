"""A third and a fourth LD join the cluster, one is upgraded, the two leave: under connections in transfer and new ones. The third joins
by `sluice apply`, while no controller runs; the rest is an operator's commands to one."""

import json
import re
import shlex
import signal
import subprocess
import time
from typing import Callable

from .. import bucket_map, controller, parts, plan, tools
from ..errors import LabError
from ..measure import Measured
from ..show import Lab, Show
from ..terminal import heading, table
from .under_load import CONNECTIONS, NEW_PER_S, UnderLoad

STEADY_S = 0.5
CLUSTER = "edge"
UPGRADED = plan.LDS[0]
# What `sluice apply` says.
_MAPS = re.compile(r"^cluster \S+: (\w+), ([\d,]+) buckets?$", re.MULTILINE)
_MODIFIED = re.compile(r"([\d,]+) modified")


class ScaleShow(Show):
    name = "scale"

    def run(self, lab: Lab) -> str:
        third, fourth = plan.SPARE_LDS
        before = lab.sluice.file.read_text(encoding="utf-8")
        self.rows: list[tuple[str, str, int, int, str]] = []
        parts.start_spare_lds(lab.programs, lab.directory, [lab.node(name) for name in plan.SPARE_LDS])
        self.map = bucket_map.of_numbers(lab.sluice.get("buckets"))
        self.load = UnderLoad(lab, "scaled out and in")
        time.sleep(STEADY_S)
        self._apply(lab, third)
        with controller.running(lab) as self.controller:
            self.controller.sluice("apply")
            self.controller.news()
            self._scale(fourth, "joins", *_adding(lab, fourth))
            self._upgrade(lab)
            self._scale(fourth, "leaves", "--remove", fourth)
            self._scale(third, "leaves", "--remove", third)
            self.load.end()
        parts.end_spare_lds(lab.programs, plan.SPARE_LDS)
        lab.sluice.file.write_text(before, encoding="utf-8")
        lab.sluice.check_nothing_to_do()
        self.load.judge(self)
        return f"two more LDs, an upgrade and two LDs again, under {CONNECTIONS} connections and {NEW_PER_S} new ones/s"

    def _apply(self, lab: Lab, ld: str) -> None:
        """An LD joins by the file, without a controller."""
        line = f"      - {json.dumps(_ld(lab, ld))}\n"
        lab.sluice.change(lambda text: text.replace("\nservices:\n", f"{line}\nservices:\n", 1))
        began = time.monotonic()
        said = lab.sluice.apply()
        took = time.monotonic() - began
        told = {step: int(buckets.replace(",", "")) for step, buckets in _MAPS.findall(said)}
        modified = sum(int(count.replace(",", "")) for count in _MODIFIED.findall(said))
        self._judge(ld, "joins", took, bucket_map.of_numbers(lab.sluice.get("buckets")), told, modified)

    def _scale(self, ld: str, what: str, *options: str) -> None:
        self._step(ld, what, lambda: self.controller.sluice("cluster", "scale", CLUSTER, *options))

    def _upgrade(self, lab: Lab) -> None:
        """One command: it empties the LD, waits for another data plane, and gives it its buckets again."""
        with tools.running(lab.node(plan.SWITCH), *self.controller.command("ld", "upgrade", UPGRADED)) as command:
            self._step(UPGRADED, "is empty", lambda: _read_until(command, f"{UPGRADED} is empty"))
            lab.programs.end(UPGRADED, signal.SIGTERM)
            parts.start_dataplane(lab.programs, lab.directory, lab.node(UPGRADED))
            parts.wait_for_configuration(lab.programs, UPGRADED)
            self._step(UPGRADED, "is back", lambda: _read_until(command, f"Back in use: {UPGRADED}"))

    def _step(self, ld: str, what: str, do: Callable[[], object]) -> None:
        """One change of the cluster; then the traffic goes on for a while."""
        began = time.monotonic()
        do()
        took = time.monotonic() - began
        news = self.controller.news()
        told = {event["step"]: event["buckets"] for event in news if event["event"] == "buckets_move"}
        modified = sum(event["modified"] for event in news if event["event"] == "written")
        new = bucket_map.of_numbers(self.controller.measured("buckets"))
        self._judge(ld, what, took, new, told, modified)
        time.sleep(STEADY_S)

    def _judge(
        self, ld: str, what: str, took: float, new: bucket_map.BucketMap, told: "dict[str, int]", modified: int
    ) -> None:
        change = bucket_map.Change(ld, self.map, new)
        self.map = new
        for wrong in change.wrong(told, modified):
            self.fail(f"{ld} {what}: {wrong}")
        steps = ", ".join(f"{step} {buckets}" for step, buckets in told.items())
        self.rows.append((f"{ld} {what}", f"{took:.1f} s", len(change.moved), len(change.changed), steps))

    def report(self, measured: Measured) -> str:
        return "\n".join(
            [
                heading("LDs join and leave: buckets move by copy (from the switch's table and the clients)"),
                table(("", "took", "buckets moved", "of 1024 entries changed", "by maps"), self.rows),
                f"  {UPGRADED} was restarted while it was empty (sluice ld upgrade {UPGRADED})",
                *self.load.lines(),
            ]
        )


def _ld(lab: Lab, ld: str) -> "dict[str, str]":
    """As sluice.yaml has it."""
    port = plan.switch_port_of(ld)
    return {
        "name": ld,
        "agent": f"unix:{parts.agent_socket(lab.directory, ld)}",
        "address": f"10.0.{port}.2/24",
        "gateway": f"10.0.{port}.1",
        "address_v6": f"2001:db8:f{port}::2/64",
        "gateway_v6": f"2001:db8:f{port}::1",
        "mac": plan.interfaces_of(ld)[0].mac,
    }


def _adding(lab: Lab, ld: str) -> "list[str]":
    """Options of `sluice cluster scale`."""
    options = {"add" if field == "name" else field.replace("_", "-"): value for field, value in _ld(lab, ld).items()}
    return [word for name, value in options.items() for word in (f"--{name}", value)]


def _read_until(command: "subprocess.Popen[str]", beginning: str) -> None:
    """Reads what a command prints up to a line that begins so. Raises LabError with all of it when it ends before."""
    assert command.stdout is not None
    said = ""
    for line in command.stdout:
        if line.startswith(beginning):
            return
        said += line
    raise LabError(f"{shlex.join(command.args)}: ended with {said or 'no output'}")  # type: ignore[arg-type]
