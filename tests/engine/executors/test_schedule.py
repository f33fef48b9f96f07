from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.made_cells import made_cell, made_trial

from dcbench.engine.executors.schedule import Schedule
from dcbench.engine.jobs import AssembleJob, CondenseJob, EvaluateJob, Job
from dcbench.engine.plan.pending import Work


def work(seed: int, *, condense: int = 1, evaluations: int = 1) -> Work:
    """Return the work on a cell: condensed in *condense* parts, at once if that is 1, and not at all if it is 0."""
    cell = made_cell(replicate=seed)
    whole: list[tuple[Job, ...]] = [(CondenseJob(cell=cell),)]
    parts: list[tuple[Job, ...]] = [
        tuple(CondenseJob(cell=cell, classes=range(label, label + 1)) for label in range(condense)),
        (AssembleJob(cell=cell),),
    ]
    trials = [made_trial(cell, record=f"evaluator-{number}") for number in range(evaluations)]
    evaluate = tuple(EvaluateJob(trial=trial, first=0, stop=1) for trial in trials)
    first = [] if condense == 0 else whole if condense == 1 else parts
    return Work(tuple(stage for stage in (*first, evaluate) if stage))


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
    assert schedule.fail(job) == item.stages[1]
    assert schedule.take() is None


def test_parts_are_assembled_when_the_last_of_them_is_there() -> None:
    item = work(0, condense=2)
    schedule = Schedule([item])
    parts = [schedule.take(), schedule.take()]
    assert parts == list(item.stages[0])
    for part in reversed(parts):
        assert schedule.take() is None
        assert part is not None
        schedule.finish(part)
    assert schedule.take() == item.stages[1][0]


def test_a_part_that_failed_leaves_the_others_to_be_condensed_and_nothing_to_be_assembled() -> None:
    item = work(0, condense=3)
    schedule = Schedule([item])
    one, other, third = item.stages[0]
    assert schedule.take() == one
    assert schedule.fail(one) == item.jobs[3:]
    assert schedule.take() == other
    assert schedule.fail(other) == ()
    assert schedule.take() == third
    schedule.finish(third)
    assert schedule.take() is None


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()).filter(lambda item: item[0] + item[1] > 0),
        max_size=6,
    ),
    st.randoms(),
)
def test_every_job_runs_once_or_is_given_up_whatever_the_order(
    items: list[tuple[int, int, bool]], random: object
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
        if job.type == "condense" and job.cell.replicate in breaks:
            given_up += schedule.fail(job)
        else:
            schedule.finish(job)
    expected = [job for item in todo for job in item.jobs]
    assert sorted(map(repr, done + given_up)) == sorted(map(repr, expected))
    assert {job.cell.replicate for job in given_up} <= breaks
