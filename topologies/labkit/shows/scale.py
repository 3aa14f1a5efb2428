"""A third LD joins the cluster, another one is drained, restarted and comes back, the third one leaves: under connections in transfer and new ones."""

import json
import signal
import time
from typing import Callable

from .. import parts, plan
from ..measure import Measured
from ..show import Lab, Show
from ..terminal import heading, table
from .under_load import CONNECTIONS, NEW_PER_S, UnderLoad

STEADY_S = 0.5
UPGRADED = plan.LDS[0]
_DRAINED = "        drained: true\n"

# By bucket: the LD that has it, and its backup.
Map = dict[int, tuple[int, int]]


def _third_ld(directory: str) -> str:
    return f"""\
      - name: {plan.SPARE_LD}
        agent: "unix:{directory}/{plan.SPARE_LD}.agent.sock"
        address: 10.0.7.2/24
        gateway: 10.0.7.1
        address_v6: "2001:db8:f7::2/64"
        gateway_v6: "2001:db8:f7::1"
        mac: {plan.interfaces_of(plan.SPARE_LD)[0].mac}
"""


class ScaleShow(Show):
    name = "scale"

    def run(self, lab: Lab) -> str:
        before = lab.sluice.file.read_text(encoding="utf-8")
        third = _third_ld(str(lab.directory.path))
        parts.start_spare_ld(lab.programs, lab.directory, lab.node(plan.SPARE_LD))
        self.load = UnderLoad(lab, "scaled out and in")
        self.rows: list[tuple[str, str, int, int]] = []
        self.map = _map(lab)
        time.sleep(STEADY_S)
        self._step(lab, f"{plan.SPARE_LD} joins", lambda text: text.replace("\nservices:\n", f"{third}\nservices:\n", 1))
        self._step(lab, f"{UPGRADED} is drained", lambda text: _drain(text, UPGRADED))
        self._restart(lab, UPGRADED)
        self._step(lab, f"{UPGRADED} comes back", lambda text: text.replace(_DRAINED, "", 1))
        self._step(lab, f"{plan.SPARE_LD} is drained", lambda text: _drain(text, plan.SPARE_LD))
        self._step(lab, f"{plan.SPARE_LD} leaves", lambda _: before)
        self.load.end()
        for name in (f"{plan.SPARE_LD}-agent", plan.SPARE_LD):
            lab.programs.end(name, signal.SIGTERM)
        lab.sluice.check_nothing_to_do()
        self._judge()
        return f"a third LD, an upgrade and two LDs again, under {CONNECTIONS} connections and {NEW_PER_S} new ones/s"

    def _step(self, lab: Lab, what: str, edit: Callable[[str], str]) -> None:
        """One change of the cluster, applied; then the traffic goes on for a while."""
        old = self.map
        began = time.monotonic()
        lab.sluice.change(edit)
        lab.sluice.apply()
        took = time.monotonic() - began
        new = self.map = _map(lab)
        moved = {bucket for bucket in new if new[bucket][0] != old[bucket][0]}
        touched = {bucket for bucket in new if new[bucket] != old[bucket]}
        self.rows.append((what, f"{took:.1f} s", len(moved), len(touched)))
        # Who has come gets all that moves; who has gone had all of it.
        ends = {new[bucket][0] for bucket in moved}, {old[bucket][0] for bucket in moved}
        if moved and 1 not in map(len, ends):
            self.fail(f"{what}: buckets moved among LDs that neither came nor went")
        time.sleep(STEADY_S)

    def _restart(self, lab: Lab, ld: str) -> None:
        lab.programs.end(ld, signal.SIGTERM)
        parts.start_dataplane(lab.programs, lab.directory, lab.node(ld))
        parts.wait_for_configuration(lab.programs, ld)

    def _judge(self) -> None:
        self.load.judge(self)
        moved = {what: moved for what, _, moved, _ in self.rows}
        for what in (f"{plan.SPARE_LD} joins", f"{UPGRADED} comes back"):
            if moved[what] not in (341, 342):
                self.fail(f"{what}: {moved[what]} buckets moved, not a third of 1024")

    def report(self, measured: Measured) -> str:
        return "\n".join(
            [
                heading("LDs join and leave: buckets move by copy (from the switch's table and the clients)"),
                table(("", "apply took", "buckets moved", "of 1024 entries changed"), self.rows),
                f"  {UPGRADED} was restarted while it was empty",
                *self.load.lines(),
            ]
        )


def _drain(text: str, ld: str) -> str:
    return text.replace(f"      - name: {ld}\n", f"      - name: {ld}\n{_DRAINED}", 1)


def _map(lab: Lab) -> Map:
    entries = json.loads(lab.sluice("table", "dump", "ld_of_bucket", "-f", str(lab.sluice.file), "--output", "json"))
    return {
        int(entry["match"]["bucket"]): (int(entry["params"]["ld_id"]), int(entry["params"]["backup_ld_id"]))
        for entry in entries
        if entry["match"]
    }
