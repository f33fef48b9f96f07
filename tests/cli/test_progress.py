from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = 80


def _on_a_terminal(*arguments: str, cwd: Path, path: Path) -> tuple[int, str]:
    """Run dcbench on a pseudo terminal; return its exit code and everything that it wrote."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    plain = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "LINES"}}
    running = subprocess.Popen(
        [sys.executable, "-m", "dcbench", *arguments],
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=plain | {"PYTHONPATH": str(path), "TERM": "xterm-256color"},
    )
    os.close(theirs)
    said = b""
    try:
        while block := os.read(ours, 4096):
            said += block
    except OSError:  # Linux's way to say that nobody holds the other end any more
        pass
    os.close(ours)
    return running.wait(timeout=30), said.decode().replace("\r\n", "\n")


def test_a_terminal_shows_live_bars_and_then_a_table_that_fits(toy_folder: Path, data: Path, tmp_path: Path) -> None:
    steps = ("--set", "toy-slow.iterations=30", "--set", "toy-slow.pause=0.05")
    grid = ("--datasets", "toy", "--evaluators", "count", "--ipc", "1", "--device", "cpu", "--data", str(data))
    methods = ("--methods", "toy-first,toy-slow[iterations=2],toy-slow,toy-bad", *steps)
    code, said = _on_a_terminal("run", *grid, *methods, cwd=tmp_path, path=toy_folder)
    assert code == 1, said
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.replace("\r", "\n"))
    assert "Traceback" not in shown
    assert "all jobs" in shown
    assert re.search(r"^toy ipc 1 toy-slow.*… .* \d+/30 +[\d.]+/s \d:\d\d:\d\d sum=", shown, re.MULTILINE), (
        "one live line"
    )
    assert "failed  toy ipc 1 toy-bad seed 0: condense: ValueError" in shown
    table = shown[shown.rindex("count, pixel, test split") :]
    assert table.count(" ± 0.0 (1x1) │") == 3, "no number is cut off"
    assert max(map(len, table.partition("mean ±")[0].splitlines())) <= COLUMNS
    assert "\x1b[1m" in said, "the best is bold"
    assert said.count("\x1b[?25l") == said.count("\x1b[?25h"), "the cursor is shown again"
