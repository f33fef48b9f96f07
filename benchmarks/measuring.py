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
    """How long one case is measured."""

    least: int
    """Rounds at least."""
    most: int
    """Rounds at most."""
    seconds: float
    """After this time no further round begins, except up to the least number."""

    def exactly(self, rounds: int) -> Effort:
        """Return the same with a number of *rounds*."""
        return replace(self, least=rounds, most=rounds)


FULL = Effort(least=3, most=15, seconds=30)
QUICK = Effort(least=3, most=3, seconds=0)


class Bench:
    """The two processes on one device. As a context manager it ends them when the block ends."""

    def __init__(self, device: str) -> None:
        """Start them; they import and set up while the caller goes on."""
        self._stack = ExitStack()
        self._literal = self._stack.enter_context(Child("literal", device))
        self._fast = self._stack.enter_context(Child("fast", device))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, cases: Iterable[Case], effort: Effort, failed: Callable[[Case, ChildError], None]) -> Results:
        """Measure *cases*; call *failed* with each that one of the processes could not run."""
        machine, plain = self._fast.call("facts"), self._literal.call("facts")
        machine["threads"] = {"literal": plain["threads"], "fast": machine["threads"]}
        ceilings, rows = self._fast.call("ceilings"), []
        for case in cases:
            try:
                rows.append(self._row(case, effort))
            except ChildError as error:
                failed(case, error)
            # Measured again after each case: other load on the machine at the start would lower them.
            ceilings = higher(ceilings, self._fast.call("ceilings"))
        date = datetime.now(UTC).date().isoformat()
        return Results(machine=machine, ceilings=ceilings, date=date, rows=tuple(rows))

    def _row(self, case: Case, effort: Effort) -> Row:
        rounds: dict[Child, list[float]] = {child: [] for child in (self._literal, self._fast)}
        running = [child for child in rounds if child.call("prepare", case)]
        end = time.monotonic() + effort.seconds
        for done in range(effort.most):
            if done >= effort.least and time.monotonic() > end:
                break
            for child in running:
                rounds[child].append(child.call("measure"))
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
