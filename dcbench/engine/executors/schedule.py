"""Which job may run next: a cell is condensed before it is evaluated, and a failed set is not evaluated at all."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dcbench.engine.cells import EvaluateJob, Job
    from dcbench.engine.plan.survey import Work
    from dcbench.engine.store.failures import Failure


@dataclass(frozen=True)
class Started:
    """A job has begun."""

    job: Job
    slot: int


@dataclass(frozen=True)
class Progressed:
    """A job has come further."""

    job: Job
    slot: int
    step: int
    total: int
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """A job has finished and *file* is in the store."""

    job: Job
    slot: int
    file: Path
    seconds: float


@dataclass(frozen=True)
class Failed:
    """A job has failed; *skipped* are the jobs that cannot run without it."""

    job: Job
    slot: int
    failure: Failure
    skipped: tuple[EvaluateJob, ...] = ()


Event = Started | Progressed | Finished | Failed


class Schedule:
    """The jobs that are still to do, in an order that respects what depends on what."""

    def __init__(self, work: Iterable[Work]) -> None:
        """Take over *work*."""
        self._ready: deque[Job] = deque()
        self._waiting: dict[str, tuple[EvaluateJob, ...]] = {}
        for item in work:
            if item.condense is None:
                self._ready.extend(item.evaluate)
            else:
                self._ready.append(item.condense)
                self._waiting[item.condense.cell.digest] = item.evaluate

    def take(self) -> Job | None:
        """Take the next job that may run now; None when there is none (yet)."""
        return self._ready.popleft() if self._ready else None

    def finish(self, job: Job) -> None:
        """Release what waited for *job*, to be run next: a cell is finished before another is begun."""
        if job.kind == "condense":
            self._ready.extendleft(reversed(self._waiting.pop(job.cell.digest, ())))

    def fail(self, job: Job) -> tuple[EvaluateJob, ...]:
        """Give up what waited for *job*, and return it."""
        return self._waiting.pop(job.cell.digest, ()) if job.kind == "condense" else ()
