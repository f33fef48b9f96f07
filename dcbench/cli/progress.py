"""Progress: a live line per running job and an overall bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from dcbench.api.texts import printable
from dcbench.cli.notices import how_far
from dcbench.engine.executors.schedule import Event, Failed, Finished, Progressed, Started
from dcbench.engine.jobs import job_title

if TYPE_CHECKING:
    from rich.console import Console

    from dcbench.engine.jobs import Job

_PLAIN_SECONDS = 30.0  # time between plain lines about one running job


@contextmanager
def watching(jobs: Sequence[Job], console: Console) -> Iterator[Callable[[Event], None]]:
    """Yield what is to be called with every event while *jobs* run."""
    if not jobs:
        yield lambda _: None
    elif console.is_terminal:
        with _bars(console) as progress:
            yield _Live(progress, len(jobs))
    else:
        yield _Plain(console, len(jobs))


def _bars(console: Console) -> Progress:
    def rigid() -> Column:
        return Column(no_wrap=True)

    columns = (
        _Yielding("{task.description}", markup=False, table_column=Column()),
        BarColumn(bar_width=10, table_column=rigid()),
        MofNCompleteColumn(table_column=rigid()),
        TextColumn("{task.fields[rate]}", table_column=rigid()),
        TimeRemainingColumn(table_column=rigid()),
        _Yielding("{task.fields[metrics]}", markup=False, table_column=Column()),
    )
    return Progress(*columns, console=console, transient=True)


class _Yielding(TextColumn):
    """A text that is cut where the terminal is narrow, so that steps, rate and time left stay whole."""

    def render(self, task: Task) -> Text:
        """Return the text as one line that may be cut."""
        text = super().render(task)
        text.no_wrap, text.overflow = True, "ellipsis"
        return text


class _Live:
    """Keeps a bar for each running job and one for all."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._all = self._add("all jobs", total)
        self._bars: dict[int, TaskID] = {}
        self._reading: set[int] = set()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            self._bars[event.slot] = self._add(job_title(event.job), None)
        elif isinstance(event, Progressed):
            self._move(event)
        else:
            self._progress.remove_task(self._bars.pop(event.slot))
            self._progress.advance(self._all, 1 + (len(event.skipped) if isinstance(event, Failed) else 0))
            self._progress.console.print(_line(event), markup=False, highlight=False)

    def _move(self, event: Progressed) -> None:
        bar = self._bars[event.slot]
        speed = self._progress.tasks[self._progress.task_ids.index(bar)].speed  # of late
        rate = f"{speed:.1f}/s" if speed else ""
        self._progress.update(bar, completed=event.step, total=event.total, rate=rate)
        if event.metrics or event.doing or event.slot in self._reading:
            self._progress.update(bar, metrics=_metrics(event))
        self._reading = self._reading - {event.slot} | ({event.slot} if event.doing else set())

    def _add(self, description: str, total: int | None) -> TaskID:
        return self._progress.add_task(printable(description), total=total, rate="", metrics="")


class _Plain:
    """Prints a line when a job starts or ends, and one from time to time while it runs."""

    def __init__(self, console: Console, total: int) -> None:
        self._console, self._total, self._done = console, total, 0
        self._next: dict[int, float] = {}

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        if isinstance(event, Started):
            self._next[event.slot] = now + _PLAIN_SECONDS
        elif isinstance(event, Progressed):
            if now >= self._next[event.slot]:
                self._next[event.slot] = now + _PLAIN_SECONDS
                done = how_far(event.doing, event.step, event.total) if event.doing else _steps(event)
                self._print(f"{job_title(event.job)}: {done}")
        else:
            self._done += 1 + (len(event.skipped) if isinstance(event, Failed) else 0)
            self._print(f"[{self._done}/{self._total}] {_line(event)}")

    def _print(self, line: str) -> None:
        self._console.print(printable(line), markup=False, highlight=False, soft_wrap=True)


def _line(event: Finished | Failed) -> str:
    if isinstance(event, Failed):
        return printable(f"failed  {job_title(event.job)}: {event.failure}")
    return printable(f"done    {job_title(event.job)} ({event.seconds:.1f} s)")


def _steps(event: Progressed) -> str:
    return f"{event.step}/{event.total} {_metrics(event)}".rstrip()


def _metrics(event: Progressed) -> str:
    return printable(event.doing or " ".join(f"{name}={value:.4g}" for name, value in event.metrics.items()))
