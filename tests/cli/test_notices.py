from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from support.processes import on_a_terminal

from dcbench.cli import notices
from dcbench.cli.notices import Notices
from dcbench.engine.plan.planner import Planner
from dcbench.engine.plan.request import make_request
from dcbench.engine.registry import load_registry

if TYPE_CHECKING:
    from pathlib import Path


def test_what_takes_longer_than_a_moment_is_said_while_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "MOMENT", 0.05)
    said: list[str] = []
    spoken = threading.Event()
    tell = Notices(lambda text: (said.append(text), spoken.set())[0])
    tell("reading a large dataset")
    assert spoken.wait(10), "it is said before it ends"
    tell.stop()
    assert said == ["reading a large dataset"]


def test_what_ends_at_once_is_never_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "MOMENT", 0.2)
    said: list[str] = []
    tell = Notices(said.append)
    tell("one")
    tell("two")
    tell.stop()
    tell.stop()
    time.sleep(0.4)
    assert said == []


def test_the_planner_tells_which_dataset_it_begins_to_read() -> None:
    told: list[str] = []
    request = make_request(methods="random", datasets="digits", ipc=1)
    Planner(request, load_registry(), told.append).cells()
    assert [text.partition(";")[0] for text in told] == ["reading digits"]


def test_a_run_says_that_it_starts_before_it_has_loaded_anything_large() -> None:
    at_once = "import dcbench.cli.notices as n; n.MOMENT = 0; from dcbench.cli import main; "
    call = "main(['run', '--methods', 'random', '--datasets', 'digits', '--ipc', '1', '--dry-run'])"
    ended = subprocess.run([sys.executable, "-c", at_once + call], capture_output=True, text=True, check=True)
    assert ended.stderr.startswith("starting: loading what the bench needs\n")
    assert "starting" not in ended.stdout


def test_a_log_is_told_now_and_then_how_far_something_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 9.0, 10.0, 20.0, 39.0, 40.0])
    monkeypatch.setattr(notices.time, "monotonic", lambda: next(clock))
    said: list[str] = []
    tell = Notices(said.append)
    for done in range(500, 3001, 500):
        tell("reading birds", done, 12000)
    assert said == ["reading birds: 1,500 of 12,000 images", "reading birds: 3,000 of 12,000 images"]


def test_what_is_read_within_a_second_is_never_counted(capfd: pytest.CaptureFixture[str]) -> None:
    for live in (False, True):
        said: list[str] = []
        tell = Notices(said.append, live=live)
        tell("reading birds", 1, 2)
        tell("reading birds", 2, 2)
        tell.stop()
        assert said == []
    assert capfd.readouterr() == ("", "")


def test_a_terminal_shows_how_far_it_is_in_one_line_that_goes_away(tmp_path: Path) -> None:
    code = """
import dcbench.cli.notices as n, time
n.COUNTED = 0.0
with n.noticing() as tell:
    for done in (600, 1200):
        tell("reading birds", done, 1200)
        time.sleep(0.6)
"""
    _, said = on_a_terminal("-c", code, cwd=tmp_path)
    assert "reading birds: 600 of 1,200 images" in said
    assert said.rstrip("\n").endswith("\x1b[2K"), "the line is removed"
    assert said.count("\x1b[?25l") == said.count("\x1b[?25h") == 1, "the cursor is shown again"
