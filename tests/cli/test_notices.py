from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from dcbench.cli import notices
from dcbench.cli.notices import Notices
from dcbench.engine.plan.planner import Planner
from dcbench.engine.plan.request import make_request
from dcbench.engine.plugins import load_registry


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
