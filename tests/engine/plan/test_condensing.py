from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from made_cells import made_cell

from dcbench.engine.jobs import AssembleJob, CondenseJob
from dcbench.engine.plan.condensing import plan_condensing
from dcbench.engine.plan.planner import PlannedCell

CLASSES = range(12)
SPANS = st.tuples(st.integers(0, 11), st.integers(0, 11)).map(lambda ends: range(min(ends), max(ends) + 1))


@given(st.none() | SPANS, st.lists(SPANS, max_size=4), st.booleans())
def test_each_class_is_condensed_there_or_missing(part: range | None, parts: list[range], again: bool) -> None:
    cell = made_cell()
    way = plan_condensing(PlannedCell(cell, (), CLASSES, part), parts, again=again)
    condense, *last = way.stages
    made = [label for job in condense if job.type == "condense" for label in job.classes or CLASSES]
    missing = {label for classes in way.missing for label in classes}
    there = {label for classes in parts for label in classes}
    at_once = condense == (CondenseJob(cell=cell, again=again),)

    assert len(made) == len(set(made)), "no class is condensed twice"
    assert set(made) <= set(part or CLASSES), "only what was asked for is condensed"
    assert set(made) | there | missing == set(CLASSES)
    assert not missing & (set(made) | there)
    if again:
        assert set(made) == set(part or CLASSES)
    elif not at_once:
        assert not set(made) & there
    assert last == ([] if missing or at_once else [(AssembleJob(cell=cell, again=again),)])
    assert {job.again for job in condense} <= {again}


def test_without_parts_a_set_is_condensed_at_once() -> None:
    way = plan_condensing(PlannedCell(made_cell(), (), CLASSES), [], again=False)
    assert way.stages == ((CondenseJob(cell=made_cell()),),)
