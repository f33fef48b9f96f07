"""Measuring cases: rounds that alternate between the two processes, and their medians."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING, Self

from benchmarks.children import Child, ChildError
from benchmarks.machine import higher
from benchmarks.results import Results, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.case import Case


@dataclass(frozen=True)
class Effort:
    """How long to go on with one case."""

    least: int
    """Rounds at least."""
    most: int
    """Rounds at most."""
    seconds: float
    """No further round begins later than this, once there are the least."""

    def exactly(self, rounds: int) -> Effort:
        """Return the same with a number of *rounds*."""
        return replace(self, least=rounds, most=rounds)


FULL = Effort(least=3, most=15, seconds=30)
QUICK = Effort(least=3, most=3, seconds=0)


class Bench:
    """The two processes on one device. Ends them with the block it is opened in."""

    def __init__(self, device: str) -> None:
        """Start them; they get ready while the caller goes on."""
        self._stack = ExitStack()
        self._literal = self._stack.enter_context(Child("literal", device))
        self._fast = self._stack.enter_context(Child("fast", device))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, cases: Iterable[Case], effort: Effort, failed: Callable[[Case, ChildError], None]) -> Results:
        """Measure *cases*; call *failed* with each that one of the processes could not run."""
        machine, plain = self._fast.ask("facts"), self._literal.ask("facts")
        machine["threads"] = {"literal": plain["threads"], "fast": machine["threads"]}
        ceilings, rows = self._fast.ask("ceilings"), []
        for case in cases:
            try:
                rows.append(self._row(case, effort))
            except ChildError as error:
                failed(case, error)
            # Now and then, so that a neighbour who is busy at the start does not decide them.
            ceilings = higher(ceilings, self._fast.ask("ceilings"))
        date = datetime.now(UTC).date().isoformat()
        return Results(machine=machine, ceilings=ceilings, date=date, rows=tuple(rows))

    def _row(self, case: Case, effort: Effort) -> Row:
        rounds: dict[Child, list[float]] = {child: [] for child in (self._literal, self._fast)}
        running = [child for child in rounds if child.ask("prepare", case)]
        end = time.monotonic() + effort.seconds
        for done in range(effort.most):
            if done >= effort.least and time.monotonic() > end:
                break
            for child in running:
                rounds[child].append(child.ask("measure"))
        literal, fast, cost = rounds[self._literal], rounds[self._fast], case.cost()
        return Row(
            name=case.name,
            what=case.what,
            literal_s=median(literal) if literal else None,
            fast_s=median(fast),
            flops=cost.flops,
            bytes=cost.bytes,
            rounds=len(fast),
        )
