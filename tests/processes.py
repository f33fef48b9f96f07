"""Looking at processes and waiting for them, for tests that kill some. Linux only."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Return the processes below *pid* that are alive."""
    parents = {int(path.name): fields for path in Path("/proc").glob("[0-9]*") if (fields := _status(int(path.name)))}
    found, wanted = [], {pid}
    while wanted:
        wanted = {child for child, (parent, state) in parents.items() if parent in wanted and state != "Z"}
        found += sorted(wanted)
    return found


def children(pid: int) -> list[int]:
    """Return the processes whose parent is *pid*."""
    every = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [each for each in every if (status := _status(each)) is not None and status[0] == pid]


def alive(pid: int) -> bool:
    """Say whether *pid* runs; a process that nobody has waited for yet does not."""
    status = _status(pid)
    return status is not None and status[1] != "Z"


def wait_until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until *condition* holds.

    Raises:
        AssertionError: it did not within *seconds*.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds:g} seconds in vain"
        time.sleep(0.02)


def _status(pid: int) -> tuple[int, str] | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), fields[0]
