"""Programs of the lab's own that run in a node until their standard input ends, and then tell as JSON what they saw."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from .errors import LabError
from .nodes import LabNode

_HERE = Path(__file__).resolve().parent
# How long a program may take to tell what it saw.
_END_S = 60


def start(node: LabNode, program: str, *arguments: object) -> "subprocess.Popen[str]":
    """Starts labkit/PROGRAM.py in a node. It does not outlive the lab."""
    command = node.in_namespace(sys.executable, "-B", str(_HERE / f"{program}.py"), *map(str, arguments))
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the lab
    )


def report(popen: "subprocess.Popen[str]") -> Any:
    """Asks a program that runs on for what it has seen since the report before."""
    assert popen.stdin is not None and popen.stdout is not None
    line = ""
    try:
        popen.stdin.write("report\n")
        popen.stdin.flush()
        line = popen.stdout.readline()
        return json.loads(line)
    except (BrokenPipeError, ValueError):
        said = f"it said {line[:200]!r}" if line else f"exit status {popen.wait()}"
        raise LabError(f"{popen.args}: no report: {said}") from None


def end(popen: "subprocess.Popen[str]") -> Any:
    """Ends a program. Returns what it saw."""
    text, _ = popen.communicate(timeout=_END_S)
    if popen.returncode != 0:
        raise LabError(f"{popen.args}: exit status {popen.returncode}")
    return json.loads(text)
