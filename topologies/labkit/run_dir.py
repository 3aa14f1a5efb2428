"""The directory of one run: sockets, logs, generated files. It also marks the run's processes.

Every process of a lab inherits SLUICE_LAB_RUN=<directory>, and the lab itself holds a lock in it. A directory whose lock
is free belongs to a lab that died; its processes are found by that variable and by nothing else.
"""

import fcntl
import os
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path

from .errors import LabError

PREFIX = "sluice-lab."
MARK = "SLUICE_LAB_RUN"
# What shells, nginx, curl and YAML read as it is.
_PLAIN = re.compile(r"[A-Za-z0-9._/+-]+")
# Of a Unix socket (sun_path on Linux), and the longest name that one has in the directory.
_SOCKET_PATH_BYTES = 107
_LONGEST_NAME = "/gw1-notifications.ipc"


class RunDir:
    """Made on entry, removed by `remove`. Raises LabError where the programs of a lab cannot have their files, OSError where
    nobody can."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            _check(self.path)
            self._take()
        except BaseException:
            shutil.rmtree(self.path, ignore_errors=True)
            raise
        os.environ[MARK] = str(self.path)

    def _take(self) -> None:
        # Under its name only once it is locked: a lab that starts at this moment must not take this one for dead.
        unlocked = self.path / "unlocked"
        self._lock = open(unlocked, "w", encoding="ascii")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unlocked.rename(self.path / "lock")

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def why_full(self) -> str:
        """What to do when no more can be written there; "" when more can. Of a program that ends because of it the log is empty."""
        state = os.statvfs(self.path)
        if state.f_bfree and (state.f_ffree or not state.f_files):
            return ""
        return f"no space is left in {self.path} (make room there, or choose another place: TMPDIR=… npm run lab)"

    def remove(self) -> None:
        kill_marked(self.path)
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def sweep_stale() -> int:
    """Ends and removes what labs that died have left. Returns how many there were."""
    swept = 0
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not _abandoned(path):
            continue
        kill_marked(path)
        shutil.rmtree(path, ignore_errors=True)
        swept += 1
    return swept


def kill_marked(path: Path) -> None:
    """Ends every process marked with this directory, except this one. Waits until they are gone, 5 s at most."""
    pids = _marked(path)
    for pid in pids:
        _kill(pid)
    deadline = time.monotonic() + 5
    while _marked(path) and time.monotonic() < deadline:
        time.sleep(0.01)


def _abandoned(path: Path) -> bool:
    try:
        if path.stat().st_uid != os.geteuid():
            return False
        with open(path / "lock", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (FileNotFoundError, NotADirectoryError):
        return False  # being made or removed at this moment, or not a lab's
    except BlockingIOError:
        return False  # a running lab
    return True


def _check(path: Path) -> None:
    where = f"the lab's directory {path}"
    remedy = "choose another place: TMPDIR=/tmp npm run lab"
    if not _PLAIN.fullmatch(str(path)):
        raise LabError(f"{where}: its path may have letters, digits and . _ + - / only ({remedy})")
    if len(os.fsencode(path)) + len(_LONGEST_NAME) > _SOCKET_PATH_BYTES:
        raise LabError(f"{where}: its path is too long for the names of Unix sockets in it ({remedy})")


def _marked(path: Path) -> list[int]:
    mark = f"{MARK}={path}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            pass  # it ended meanwhile
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
