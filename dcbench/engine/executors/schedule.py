"""Which job may run next: a set, or its parts, are condensed before it is evaluated, and a failure skips the rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dcbench.engine.jobs import Job
    from dcbench.engine.plan.pending import Work
    from dcbench.engine.store.failures import Failure


@dataclass(frozen=True)
class Started:
    """A job has begun."""

    job: Job
    slot: int


@dataclass(frozen=True)
class Progressed:
    """A job has made progress."""

    job: Job
    slot: int
    step: int
    total: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    doing: str = ""
    """What the steps are of, such as reading a dataset; empty where they are those of the job itself."""


@dataclass(frozen=True)
class Finished:
    """A job has finished and *file* is in the store."""

    job: Job
    slot: int
    file: Path
    seconds: float
    fallbacks: tuple[str, ...] = ()
    """What was done in another way than it was asked for, a line each."""


@dataclass(frozen=True)
class Failed:
    """A job has failed; *skipped* are the jobs that cannot run without it."""

    job: Job
    slot: int
    failure: Failure
    skipped: tuple[Job, ...] = ()


Event = Started | Progressed | Finished | Failed


class Schedule:
    """The jobs that are still to do, in an order that respects what depends on what."""

    def __init__(self, work: Iterable[Work]) -> None:
        """Take over *work*."""
        self._ready: deque[Job] = deque()
        self._begun: dict[str, _Begun] = {}
        for item in work:
            first, *later = item.stages
            self._ready.extend(first)
            self._begun[item.cell.digest] = _Begun(len(first), deque(later))

    def take(self) -> Job | None:
        """Take the next job that may run now; None when there is none (yet)."""
        return self._ready.popleft() if self._ready else None

    def finish(self, job: Job) -> None:
        """Release the jobs that depend on *job*, to run next: a cell is finished before another begins."""
        begun = self._begun[job.cell.digest]
        begun.open -= 1
        if begun.open == 0 and begun.later:
            stage = begun.later.popleft()
            begun.open = len(stage)
            self._ready.extendleft(reversed(stage))

    def fail(self, job: Job) -> tuple[Job, ...]:
        """Drop the jobs that depend on *job*, and return them."""
        begun = self._begun[job.cell.digest]
        given_up = tuple(chain.from_iterable(begun.later))
        begun.later.clear()
        return given_up


@dataclass
class _Begun:
    """The state of the work on one cell."""

    open: int
    """Jobs of the present stage that have not finished."""
    later: deque[tuple[Job, ...]]
    """The stages after it."""
