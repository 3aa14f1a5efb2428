"""A service moves to another cluster of LDs and back, under connections in transfer and new ones: `migration` of the service. With it
goes the service of the datagrams, which no TCP makes late ones when they are lost."""

import time
from typing import Any, Callable

from .. import parts, plan
from ..measure import Measured
from ..processes import wait_for
from ..show import Lab, Show
from ..terminal import heading, table
from .stragglers import Stragglers
from .under_load import CONNECTIONS, UnderLoad

STEADY_S = 1.5
OLD, NEW = "edge", "edge2"
_AT_OLD, _AT_NEW = f"    cluster: {OLD}\n", f"    cluster: {NEW}\n"
_MIGRATION = f"    migration: {{ from: {OLD}, to: {NEW} }}\n"
# In the order of sluice.yaml.
_SERVICES = (plan.SERVICE, "echo")
_COPY_LIMIT_S = 60.0


def _other_cluster(directory: str) -> str:
    return f"""\
  - name: {NEW}
    steering_address: 10.255.1.2
    local_ips: [198.18.1.0/30, "2001:db8:19::/126"]
    failover: {{ secret: the-lab-is-no-secret, hold_ms: 500 }}
    lds:
      - name: {plan.SPARE_LD}
        agent: "unix:{directory}/{plan.SPARE_LD}.agent.sock"
        address: 10.0.7.2/24
        gateway: 10.0.7.1
        address_v6: "2001:db8:f7::2/64"
        gateway_v6: "2001:db8:f7::1"
        mac: {plan.interfaces_of(plan.SPARE_LD)[0].mac}

"""


class MigrateShow(Show):
    name = "migrate"

    def run(self, lab: Lab) -> str:
        self._with_the_other_cluster(lab)
        self.load = UnderLoad(lab, "moved and taken back")
        self.moments: list[tuple[str, float, float]] = []
        time.sleep(STEADY_S)
        self._step(lab, "both clusters copy", "", _MIGRATION)
        self.numbers = self._wait_until_copied(lab)
        self.stragglers = Stragglers(lab, plan.SPARE_LD)
        self._step(lab, f"turned to {NEW}", _AT_OLD, _AT_NEW, self.stragglers.turned)
        self.stragglers.told()
        self.at_new = self._sessions_at(lab)
        self._step(lab, f"turned back to {OLD}", _AT_NEW, _AT_OLD)
        self.stragglers.end()
        self.load.end()
        self._leave(lab)
        self._judge()
        return f"services {' and '.join(_SERVICES)} from cluster {OLD} to {NEW} and back, under {CONNECTIONS} connections"

    def _with_the_other_cluster(self, lab: Lab) -> None:
        parts.start_spare_lds(lab.programs, lab.directory, [lab.node(plan.SPARE_LD)])
        cluster = _other_cluster(str(lab.directory.path))
        lab.sluice.change(lambda text: text.replace("\nservices:\n", f"\n{cluster}services:\n", 1))
        lab.sluice.apply()

    def _step(self, lab: Lab, what: str, old: str, new: str, then: Callable[[], None] = lambda: None) -> None:
        """One change of the services, applied; then the traffic goes on for a while."""
        began = time.monotonic()
        lab.sluice.change(lambda text: _edit_services(text, old, new))
        lab.sluice.apply()
        self.moments.append((what, began, time.monotonic()))
        then()
        time.sleep(STEADY_S)

    def _wait_until_copied(self, lab: Lab) -> dict[str, Any]:
        wait_for(
            lambda: self._migration(lab)["copied"], f"the sessions of {plan.SERVICE} are copied", lab.programs, _COPY_LIMIT_S
        )  # fmt: skip
        return self._migration(lab)

    def _migration(self, lab: Lab) -> dict[str, Any]:
        """Of either service: their sessions are copied together."""
        return dict(next(item for item in lab.sluice.get("migrations") if item["service"] == plan.SERVICE))

    def _sessions_at(self, lab: Lab) -> int:
        """How many sessions the other cluster has taken over."""
        states = [item for item in lab.sluice.get("rs") if (item["service"], item["ld"]) == (plan.SERVICE, plan.SPARE_LD)]
        return sum(item["sessions_active"] for item in states)

    def _leave(self, lab: Lab) -> None:
        """As it was: what has begun at the other cluster has ended with the load."""
        cluster = _other_cluster(str(lab.directory.path))
        lab.sluice.change(lambda text: _edit_services(text, _MIGRATION, "").replace(cluster, "", 1))
        lab.sluice.apply()
        parts.end_spare_lds(lab.programs, [plan.SPARE_LD])

    def _judge(self) -> None:
        self.load.judge(self)
        self.stragglers.judge(self)
        self.expect("buckets whose sessions were copied", self.numbers["buckets_copied"], self.numbers["buckets"])
        if self.at_new < CONNECTIONS:
            self.fail(f"{NEW} had {self.at_new} sessions, not the {CONNECTIONS} connections")

    def report(self, measured: Measured) -> str:
        rows = [(what, f"{1000 * (until - begin):.0f} ms") for what, begin, until in self.moments]
        return "\n".join(
            [
                heading(f"Services {' and '.join(_SERVICES)} migrate from cluster {OLD} to {NEW} and back (sluice.yaml: migration)"),
                table(("step", "sluice apply took"), rows),
                f"  {self.numbers['sessions_copied']} sessions copied before; {NEW} had {self.at_new} afterwards",
                self.stragglers.line(),
                *self.load.lines(),
            ]
        )


def _edit_services(text: str, old: str, new: str) -> str:
    """Changes a line of each service; without `old`, adds one behind `cluster`."""
    for name in _SERVICES:
        head, item, service = text.partition(f"  - name: {name}\n")
        text = head + item + service.replace(old or _AT_OLD, new if old else _AT_OLD + new, 1)
    return text
