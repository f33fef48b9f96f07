"""How a cell comes to its condensed set: at once, or from parts that hold some classes each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcbench.engine.jobs import AssembleJob, CondenseJob, Job
from dcbench.engine.ranges import ranges_of

if TYPE_CHECKING:
    from dcbench.engine.plan.planner import PlannedCell


@dataclass(frozen=True)
class Condensing:
    """The way to the condensed set of one cell."""

    stages: tuple[tuple[Job, ...], ...]
    """Jobs; those of a stage need all of the stage before. A stage may be empty."""
    missing: tuple[range, ...] = ()
    """Classes that nobody condenses: the way ends before the set."""


def plan_condensing(planned: PlannedCell, parts: Iterable[range], *, again: bool) -> Condensing:
    """Return the way to a set that is not there, over the *parts* that are.

    Args:
        planned: the cell, with the classes that this run condenses.
        parts: the classes of each part in the store.
        again: condense also what is there.
    """
    cell, wanted = planned.cell, set(planned.part or planned.classes)
    have = {label for part in parts for label in part}
    if planned.part is None and (again or not have):
        return Condensing(((CondenseJob(cell=cell, again=again),),))
    todo = ranges_of(wanted if again else wanted - have)
    condense = tuple(CondenseJob(cell=cell, classes=classes, again=again) for classes in todo)
    missing = tuple(ranges_of(set(planned.classes) - have - wanted))
    assemble = AssembleJob(cell=cell, again=again)
    return Condensing((condense,) if missing else (condense, (assemble,)), missing)
