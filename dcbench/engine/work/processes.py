"""Processes that end together: a worker with the front end, a job with its worker, and all that a job has started.

A job may start processes that leave its group (``setsid`` is one call) and whose parents have exited. Killing the
group does not reach these, and ``/proc`` alone does not show which job started them. So a worker is a *subreaper*
(Linux 3.4): orphans below it become its own children, and after a job all its children belong to that job. A worker
that was itself killed cannot end them. They are found by a variable of its environment, which all processes below it
inherit.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_SET_PARENT_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36  # PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER of sys/prctl.h
_PATIENCE = 5.0  # seconds until killed processes must have ended; one that waits for a disk may take longer
_TICK = 0.002


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), 0, 0, 0)


def die_with_parent(parent: int, how: signal.Signals = signal.SIGKILL) -> None:
    """Let the kernel send the signal *how* when *parent* dies; end at once if it is dead already.

    Args:
        parent: id of the process that started this one, taken before the start. Between the start and this call that
            process may have died, and `os.getppid` would give another parent.
        how: the signal.
    """
    _prctl(_SET_PARENT_DEATH_SIGNAL, how)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of all orphans below this process, for `end_children` to find them."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def kill_group(child: int) -> None:
    """Kill *child*, which leads a group of processes, with all of that group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


def end_children() -> None:
    """Kill all children of this process and, since it adopts orphans, all below them; wait until they are gone.

    Children of a killed child become children of this process, so that a few rounds reach all. Without children, as
    after most jobs, this is one system call.
    """
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        for child in _children():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        time.sleep(_TICK)


def kill_marked(mark: str) -> None:
    """Kill every process whose environment, as it was when its program was started, has the entry *mark*.

    A process may start another during the search, so that the search ends with a round that finds none.
    """
    end = time.monotonic() + _PATIENCE
    while (found := _marked(mark.encode())) and time.monotonic() < end:
        for process in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        time.sleep(_TICK)


def _marked(mark: bytes) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # another user's, or gone
            if mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def _children() -> list[int]:
    """Return the children of this process. ``/proc/*/task/*/children`` lists them, but not in every kernel."""
    own, found = os.getpid(), []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):  # the process may end at any time
            if int(path.read_bytes().rpartition(b")")[2].split()[1]) == own:
                found.append(int(path.parent.name))
    return found


def leave_standard_input() -> None:
    """Replace standard input by an empty one: its lines are for the process that forked, not for a plug-in."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
