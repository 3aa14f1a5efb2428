"""A control group whose memory runs out: the kernel then ends the process in it that it was told to. cgroup v1, v2."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional

from .errors import LabError

_LIMIT_BYTES = 48 * 2**20
_MOUNT = Path("/sys/fs/cgroup")
# Takes all it can get, and touches it.
_HOG = "a = []\nwhile True: a.append(bytearray(2**20))"


def unavailable() -> str:
    """Why this machine cannot do it; "" when it can."""
    return "" if _parent() else "no cgroup with a memory controller here"


@contextmanager
def exhausted(pid: int, name: str) -> Iterator[None]:
    """Moves a process into a group of its own whose memory somebody else uses up. What the process has already got
    stays with it, but it is the one that the kernel ends (oom_score_adj); the caller waits for that in the block."""
    parent = _parent()
    if parent is None:
        raise LabError(unavailable())
    group = parent / name
    group.mkdir()
    hog: "Optional[subprocess.Popen[bytes]]" = None
    try:
        _limit(group)
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000", encoding="ascii")
        (group / "cgroup.procs").write_text(str(pid), encoding="ascii")
        join = f"open({str(group / 'cgroup.procs')!r}, 'w').write('0')"
        hog = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", sys.executable, "-c", f"{join}\n{_HOG}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        yield
    finally:
        if hog is not None:
            hog.kill()
            hog.wait()
        _leave(group, parent)


def _parent() -> Optional[Path]:
    """Where a group with a memory limit can be made."""
    if (_MOUNT / "cgroup.controllers").exists():
        enabled = (_MOUNT / "cgroup.subtree_control").read_text(encoding="ascii").split()
        return _MOUNT if "memory" in enabled and os.access(_MOUNT, os.W_OK) else None
    return _MOUNT / "memory" if (_MOUNT / "memory/cgroup.procs").exists() else None


def _limit(group: Path) -> None:
    for file, value in (
        ("memory.swap.max", "0"),
        ("memory.max", str(_LIMIT_BYTES)),
        ("memory.limit_in_bytes", str(_LIMIT_BYTES)),
        ("memory.swappiness", "0"),
    ):
        if (group / file).exists():
            (group / file).write_text(value, encoding="ascii")


def _leave(group: Path, parent: Path) -> None:
    """Whoever is left in the group goes back; then it is removed."""
    for pid in (group / "cgroup.procs").read_text(encoding="ascii").split():
        (parent / "cgroup.procs").write_text(pid, encoding="ascii")
    group.rmdir()
