"""An EIP moves from one VM to another and back, by one changed line of sluice.yaml and `sluice apply`, under load."""

import itertools
import re
import signal
import time
from dataclasses import dataclass, replace
from typing import Optional, Sequence

from .. import plan, tools
from ..measure import Measured
from ..show import Lab, Show
from ..terminal import heading

# A request whose VM has lost the address meanwhile is never answered.
_REQUEST_LIMIT_S = 3.0
# Between the moves, and around them.
_STEADY_S = _REQUEST_LIMIT_S + 0.5
# What is under way at the moment of a move is lost with the VM that it was under way to: one request at a time, and on
# a busy machine some pings.
_BROKEN_PER_MOVE = 1
_PINGS_LOST_PER_MOVE = 5
_MOVES = 2


@dataclass(frozen=True)
class Requests:
    """HTTP requests one after the other: which VM answered each, None where the connection broke."""

    answers: Sequence[Optional[str]]

    @property
    def broken(self) -> int:
        return self.answers.count(None)

    def runs(self) -> list[tuple[str, int]]:
        """Who answered, and from which request on (counted from 1)."""
        numbered = [(name, number) for number, name in enumerate(self.answers, 1) if name is not None]
        return [(name, next(group)[1]) for name, group in itertools.groupby(numbered, key=lambda item: item[0])]


class MoveShow(Show):
    name = "move"

    def run(self, lab: Lab) -> str:
        client = lab.node(plan.CLIENT)
        old = plan.vm_line(plan.EIP)
        guest = plan.guest(plan.OTHER_VM)
        self.new = plan.vm_line(replace(plan.EIP, vm=guest.name, vm_address=guest.address))
        answers = lab.directory / "move.answers"
        with tools.running(client, "sh", "-c", _requests_forever(str(answers))) as http:
            with tools.running(client, "ping", "-n", "-q", "-i", "0.02", plan.EIP.address) as ping:
                time.sleep(_STEADY_S)
                self._move(lab, old, self.new)
                self._move(lab, self.new, old)
                ping.send_signal(signal.SIGINT)
                sent, received = pings_in(tools.output_of(ping, 60))
            http.kill()
        self.requests = requests_in(answers.read_text(encoding="utf-8"))
        self.pings = (sent, received)
        self._judge()
        return f"EIP {plan.EIP.address} from {plan.VM} to {plan.OTHER_VM} and back, under HTTP requests and pings"

    def _move(self, lab: Lab, old: str, new: str) -> None:
        lab.sluice.change_line(plan.EIP.name, old, new)
        lab.sluice.apply()
        time.sleep(_STEADY_S)

    def _judge(self) -> None:
        owners = [name for name, _ in self.requests.runs()]
        self.expect("VMs that answered, one after the other", owners, [plan.VM, plan.OTHER_VM, plan.VM])
        if self.requests.broken > _BROKEN_PER_MOVE * _MOVES:
            self.fail(f"{self.requests.broken} of {len(self.requests.answers)} requests broke in {_MOVES} moves")
        sent, received = self.pings
        if not sent or sent - received > _PINGS_LOST_PER_MOVE * _MOVES:
            self.fail(f"only {received} of {sent} pings were answered")

    def report(self, measured: Measured) -> str:
        runs = self.requests.runs()
        story = ", ".join(f"{name} from request {number:,} on" for name, number in runs)
        sent, received = self.pings
        return "\n".join(
            [
                heading(f"EIP {plan.EIP.address} moves, by one line of sluice.yaml (from the answers)"),
                f"  - vm: {plan.vm_line(plan.EIP)}",
                f"  + vm: {self.new}",
                f"  {len(self.requests.answers):,} HTTP requests one after the other: {story}",
                f"  broken in the moment of a move: {self.requests.broken}; pings answered: {received:,} of {sent:,}",
            ]
        )


def _requests_forever(answers: str) -> str:
    """A shell line; each request on a connection of its own, then its number and curl's exit status."""
    return (
        f"exec stdbuf --output=L curl --silent --max-time {_REQUEST_LIMIT_S:g} --header 'Connection: close'"
        f" --write-out '#%{{urlnum}} %{{exitcode}}\\n' 'http://{plan.EIP.address}/?[1-1000000]' >{answers}"
    )


def requests_in(text: str) -> Requests:
    """What curl has written: an answer begins with the VM's name; a request that was broken off is not counted."""
    answers: list[Optional[str]] = []
    name: Optional[str] = None
    for line in text.splitlines():
        ended = re.fullmatch(r"#\d+ (\d+)", line)
        if ended is None:
            name = line.split(" ")[0]
        else:
            answers.append(name if ended.group(1) == "0" else None)
            name = None
    return Requests(answers)


def pings_in(text: str) -> tuple[int, int]:
    """Sent and answered, of ping's last lines."""
    found = re.search(r"(\d+) packets transmitted, (\d+) received", text)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)
