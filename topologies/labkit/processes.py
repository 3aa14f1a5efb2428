"""Long-running processes of the lab: started in a node, watched, logged, ended with the lab."""

import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .errors import LabError
from .nodes import LabNode
from .run_dir import RunDir

_POLL_S = 0.02


@dataclass
class Part:
    """A running program of the lab."""

    name: str
    popen: "subprocess.Popen[bytes]"
    log: Path


class Parts:
    """All programs of one lab, in the order in which they were started."""

    def __init__(self, run: RunDir) -> None:
        self._run = run
        self._parts: list[Part] = []

    def start(self, name: str, node: LabNode, *command: str) -> Part:
        """Starts a program in a node. It dies with the lab, however the lab ends (PR_SET_PDEATHSIG); call this from
        the main thread only, since the kernel ties that signal to the thread that forks."""
        log = self._run / f"{name}.log"
        with open(log, "wb") as output:
            popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *node.in_namespace(*command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the lab, which then ends its parts in order
            )
        part = Part(name, popen, log)
        self._parts.append(part)
        return part

    def part(self, name: str) -> Part:
        return next(part for part in self._parts if part.name == name)

    def runs(self, name: str) -> bool:
        return any(part.name == name and part.popen.poll() is None for part in self._parts)

    def end(self, name: str, how: signal.Signals) -> None:
        """Ends a part by a signal; it is one of the lab's no more."""
        part = self.part(name)
        part.popen.send_signal(how)
        part.popen.wait()
        self._parts.remove(part)

    def wait_for_end(self, name: str, timeout_s: float) -> None:
        """Returns when a part has ended, whoever ended it; it is one of the lab's no more."""
        part = self.part(name)
        try:
            part.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise LabError(f"{name}: runs on after {timeout_s:.0f} s") from None
        self._parts.remove(part)

    def why_dead(self) -> str:
        """Which part has ended that should run, and how; "" when all run."""
        for part in self._parts:
            status = part.popen.poll()
            if status is not None:
                return f"{part.name} has ended ({_describe(status)})"
        return ""

    def check_alive(self) -> None:
        """Raises LabError when a part has ended."""
        dead = self.why_dead()
        if dead:
            raise LabError(dead)

    def stop(self) -> None:
        """Ends all parts, the last started first; those that do not listen within 2 s are killed."""
        for part in reversed(self._parts):
            if part.popen.poll() is None:
                part.popen.terminate()
        deadline = time.monotonic() + 2
        for part in reversed(self._parts):
            try:
                part.popen.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                part.popen.kill()
                part.popen.wait()

    def last_log_lines(self) -> str:
        """The end of every part's log, for a failure message; more of a part that has ended."""
        text = []
        for part in self._parts:
            running = part.popen.poll() is None
            lines = part.log.read_text(errors="replace").splitlines()[-8 if running else -40 :]
            state = "running" if running else _describe(part.popen.returncode)
            text.append(f"--- {part.name} ({state})" + ("" if lines else ", nothing logged"))
            text += lines
        return "\n".join(text)


def wait_for(condition: Callable[[], bool], what: str, parts: Parts, timeout_s: float = 60) -> None:
    """Looks at `condition` until it holds. Raises LabError when a part ends meanwhile or the time is over."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        parts.check_alive()
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {timeout_s:.0f} s")
        time.sleep(_POLL_S)


def accepts(path: Path) -> bool:
    """Whether someone accepts connections on a Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


def _describe(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"
