"""A controller that goes on running (`sluice serve`), asked by its API without a program that has to start first."""

import json
import shutil
import signal
import socket
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Iterator

from . import plan
from .errors import LabError
from .processes import accepts, wait_for
from .show import Lab

_NAME = "controller"


class Controller:
    """One that keeps the lab's switch and LDs as long as it runs: by `running`."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._socket: Path = lab.directory / f"{_NAME}.sock"
        self.address = f"unix:{self._socket}"
        self._log_read = 0

    def sluice(self, *arguments: str) -> str:
        """What a command prints that asks this controller. Raises LabError when it fails."""
        return self._lab.sluice(*arguments, "--server", self.address)

    def command(self, *arguments: str) -> list[str]:
        """The command line of the same."""
        return self._lab.sluice.command(*arguments, "--server", self.address)

    def get(self, path: str) -> Any:
        """The body of an answer of the API. Raises LabError for one that is not 200."""
        connection = _UnixConnection(self._socket)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise LabError(f"{_NAME}: {path}: {answer.status} {body}")
        return body

    def measured(self, what: str) -> Any:
        """As `sluice get WHAT -o json` has it."""
        return self.get(f"/v1/measurements/{what}")["items"]

    def news(self) -> list[dict[str, Any]]:
        """What it has logged since this was last asked."""
        lines = self._lab.programs.part(_NAME).log.read_bytes()[self._log_read :]
        whole = lines[: lines.rfind(b"\n") + 1]
        self._log_read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@contextmanager
def running(lab: Lab) -> Iterator[Controller]:
    """A controller that has no desired state yet, and answers; it ends with the block."""
    controller = Controller(lab)
    store = lab.directory / f"{_NAME}.store"
    shutil.rmtree(store, ignore_errors=True)
    command = lab.sluice.command("serve", "--store", str(store), "--listen", controller.address)
    lab.programs.start(_NAME, lab.node(plan.SWITCH), *command)
    wait_for(lambda: accepts(lab.directory / f"{_NAME}.sock"), "the controller answers", lab.programs)
    yield controller
    lab.programs.end(_NAME, signal.SIGTERM)
