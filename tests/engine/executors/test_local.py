"""Runs with real workers. Starting one takes seconds, so that one run has every kind of bad end in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from support.processes import alive, descendants, wait_until
from support.toy_parts import LEAK

from dcbench.api.distribution import NAME
from dcbench.engine.executors.local import LocalExecutor
from dcbench.engine.executors.schedule import Event, Failed, Finished, Progressed, Schedule, Started
from dcbench.engine.jobs import CondenseJob
from dcbench.engine.plan.pending import Work
from dcbench.engine.plan.planner import Planner
from dcbench.engine.plan.request import Request, make_request
from dcbench.engine.registry import Registry, load_registry
from dcbench.engine.run import Outcome, prepare, run_plan
from dcbench.engine.store.evaluations import read_evaluation
from dcbench.engine.store.failures import read_failure
from dcbench.engine.store.sets import read_condensed
from dcbench.engine.store.store import Store
from dcbench.engine.work.run_job import Order
from dcbench.engine.work.run_job import run_job as do_job
from dcbench.engine.work.runtime import Runtime
from dcbench.report.report import build_of_run

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc"), pytest.mark.slow]

HOW = [
    "over-budget", "whole", "nan", "labels", "raise", "exit", "kill", "segfault", "prints", "stdin", "peek", "hang",
]  # fmt: skip
HARMLESS = ["fork", "leak", "dtype"]
"""What a method must not do either, but what ends with its process."""
METHODS = ["toy-first", *(f"toy-bad[how={how}]" for how in [*HOW, *HARMLESS]), "toy-slow[pause=0]"]


@pytest.fixture(scope="module")
def registry(toys: Path) -> Registry:
    return load_registry()


def request_for(folder: Path, methods: list[str]) -> Request:
    return make_request(
        methods=methods, datasets="toy", evaluators="count", ipc=1, repeats=2, jobs=1, timeout=10, device="cpu",
        data=folder / "data", results=folder / "results",
    )  # fmt: skip


def condense_here(request: Request, registry: Registry, results: Path, **runtime: float) -> tuple[Path, list[int]]:
    """Condense the first cell of *request* in this process; return the file and the steps that were reported."""
    steps: list[int] = []
    job = CondenseJob(cell=Planner(request, registry).cells()[0].cell)
    order = Order(job=job, results=results, data=request.data, runtime=Runtime(**runtime))
    return do_job(order, registry, lambda step, total, metrics: steps.append(step)), steps


@dataclass
class Ran:
    """A run that has ended."""

    folder: Path
    request: Request
    events: list[Event]
    outcome: Outcome
    observed: list[dict[str, Any]]
    """What an observer was told."""

    def failure(self, how: str) -> Failed:
        (event,) = [
            event
            for event in self.events
            if isinstance(event, Failed) and event.job.cell.method.label == f"toy-bad[how={how}]"
        ]
        return event


@pytest.fixture(scope="module")
def ran(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("run")
    request, events, observed = request_for(folder, METHODS), [], []

    def fail(file: Path) -> None:
        raise ValueError(f"no wish to see {file.suffix}")

    source = registry.sources[0]
    observers = [
        (source, SimpleNamespace(function=fail, argnames=("file",))),
        (source, SimpleNamespace(function=observed.append, argnames=("about",))),
    ]
    registry = replace(registry, observers={"dcbench_cell_finished": observers})
    before = set(descendants(os.getpid()))
    with prepare(request, registry) as prepared:
        outcome = run_plan(prepared, events.append)
    assert set(descendants(os.getpid())) <= before
    return Ran(folder, request, events, outcome, observed)


REASONS = {
    "over-budget": ("OverBudgetError", "over budget: the set holds 384 numbers"),
    "whole": ("OverBudgetError", "over budget: the set holds 3,840 numbers"),
    "nan": ("InvalidCondensedSetError", "NaN"),
    "labels": ("InvalidCondensedSetError", "labels must lie in 0..2, found 1..3"),
    "raise": ("ValueError", "the toy method was told to raise"),
    "exit": ("SystemExit", "the plug-in called sys.exit(the toy leaves)"),
    "kill": ("Killed", "SIGKILL"),
    "segfault": ("Killed", "crashed (SIGSEGV) in compiled code; the end of its log shows where"),
    "peek": ("ValueError", "found 0 others"),
    "prints": ("ValueError", "after much printing"),
    "stdin": ("EOFError", "EOF"),
    "hang": ("Timeout", "longer than the 10 seconds of --timeout"),
}


@pytest.mark.parametrize("how", HOW)
def test_a_job_that_fails_is_kept_with_its_reason(ran: Ran, how: str) -> None:
    event = ran.failure(how)
    assert event.failure.error == REASONS[how][0]
    assert REASONS[how][1] in event.failure.message
    assert [job.type for job in event.skipped] == ["evaluate"]
    kept = read_failure(Store(ran.folder / "results").failure(event.job))
    assert (kept["error"], kept["message"]) == (event.failure.error, event.failure.message)


def test_an_exception_is_kept_with_its_traceback(ran: Ran) -> None:
    assert 'raise ValueError("the toy method was told to raise")' in ran.failure("raise").failure.traceback


def test_what_a_job_printed_is_kept_up_to_a_size(ran: Ran) -> None:
    store = Store(ran.folder / "results")
    assert store.log(ran.failure("hang").job).read_text() == "about to hang\n"
    log = store.log(ran.failure("prints").job)
    assert log.read_text().endswith("the last line\n")
    assert log.stat().st_size < 300_000


def test_the_log_of_a_crash_shows_the_lines_that_led_to_it(ran: Ran) -> None:
    log = Store(ran.folder / "results").log(ran.failure("segfault").job).read_text()
    assert "Segmentation fault" in log
    assert "toy_parts.py" in log


def test_the_other_cells_are_finished(ran: Ran) -> None:
    finished = [event.job.cell.method.label for event in ran.events if isinstance(event, Finished)]
    assert finished == [label for label in METHODS if label not in [f"toy-bad[how={how}]" for how in HOW] for _ in "ab"]
    assert (ran.outcome.finished, len(ran.outcome.failed), ran.outcome.skipped) == (10, len(HOW), len(HOW))
    assert not ran.outcome.ok


def test_every_job_has_a_start_and_one_end(ran: Ran) -> None:
    started = [event.job for event in ran.events if isinstance(event, Started)]
    ended = [event.job for event in ran.events if isinstance(event, Finished | Failed)]
    assert started == ended


def test_observers_are_told_of_every_file_and_one_that_raises_is_only_warned_about(ran: Ran) -> None:
    assert [about["method"] for about in ran.observed] == ["toy-first"] * 2 + ["toy-bad"] * 6 + ["toy-slow"] * 2
    assert [len(about["metrics"]["pixel"]) for about in ran.observed if "metrics" in about] == [2] * 5
    assert len(ran.outcome.warnings) == 10
    assert f"dcbench_cell_finished of {NAME} failed: ValueError: no wish to see .h5" in ran.outcome.warnings[0]


def test_nothing_half_finished_is_left(ran: Ran) -> None:
    results = ran.folder / "results"
    assert list(results.rglob("*.tmp")) == []
    assert len(Store(results).all_condensed()) == len(Store(results).all_evaluations()) == 5


def test_what_a_job_does_to_its_process_does_not_reach_the_next(ran: Ran, registry: Registry, tmp_path: Path) -> None:
    # In the run, toy-slow came right after the method that changes the default dtype.
    last = [event.file for event in ran.events if isinstance(event, Finished) and event.job.type == "condense"][-1]
    path, _ = condense_here(request_for(ran.folder, METHODS[-1:]), registry, tmp_path)
    one, other = read_condensed(last).condensed.images, read_condensed(path).condensed.images
    assert one is not None
    assert other is not None
    assert torch.equal(one, other)


@pytest.mark.parametrize("strict", [False, True])
def test_a_job_whose_capture_fails_runs_eagerly_in_a_fresh_process_unless_the_run_is_strict(
    registry: Registry, tmp_path: Path, strict: bool
) -> None:
    events: list[Event] = []
    request = request_for(tmp_path, ["toy-bad[how=capture]"]).model_copy(update={"strict": strict})
    with prepare(request, registry) as prepared:
        outcome = run_plan(prepared, events.append)
    kinds = [type(event).__name__ for event in events if not isinstance(event, Progressed)]
    if strict:
        assert kinds == ["Started", "Failed"]
        assert outcome.failed[0][1].error == "CaptureFailedError"
        return
    assert kinds == ["Started", "Finished"] * 2
    reason = "steps ran eagerly: a step cannot be captured in a CUDA graph: no room for streams"
    assert list(outcome.fallbacks) == [reason]
    assert outcome.warnings == [f"{reason} (toy ipc 1 toy-bad[how=capture] replicate 0: condense)"]
    (made,), (measured,) = prepared.store.all_condensed(), prepared.store.all_evaluations()
    assert read_condensed(made).facts["ran"] == {"capture": False, "compiled": False, "fallbacks": [reason]}
    assert read_evaluation(measured)["ran"]["condensing"] == [reason]
    (table,) = build_of_run(request.results, [cell.trials[0].trial for cell in prepared.plan], []).tables
    assert f"not run as asked (toy ipc 1 toy-bad[how=capture]): {reason}" in table.notes


def test_what_a_job_leaks_is_gone_with_its_process(ran: Ran) -> None:
    files = [event.file for event in ran.events if isinstance(event, Finished) and event.job.type == "condense"]
    peaks = {read_condensed(file).cell.method.label: read_condensed(file).facts["peak_memory_bytes"] for file in files}
    assert peaks["toy-bad[how=leak]"] > peaks["toy-slow[pause=0]"] + LEAK // 2


def test_a_second_run_starts_no_process(ran: Ran, registry: Registry) -> None:
    events: list[Event] = []
    with prepare(ran.request, registry) as prepared:
        outcome = run_plan(prepared, events.append)
    assert events == []
    assert (outcome.finished, outcome.failed_before) == (0, len(HOW))


def test_a_job_that_is_killed_goes_on_from_its_checkpoint_and_gives_the_same_bits(
    registry: Registry, tmp_path: Path
) -> None:
    request = request_for(tmp_path, ["toy-slow[iterations=40]"])
    job = CondenseJob(cell=Planner(request, registry).cells()[0].cell)
    executor = LocalExecutor([Runtime(checkpoint_seconds=0)], request.results, request.data)
    killed = False
    for event in executor.run(Schedule([Work(((job,),))])):
        if isinstance(event, Progressed) and event.step >= 5 and not killed:
            os.kill(descendants(os.getpid())[-1], signal.SIGKILL)
            killed = True
    assert isinstance(event, Failed)
    assert event.failure.error == "Killed"
    assert not Store(request.results).condensed(job.cell).exists()

    resumed, steps = condense_here(request, registry, request.results, checkpoint_seconds=0)
    straight, all_steps = condense_here(request, registry, tmp_path / "straight")
    assert 1 < steps[0] < 40
    assert all_steps == list(range(1, 41))
    one, other = read_condensed(resumed), read_condensed(straight)
    assert one.condensed.images is not None
    assert other.condensed.images is not None
    assert torch.equal(one.condensed.images, other.condensed.images)
    assert one.trace == other.trace
    assert list(one.snapshots) == list(other.snapshots) == [0]
    assert not Store(request.results).checkpoint(job.cell).exists()


def test_workers_end_when_the_front_end_is_killed(toys: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "dcbench", "run", "--methods", "toy-slow[iterations=100000]", "--datasets", "toy",
        "--evaluators", "count", "--ipc", "1", "--jobs", "1", "--device", "cpu",
        "--data", str(tmp_path / "data"), "--results", str(tmp_path / "results"),
    ]  # fmt: skip
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"DCBENCH_CHECKPOINT_SECONDS": "0"},
    ) as front_end:
        wait_until(lambda: list(tmp_path.glob("results/*/*/*/*.checkpoint.h5")))
        below = descendants(front_end.pid)
        front_end.kill()
    assert len(below) == 2  # the worker, and the job that it has forked
    wait_until(lambda: not any(map(alive, below)), 10)


def test_what_a_worker_leaves_that_is_killed_itself_is_ended_too(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "daemons.txt"
    monkeypatch.setenv("TOY_DAEMONS", str(log))
    request = request_for(tmp_path, ["toy-bad[how=daemons-and-hang]"])
    job = CondenseJob(cell=Planner(request, registry).cells()[0].cell)
    before = set(descendants(os.getpid()))

    def kill_the_worker() -> None:
        wait_until(lambda: log.exists() and len(log.read_text().split()) == 2)
        os.kill(min(set(descendants(os.getpid())) - before), signal.SIGKILL)

    killer = threading.Thread(target=kill_the_worker)
    killer.start()
    *_, event = LocalExecutor([Runtime()], request.results, request.data).run(Schedule([Work(((job,),))]))
    killer.join()
    assert isinstance(event, Failed)
    assert event.failure.message.startswith("the worker process ended with signal 9")
    daemons = [int(pid) for pid in log.read_text().split()]
    wait_until(lambda: not any(map(alive, daemons)), 5)
