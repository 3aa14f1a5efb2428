"""Stops one thread of a process, and no other, until standard input ends: what a core looks like that hangs. SIGSTOP
stops a whole process, and so does a cgroup's freezer; a tracer's interrupt stops a thread (ptrace(2), PTRACE_SEIZE).

    hold_thread.py TID       prints "ready" when the thread stands still
"""

import ctypes
import os
import sys

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17  # linux/ptrace.h
_WAIT_ALL = 0x40000000  # __WALL: threads that are not our children, too

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request: int, tid: int) -> None:
    if _libc.ptrace(request, tid, None, None) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"ptrace {request:#x} of thread {tid}: {os.strerror(error)}")


def main() -> None:
    tid = int(sys.argv[1])
    _ptrace(_SEIZE, tid)
    _ptrace(_INTERRUPT, tid)
    os.waitpid(tid, _WAIT_ALL)
    print("ready", flush=True)
    sys.stdin.buffer.read()
    _ptrace(_DETACH, tid)


if __name__ == "__main__":
    main()
