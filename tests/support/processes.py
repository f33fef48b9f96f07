"""Looking at processes and waiting for them, for tests that kill some. Linux only."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

COLUMNS = 80
"""Width of the terminal of `on_a_terminal`."""


def on_a_terminal(*arguments: str, cwd: Path, path: Path | None = None) -> tuple[int, str]:
    """Run Python with *arguments* on a pseudo terminal, *path* on its path for modules; return exit code and output."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    plain = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "LINES"}}
    more = {"PYTHONPATH": str(path)} if path else {}
    running = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=plain | more | {"TERM": "xterm-256color"},
    )
    os.close(theirs)
    said = b""
    try:
        while block := os.read(ours, 4096):
            said += block
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    return running.wait(timeout=30), said.decode().replace("\r\n", "\n")


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
    """Say whether *pid* runs; a process that has ended and was not waited for does not."""
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
