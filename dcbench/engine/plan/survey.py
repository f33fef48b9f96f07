"""What of a plan is still to do: the store is asked for every name, and damaged files are set aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.engine.cells import Cell, CondenseJob, EvaluateJob, Job
from dcbench.engine.store.evaluations import read_evaluation
from dcbench.engine.store.hdf5 import CorruptFileError, set_aside

if TYPE_CHECKING:
    from dcbench.engine.plan.planner import PlannedCell, PlannedTrial
    from dcbench.engine.plan.request import Existing
    from dcbench.engine.store.layout import Layout


@dataclass(frozen=True)
class Work:
    """What is to do for one cell: condense it first, if it is not there, then evaluate it."""

    condense: CondenseJob | None
    evaluate: tuple[EvaluateJob, ...]

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs, in order."""
        return (*([self.condense] if self.condense else []), *self.evaluate)


@dataclass
class Survey:
    """The state of a plan in the store."""

    work: list[Work] = field(default_factory=list)
    finished: int = 0
    """Jobs whose results are there."""
    failed_before: list[Path] = field(default_factory=list)
    """Records of failures that are not tried again."""
    warnings: list[str] = field(default_factory=list)

    @property
    def jobs(self) -> list[Job]:
        """All jobs to do."""
        return [job for work in self.work for job in work.jobs]


def survey(layout: Layout, plan: Iterable[PlannedCell], existing: Existing) -> Survey:
    """Ask the store about every planned cell.

    Args:
        layout: the results folder.
        plan: the planned cells.
        existing: ``skip`` leaves finished and failed jobs, ``retry-failed`` only finished ones, ``overwrite`` none.

    Raises:
        UnsupportedFormatError: a file is of a newer format.
    """
    state = Survey()
    # Two labels may mean the same settings, and so the same cell.
    for planned in {planned.cell.digest: planned for planned in plan}.values():
        _survey_cell(layout, planned, existing, state)
    return state


def _survey_cell(layout: Layout, planned: PlannedCell, existing: Existing, state: Survey) -> None:
    trials = {trial.trial.key: trial for trial in planned.trials}.values()
    missing = [job for trial in trials for job in _missing(layout, trial, existing, state)]
    wanted: list[EvaluateJob] = []
    for job in missing:
        if existing == "skip" and layout.failure(job).exists():
            state.failed_before.append(layout.failure(job))
        else:
            wanted.append(job)
    condense = CondenseJob(cell=planned.cell)
    needed = bool(wanted) or not planned.trials
    if existing != "overwrite" and (not needed or _has_condensed(layout, planned.cell, state)):
        state.finished += 1
        if wanted:
            state.work.append(Work(None, tuple(wanted)))
    elif existing == "skip" and layout.failure(condense).exists():
        state.failed_before.append(layout.failure(condense))
    else:
        state.work.append(Work(condense, tuple(wanted)))


def _missing(layout: Layout, planned: PlannedTrial, existing: Existing, state: Survey) -> Iterator[EvaluateJob]:
    """Yield a job for every gap in the repeats that the store has."""
    have = set() if existing == "overwrite" else _repeats(layout, planned, state)
    gaps = [repeat for repeat in range(planned.repeats) if repeat not in have]
    if not gaps:
        state.finished += 1
    for first, stop in _runs(gaps):
        yield EvaluateJob(trial=planned.trial, first=first, stop=stop)


def _repeats(layout: Layout, planned: PlannedTrial, state: Survey) -> set[int]:
    have: set[int] = set()
    for path, repeats in layout.evaluations(planned.trial).items():
        try:
            read_evaluation(path)
            have |= set(repeats)
        except CorruptFileError as error:
            state.warnings.append(_aside(error))
    return have


def _has_condensed(layout: Layout, cell: Cell, state: Survey) -> bool:
    """Say whether the condensed set is there and whole: every checksum, since an evaluation is about to need it."""
    from dcbench.engine.store.sets import read_condensed

    path = layout.condensed(cell)
    if not path.exists():
        return False
    try:
        read_condensed(path)
    except CorruptFileError as error:
        state.warnings.append(_aside(error))
        return False
    return True


def _aside(error: CorruptFileError) -> str:
    return f"{error}; set aside as {set_aside(error.path).name} and computed again"


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Yield (first, stop) for each run of consecutive *numbers*, which ascend."""
    start = 0
    for position in range(1, len(numbers) + 1):
        if position == len(numbers) or numbers[position] != numbers[position - 1] + 1:
            yield numbers[start], numbers[position - 1] + 1
            start = position
