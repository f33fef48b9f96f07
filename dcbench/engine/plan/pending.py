"""What of a plan is pending: every planned name is looked for in the store, and nothing in it is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.engine.identity import Cell
from dcbench.engine.jobs import AssembleJob, CondenseJob, EvaluateJob, Job
from dcbench.engine.ranges import range_text, ranges_of
from dcbench.engine.store.evaluations import read_evaluation
from dcbench.engine.store.facts import read_about
from dcbench.engine.store.guards import CorruptFileError

if TYPE_CHECKING:
    from dcbench.engine.plan.planner import PlannedCell, PlannedTrial
    from dcbench.engine.plan.request import Existing
    from dcbench.engine.store.store import Store


@dataclass(frozen=True)
class Condensing:
    """The way to the condensed set of one cell."""

    stages: tuple[tuple[Job, ...], ...]
    """Jobs; those of a stage need all of the stage before. A stage may be empty."""
    missing: tuple[range, ...] = ()
    """Classes that no job condenses and no part holds: the set cannot be assembled."""


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


@dataclass(frozen=True)
class Work:
    """What is to do for one cell, in stages: each begins when every job of the one before has finished.

    The stages are, as far as they are needed: condense the set or its parts, assemble the parts, evaluate.
    """

    stages: tuple[tuple[Job, ...], ...]
    """At least one, none of them empty."""

    @property
    def cell(self) -> Cell:
        """The cell."""
        return self.stages[0][0].cell

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs, in order."""
        return tuple(chain.from_iterable(self.stages))


@dataclass
class Pending:
    """The state of a plan in the store."""

    work: list[Work] = field(default_factory=list)
    finished: int = 0
    """Jobs whose results are there."""
    failed_before: list[Path] = field(default_factory=list)
    """Records of failures that are not tried again."""
    incomplete: list[str] = field(default_factory=list)
    """What will be missing of each set that is made in parts, with what to do about it."""
    without_set: list[Cell] = field(default_factory=list)
    """Cells whose evaluations are all there and whose condensed set is not."""
    damaged: dict[Path, Callable[[Path], object]] = field(default_factory=dict)
    """Files that count as missing, to be set aside before they are made again; each with what reads it."""
    warnings: list[str] = field(default_factory=list)

    @property
    def jobs(self) -> list[Job]:
        """All jobs to do."""
        return [job for work in self.work for job in work.jobs]


def find_pending(store: Store, plan: Iterable[PlannedCell], existing: Existing) -> Pending:
    """Return what of *plan* the store lacks.

    Args:
        store: the results folder.
        plan: the planned cells.
        existing: ``skip`` leaves finished and failed jobs, ``retry-failed`` only finished ones, ``overwrite`` none.

    Raises:
        UnsupportedFormatError: a file is of a newer format.
        UnreadableFileError: a file cannot be read now; it may be whole.
    """
    state = Pending()
    # Two labels may mean the same settings, and so the same cell.
    for planned in {planned.cell.digest: planned for planned in plan}.values():
        _find_in_cell(store, planned, existing, state)
    if state.without_set:
        state.warnings.append(_name_without_set(state.without_set))
    return state


def _find_in_cell(store: Store, planned: PlannedCell, existing: Existing, state: Pending) -> None:
    trials = {trial.trial.key: trial for trial in planned.trials}.values()
    missing = [job for trial in trials for job in _missing(store, trial, existing, state)]
    evaluate = _untried(store, missing, existing, state)
    needed = bool(evaluate) or not trials
    there = _stays(store.condensed(planned.cell), existing, state, needed=needed)
    state.finished += there
    stages = _condense_first(store, planned, evaluate, existing, state) if needed and not there else [evaluate]
    if any(stages):
        state.work.append(Work(tuple(filter(None, stages))))
    if not (needed or there or missing):
        state.without_set.append(planned.cell)


def _condense_first(
    store: Store, planned: PlannedCell, evaluate: tuple[Job, ...], existing: Existing, state: Pending
) -> list[tuple[Job, ...]]:
    """Return the stages of a cell whose set is not there, up to the first that lacks something."""
    again = existing == "overwrite"
    parts = [classes for path, classes in store.parts(planned.cell).items() if _has(path, state)]
    if not again:
        state.finished += len(parts)
    way = plan_condensing(planned, parts, again=again)
    if way.missing:
        state.incomplete.append(_explain(store, planned.cell, way.missing))
    stages = []
    for stage in way.stages if way.missing else (*way.stages, evaluate):
        stages.append(_untried(store, stage, existing, state))
        if len(stages[-1]) < len(stage):
            break
    return stages


def _name_without_set(cells: list[Cell]) -> str:
    more = f" and {len(cells) - 1} more" if len(cells) > 1 else ""
    return (
        f"{cells[0].title}{more}: evaluated, and left as it is, but the condensed set is not there; "
        "--existing overwrite makes both again"
    )


def _explain(store: Store, cell: Cell, missing: Iterable[range]) -> str:
    texts = list(map(range_text, missing))
    return (
        f"{cell.title}: classes {', '.join(texts)} are missing; run with --classes {' and --classes '.join(texts)}, "
        f"or copy their parts into {store.files(cell).stem.parent}"
    )


def _untried(store: Store, jobs: Iterable[Job], existing: Existing, state: Pending) -> tuple[Job, ...]:
    """Return *jobs* without those that failed before and are to be left."""
    untried: list[Job] = []
    for job in jobs:
        if existing == "skip" and store.failure(job).exists():
            state.failed_before.append(store.failure(job))
        else:
            untried.append(job)
    return tuple(untried)


def _missing(store: Store, planned: PlannedTrial, existing: Existing, state: Pending) -> Iterator[EvaluateJob]:
    """Yield a job for every gap in the repeats that the store has."""
    have = set() if existing == "overwrite" else _repeats(store, planned, state)
    gaps = [repeat for repeat in range(planned.repeats) if repeat not in have]
    if not gaps:
        state.finished += 1
    for repeats in ranges_of(gaps):
        yield EvaluateJob(trial=planned.trial, first=repeats.start, stop=repeats.stop)


def _repeats(store: Store, planned: PlannedTrial, state: Pending) -> set[int]:
    have: set[int] = set()
    for path, repeats in store.evaluations(planned.trial).items():
        try:
            read_evaluation(path)
            have |= set(repeats)
        except CorruptFileError as error:
            _count_as_missing(error, state, read_evaluation)
        except FileNotFoundError:  # another run has just replaced it by a longer one
            continue
    return have


def _stays(path: Path, existing: Existing, state: Pending, *, needed: bool) -> bool:
    """Return whether the set at *path* is there and stays; it is read only if a job needs it."""
    if existing == "overwrite":
        return _is_imported(path)
    return _has(path, state) if needed else path.exists()


def _is_imported(path: Path) -> bool:
    """Return whether the set at *path* is an imported one, which no job can make again."""
    try:
        facts, _ = read_about(path)
    except (CorruptFileError, FileNotFoundError):
        return False
    return "origin" in facts


def _has(path: Path, state: Pending) -> bool:
    """Return whether a whole set or part is at *path*: a job is about to need it, so all checksums are read."""
    from dcbench.engine.store.sets import read_condensed

    try:
        read_condensed(path)
    except FileNotFoundError:
        return False
    except CorruptFileError as error:
        _count_as_missing(error, state, read_condensed)
        return False
    return True


def _count_as_missing(error: CorruptFileError, state: Pending, read: Callable[[Path], object]) -> None:
    state.damaged[error.path] = read
    state.warnings.append(f"{error}; the run that makes it again renames it to *.corrupt")
