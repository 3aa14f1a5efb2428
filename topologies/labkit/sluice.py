"""The controller's command line, and what it reads from the switch and the LDs."""

import json
import os
import shlex
import signal
import string
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

from .errors import LabError
from .load import Load
from .parts import ROOT
from .run_dir import RunDir

_MAIN = ROOT / "controller/dist/cli/main.js"
# As the first line of main.js has it, for who runs it as a program.
_NODE_OPTIONS = ["--max-semi-space-size=64"]
_TEMPLATE = ROOT / "topologies/sluice.yaml"
# Longer than any command takes, also on a machine that has ten times as much to do as it can.
_LIMIT_S = 240


class Sluice:
    """Runs `sluice` on the lab's desired state."""

    def __init__(self, run: RunDir, load: Load) -> None:
        self.file = run / "sluice.yaml"
        text = string.Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(RUN=run.path, EIP_LIMIT=load.eip_limit)
        self.file.write_text(text, encoding="utf-8")

    def __call__(self, *arguments: str) -> str:
        """What the command prints. Raises LabError with what it complains about when it fails."""
        try:
            run = subprocess.run(
                self.command(*arguments),
                env={**os.environ, "SLUICE_FILE": str(self.file)},
                capture_output=True,
                text=True,
                check=False,
                timeout=_LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            raise LabError(f"sluice {shlex.join(arguments)}: no end after {_LIMIT_S} s") from None
        if run.returncode != 0:
            raise LabError(f"sluice {shlex.join(arguments)}: {run.stderr.strip() or run.stdout.strip()}")
        return run.stdout

    @staticmethod
    def command(*arguments: str) -> list[str]:
        """The command line of `sluice …`."""
        return ["node", *_NODE_OPTIONS, str(_MAIN), *arguments]

    @contextmanager
    def until_interrupted(self, *arguments: str) -> Iterator[None]:
        """Runs a command that goes on until Ctrl-C, which it gets when the block ends. Raises LabError when it fails."""
        popen = subprocess.Popen(
            self.command(*arguments),
            env={**os.environ, "SLUICE_FILE": str(self.file)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # the terminal's Ctrl-C is for the lab
        )
        try:
            yield
            popen.send_signal(signal.SIGINT)
            said = popen.communicate(timeout=_LIMIT_S)[0]
            if popen.returncode != 0:
                raise LabError(f"sluice {shlex.join(arguments)}: {said.strip()}")
        finally:
            popen.kill()
            popen.communicate()

    def apply(self) -> str:
        return self("apply", "-f", str(self.file))

    def check_nothing_to_do(self) -> None:
        """Raises LabError when the switch or an LD differs from the desired state (`sluice diff` then fails)."""
        self("diff", "-f", str(self.file))

    def change_line(self, section: str, old: str, new: str) -> None:
        """Changes one line of the desired state: the first one with `old` in the section `- name: SECTION`."""
        lines = self.file.read_text(encoding="utf-8").splitlines(keepends=True)
        start = next(i for i, line in enumerate(lines) if line.strip() == f"- name: {section}")
        at = next(i for i in range(start, len(lines)) if old in lines[i])
        lines[at] = lines[at].replace(old, new)
        self.file.write_text("".join(lines), encoding="utf-8")

    def remove_line(self, text: str) -> None:
        """Removes the first line of the desired state with `text` in it."""
        lines = self.file.read_text(encoding="utf-8").splitlines(keepends=True)
        del lines[next(i for i, line in enumerate(lines) if text in line)]
        self.file.write_text("".join(lines), encoding="utf-8")

    def change(self, edit: Callable[[str], str]) -> None:
        """Changes the text of the desired state."""
        self.file.write_text(edit(self.file.read_text(encoding="utf-8")), encoding="utf-8")

    def get(self, *what: str) -> Any:
        return json.loads(self("get", *what, "-f", str(self.file), "--output", "json"))

    def shell_function(self) -> str:
        """A line for another terminal's shell, after which `sluice …` works on this lab."""
        return f"sluice() {{ SLUICE_FILE={shlex.quote(str(self.file))} node {shlex.quote(str(_MAIN))} \"$@\"; }}"

    def write_wrapper(self, directory: Path) -> None:
        """A command `sluice` in a directory, for the prompt of the lab itself."""
        wrapper = directory / "sluice"
        command = f'SLUICE_FILE={shlex.quote(str(self.file))} exec node {shlex.quote(str(_MAIN))} "$@"'
        wrapper.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
        wrapper.chmod(0o755)
