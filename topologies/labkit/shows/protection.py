"""Senders with an address that is not theirs, or that is blocked: nothing of it arrives, and the switch says why."""

import time
from dataclasses import dataclass

from .. import plan, tools
from ..measure import Measured, switch_drops
from ..show import Lab, Show
from ..terminal import heading, table

PINGS = 5
PATIENCE_S = 30


@dataclass(frozen=True)
class Attempt:
    """Who sends, as whom, to whom, and how the switch has to call it."""

    sender: str
    source: str
    whose: str
    target: str
    destination: str
    reason: str


ATTEMPTS = (
    Attempt(
        plan.OTHER_VM,
        plan.EIP.vm_address,
        f"{plan.VM}'s address, from another host",
        plan.CLIENT,
        plan.address_of(plan.CLIENT),
        "spoofed_source",
    ),
    Attempt(
        plan.VM,
        "192.168.0.66",
        "an address that no VM has",
        plan.CLIENT,
        plan.address_of(plan.CLIENT),
        "unknown_vm",
    ),
    Attempt(
        plan.VM,
        plan.guest(plan.OTHER_VM).address,
        f"{plan.OTHER_VM}'s address without an EIP",
        plan.APP_SERVERS[0],
        plan.APP_VIP,
        "spoofed_source",
    ),
    Attempt(plan.CLIENT, plan.VIP, "the VIP, from the internet", plan.VM, plan.EIP.address, "spoofed_source"),
    Attempt(plan.CLIENT, plan.BLOCKED_ADDRESS, "an address that acl denies", plan.VM, plan.EIP.address, "acl"),
)


@dataclass(frozen=True)
class Outcome:
    attempt: Attempt
    arrived: int
    dropped: dict[str, int]


class ProtectionShow(Show):
    name = "protection"

    def run(self, lab: Lab) -> str:
        self.outcomes: list[Outcome] = []
        drops = switch_drops(lab.sluice)
        for attempt in ATTEMPTS:
            target = lab.node(attempt.target)
            before = tools.echo_requests(target)
            _send(lab, attempt)
            now = _drops_after(lab, drops)
            dropped = {reason: now[reason] - drops[reason] for reason in now if now[reason] != drops[reason]}
            drops = now
            arrived = tools.echo_requests(target) - before
            self.outcomes.append(Outcome(attempt, arrived, dropped))
            what = f"{attempt.sender} as {attempt.source}"
            self.expect(f"{what}: pings that arrived", arrived, 0)
            self.expect(f"{what}: drops named {attempt.reason}", dropped.get(attempt.reason, 0), PINGS)
        return f"{len(ATTEMPTS)} senders with addresses that are not theirs, or blocked"

    def report(self, measured: Measured) -> str:
        rows = [
            (
                o.attempt.sender,
                f"{o.attempt.source}: {o.attempt.whose}",
                o.attempt.destination,
                f"{o.arrived} of {PINGS}",
                ", ".join(f"{reason} {count}" for reason, count in o.dropped.items()),
            )
            for o in self.outcomes
        ]
        title = "Senders with an address that is not theirs, or blocked (drops from the switch)"
        return "\n".join([heading(title), table(("sender", "source", "to", "arrived", "dropped as"), rows)])


def _drops_after(lab: Lab, before: dict[str, int]) -> dict[str, int]:
    """When the switch has taken in all pings, or something else has become of them."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        now = switch_drops(lab.sluice)
        if sum(now.values()) - sum(before.values()) >= PINGS or time.monotonic() > deadline:
            return now


def _send(lab: Lab, attempt: Attempt) -> None:
    """The sender has the address only meanwhile."""
    sender = lab.node(attempt.sender)
    device = plan.interfaces_of(attempt.sender)[0].name
    sender.sh(
        f"ip address add {attempt.source}/32 dev {device}",
        f"ping -n -q -c {PINGS} -i 0.05 -W 0.3 -I {attempt.source} {attempt.destination} || true",
        f"ip address del {attempt.source}/32 dev {device}",
    )
