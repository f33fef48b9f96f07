from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from support.processes import COLUMNS, on_a_terminal

from dcbench.cli import progress
from dcbench.cli.progress import watching
from dcbench.engine.executors.schedule import Progressed, Started
from dcbench.engine.jobs import CondenseJob
from dcbench.engine.plan.planner import Planner
from dcbench.engine.plan.request import make_request
from dcbench.engine.registry import load_registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.progress import Task

    from dcbench.engine.executors.schedule import Event
    from dcbench.engine.jobs import Job


def test_a_terminal_shows_live_bars_and_then_a_table_that_fits(toy_folder: Path, data: Path, tmp_path: Path) -> None:
    steps = ("--set", "toy-slow.iterations=30", "--set", "toy-slow.pause=0.05")
    grid = ("--datasets", "toy", "--evaluators", "count", "--ipc", "1", "--device", "cpu", "--data", str(data))
    methods = ("--methods", "toy-first,toy-slow[iterations=2],toy-slow,toy-bad", *steps)
    code, said = on_a_terminal("-m", "dcbench", "run", *grid, *methods, cwd=tmp_path, path=toy_folder)
    assert code == 1, said
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.replace("\r", "\n"))
    assert "Traceback" not in shown
    assert "all jobs" in shown
    assert re.search(r"^toy ipc 1 toy-slow.*… .* \d+/30 +[\d.]+/s \d:\d\d:\d\d sum=", shown, re.MULTILINE), (
        "one live line"
    )
    assert "failed  toy ipc 1 toy-bad replicate 0: condense: ValueError" in shown
    table = shown[shown.index("count, pixel, test split (part 1 of 2)") :]
    assert table.count(" (1x1) │") == 3, "no number is cut off"
    assert max(map(len, table.partition("mean ±")[0].splitlines())) <= COLUMNS
    assert "\x1b[1m" in said, "the best is bold"
    assert said.count("\x1b[?25l") == said.count("\x1b[?25h"), "the cursor is shown again"


@pytest.fixture
def made_job() -> Job:
    request = make_request(methods="random", datasets="digits", ipc=1)
    return CondenseJob(cell=Planner(request, load_registry()).cells()[0].cell)


def _bar_of(watch: Callable[[Event], None]) -> Callable[[], Task]:
    """Return what gives the bar of the job in work."""
    return lambda: watch._progress.tasks[-1]


def test_reading_images_in_a_job_is_shown_in_words(made_job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PLAIN_SECONDS", 0.0)
    console = Console(file=io.StringIO(), width=200)
    with watching([made_job], console) as watch:
        watch(Started(made_job, 0))
        watch(Progressed(made_job, 0, 600, 1200, doing="reading birds"))
        watch(Progressed(made_job, 0, 1, 30, {"loss": 0.5}))
    reading, own = console.file.getvalue().splitlines()
    assert reading.endswith(": condense: reading birds: 600 of 1,200 images")
    assert own.endswith(": condense: 1/30 loss=0.5")


def test_a_bar_says_what_its_steps_are_of_until_they_are_those_of_the_job(made_job: Job) -> None:
    console = Console(file=io.StringIO(), width=200, force_terminal=True)
    with watching([made_job], console) as watch:
        watch(Started(made_job, 0))
        bar = _bar_of(watch)
        watch(Progressed(made_job, 0, 600, 1200, doing="reading birds"))
        assert (bar().completed, bar().total, bar().fields["metrics"]) == (600, 1200, "reading birds")
        watch(Progressed(made_job, 0, 1, 30))
        assert (bar().completed, bar().total, bar().fields["metrics"]) == (1, 30, "")
        watch(Progressed(made_job, 0, 2, 30, {"loss": 0.5}))
        watch(Progressed(made_job, 0, 3, 30))
        assert bar().fields["metrics"] == "loss=0.5", "the last that was reported stays"
