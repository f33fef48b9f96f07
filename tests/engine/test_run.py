from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.made_cells import made_cell, made_trial
from support.made_results import add

from dcbench import RequestError
from dcbench.engine import run
from dcbench.engine.executors.schedule import Event, Finished, Schedule
from dcbench.engine.jobs import AssembleJob, CondenseJob, EvaluateJob, Job, job_title
from dcbench.engine.plan.pending import Pending, Work
from dcbench.engine.plan.request import make_request
from dcbench.engine.run import Outcome, Prepared, _particulars, run_plan
from dcbench.engine.store.evaluations import read_evaluation
from dcbench.engine.store.store import Store

CELL = made_cell()


@pytest.mark.parametrize(
    ("job", "particulars"),
    [
        (CondenseJob(cell=CELL), {}),
        (CondenseJob(cell=CELL, classes=range(3)), {"classes": "0-2"}),
        (AssembleJob(cell=CELL), {}),
    ],
    ids=["whole", "part", "assembled"],
)
def test_observers_can_tell_a_part_from_a_whole_set(job: Job, particulars: dict[str, str]) -> None:
    assert _particulars(Finished(job, 0, Path("x.h5"), 1.0)) == particulars


def test_older_repeats_of_the_same_networks_go_even_if_another_front_end_is_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, trial = Store(tmp_path), made_trial(CELL)
    new, old, more = (store.evaluation(trial, range(*ends)) for ends in ((0, 3), (0, 1), (2, 5)))
    for path in (new, old, more):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = store.evaluations(trial)
    old.unlink()
    monkeypatch.setattr(Store, "evaluations", lambda *_: found)
    store.drop_shorter_evaluations(EvaluateJob(trial=trial, first=0, stop=3))
    assert sorted(path.parent.iterdir()) == sorted([new, more])


class Idle:
    """An executor that runs nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def run(self, schedule: Schedule) -> Iterator[Event]:
        return iter(())


@pytest.fixture
def do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run what is pending, with an executor that does nothing."""
    monkeypatch.setattr(run, "LocalExecutor", Idle)
    registry: Any = SimpleNamespace(notify=lambda *_, **__: [])

    def carried_out(state: Pending) -> Outcome:
        request = make_request(methods="toy-slow", results=tmp_path / "results", device="cpu")
        prepared = Prepared(request, registry, Store(request.results), [], state)
        return run_plan(prepared, lambda _: None)

    return carried_out


def test_what_did_not_run_as_asked_is_said_once_for_all_jobs(tmp_path: Path) -> None:
    outcome = Outcome(tmp_path)
    jobs: list[Job] = [CondenseJob(cell=CELL), EvaluateJob(trial=made_trial(CELL), first=0, stop=1)]
    outcome.fallbacks = {"no compiler": jobs[:1], "no capture": jobs}
    title = job_title(jobs[0])
    assert outcome.fallback_warnings() == [f"no compiler ({title})", f"no capture ({title}, and 1 more)"]


WORK = Work(((CondenseJob(cell=CELL),),))


def test_a_damaged_file_is_set_aside_by_the_run_that_makes_it_again(do: Any, tmp_path: Path) -> None:
    path = tmp_path / "results" / "x.h5"
    path.parent.mkdir()
    path.write_text("damaged")
    damaged = {path: read_evaluation}
    do(Pending(damaged=damaged))
    assert path.exists(), "it cannot be made again: that has failed before"
    do(Pending(work=[WORK], damaged=damaged))
    assert not path.exists()
    assert path.with_name("x.h5.corrupt").read_text() == "damaged"


def test_a_file_that_another_front_end_has_made_anew_since_it_was_found_damaged_stays(do: Any, tmp_path: Path) -> None:
    path = add(tmp_path / "results", "random", [50.0])
    do(Pending(work=[WORK], damaged={path: read_evaluation}))
    assert [found.name for found in path.parent.glob(f"{path.name}*")] == [path.name]


def test_a_results_folder_is_written_only_if_there_is_work(do: Any, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("nothing can be written below this")
    assert do(Pending(finished=2)).ok
    with pytest.raises(RequestError, match="cannot write to the results folder"):
        do(Pending(work=[WORK]))
