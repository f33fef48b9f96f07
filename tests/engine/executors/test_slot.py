"""What a slot makes of what comes through the pipe of its worker."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.made_cells import made_cell, made_trial

from dcbench.engine.executors.local import _Slot
from dcbench.engine.executors.schedule import Event, Failed, Finished, Progressed
from dcbench.engine.jobs import AssembleJob, CondenseJob, EvaluateJob, Job
from dcbench.engine.store.store import Store
from dcbench.engine.work.messages import Ended, Made, Raised, Stopped
from dcbench.engine.work.runtime import Runtime

STOPPED = Stopped(event="stopped")
KILLED = Ended(event="ended", signal="SIGKILL", code=-9)
JOBS = [
    CondenseJob(cell=made_cell()),
    CondenseJob(cell=made_cell(), classes=range(1), again=True),
    EvaluateJob(trial=made_trial(), first=0, stop=2),
]


def made(path: Path) -> Made:
    return Made(event="finished", file=str(path))


def slot_with(job: Job, results: Path) -> _Slot:
    """Return a slot that has just begun *job*, without a worker."""
    slot = _Slot(0, Runtime(), results, results, timeout=1)
    slot._start = slot._write = lambda *_: None  # type: ignore[method-assign]
    slot.begin(job)
    return slot


def end(slot: _Slot, *said: Any) -> Event:
    for event in said[:-1]:
        assert slot._handle(event) == []
    (last,) = slot._handle(said[-1])
    return last


@pytest.mark.parametrize("job", [*JOBS, AssembleJob(cell=made_cell())], ids=lambda job: job.type)
@pytest.mark.parametrize("last", [STOPPED, KILLED], ids=lambda last: last.event)
def test_a_job_that_has_said_how_it_ended_is_taken_at_its_word(job: Job, last: Any, tmp_path: Path) -> None:
    slot, path = slot_with(job, tmp_path), Store(tmp_path).result(job)
    path.parent.mkdir(parents=True)
    path.touch()
    assert isinstance(end(slot, made(path), last), Finished)
    slot = slot_with(job, tmp_path)
    failed = end(slot, Raised(event="failed", error="ValueError", message="no luck", traceback=""), last)
    assert isinstance(failed, Failed)
    assert failed.failure.error == "ValueError"


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.type)
def test_a_job_has_finished_when_the_planned_file_is_there_and_new(job: Job, tmp_path: Path) -> None:
    planned = Store(tmp_path).result(job)
    other = planned.with_name("other.h5")

    def reason(file: Path) -> str:
        failed = end(slot_with(job, tmp_path), made(file), KILLED)
        assert isinstance(failed, Failed)
        assert failed.failure.error == "InvalidEvent"
        return failed.failure.message

    assert reason(planned) == f"the job reports that it finished, and {planned} is not there"
    planned.parent.mkdir(parents=True)
    other.touch()
    assert reason(other) == f"the job reports that it made {other}; it was to make {planned}"
    planned.touch()
    assert reason(planned) == f"the job reports that it finished, and {planned} is the file that was there before"


def test_what_another_front_end_has_assembled_is_there(tmp_path: Path) -> None:
    job = AssembleJob(cell=made_cell())
    planned = Store(tmp_path).result(job)
    planned.parent.mkdir(parents=True)
    planned.touch()
    assert isinstance(end(slot_with(job, tmp_path), made(planned), KILLED), Finished)


Told = Callable[[str], _Slot]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """Return a slot whose worker has run a script."""
    slots = []

    def told(script: str) -> _Slot:
        slot = slot_with(JOBS[0], tmp_path)
        slot._process = subprocess.Popen(
            [sys.executable, "-S", "-c", f"import os, time\n{script}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        slots.append(slot)
        return slot

    yield told
    for slot in slots:
        assert slot._process is not None
        slot._process.kill()
        slot._process.communicate()


def poll(slot: _Slot) -> list[Event]:
    """Listen until the job of *slot* has ended."""
    events: list[Event] = []
    while slot.job is not None:
        events += slot.poll(readable=True)
    return events


LINES = {
    "a list": "b'[]\\n'",
    "half an event": """b'{"event":"progress"}\\n'""",
    "deep": "b'[' * 10**6 + b'\\n'",
    "no end": "b'x' * 2**30",
    "no text": "os.urandom(2**16) + b'\\n'",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_worker_that_does_not_keep_to_events_fails_its_job_alone(told: Told, line: str) -> None:
    slot = told(f"while True: os.write(1, {line})")
    (failed,) = poll(slot)
    assert isinstance(failed, Failed)
    assert (failed.job, failed.failure.error) == (JOBS[0], "InvalidEvent")
    assert failed.failure.message.startswith("the worker process wrote what is not an event: ")
    assert "\n" not in failed.failure.message
    assert slot._process is not None
    assert slot._process.poll() is not None, "the next job gets another"


def test_a_worker_that_never_stops_talking_does_not_keep_the_others_waiting(told: Told) -> None:
    line = b'{"event":"progress","step":1,"total":2,"metrics":{}}\n'
    slot = told(f"while True: os.write(1, {line!r} * 1000)")
    events = [event for _ in range(3) for event in slot.poll(readable=True)]
    assert all(isinstance(event, Progressed) for event in events)
    assert len(events) * len(line) <= 3 * 2**20
