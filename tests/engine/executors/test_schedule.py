from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from made_cells import made_cell, made_trial

from dcbench.engine.cells import CondenseJob, EvaluateJob
from dcbench.engine.executors.schedule import Schedule
from dcbench.engine.plan.survey import Work


def work(seed: int, *, condense: bool = True, evaluations: int = 1) -> Work:
    cell = made_cell(seed=seed)
    trials = [made_trial(cell, record=f"evaluator-{number}") for number in range(evaluations)]
    jobs = tuple(EvaluateJob(trial=trial, first=0, stop=1) for trial in trials)
    return Work(CondenseJob(cell=cell) if condense else None, jobs)


def test_a_set_is_evaluated_after_it_was_condensed_and_before_the_next_is_begun() -> None:
    items = [work(0), work(1)]
    schedule = Schedule(items)
    taken = []
    while (job := schedule.take()) is not None:
        taken.append(job)
        schedule.finish(job)
    assert taken == [*items[0].jobs, *items[1].jobs]


def test_nothing_is_evaluated_while_its_set_is_condensed() -> None:
    schedule = Schedule([work(0)])
    assert schedule.take() is not None
    assert schedule.take() is None


def test_the_evaluations_of_a_set_that_failed_are_given_up() -> None:
    item = work(0, evaluations=2)
    schedule = Schedule([item])
    job = schedule.take()
    assert job is not None
    assert schedule.fail(job) == item.evaluate
    assert schedule.take() is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.booleans()), max_size=6), st.randoms())
def test_every_job_runs_once_or_is_given_up_whatever_the_order(
    items: list[tuple[bool, int, bool]], random: object
) -> None:
    todo = [work(seed, condense=condense, evaluations=count) for seed, (condense, count, _) in enumerate(items)]
    breaks = {seed for seed, (_, _, fails) in enumerate(items) if fails}
    schedule, running, done, given_up = Schedule(todo), [], [], []
    while True:
        while (job := schedule.take()) is not None:
            running.append(job)
        if not running:
            break
        job = running.pop(random.randrange(len(running)))  # type: ignore[attr-defined]
        done.append(job)
        if job.kind == "condense" and job.cell.seed in breaks:
            given_up += schedule.fail(job)
        else:
            schedule.finish(job)
    expected = [job for item in todo for job in item.jobs]
    assert sorted(map(repr, done + given_up)) == sorted(map(repr, expected))
    assert {job.cell.seed for job in given_up} <= breaks
