"""What really ran: whether steps were compiled and captured, and what was done in another way than it was asked for.

A job has a process of its own, so there is one record for each process. The toolbox writes it where a step is compiled,
captured or falls back to another path; the engine stores it with the result.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from dcbench.api.errors import FallbackError


class Ran:
    """The record of one job.

    Args:
        strict: a fallback is an error.
        fallbacks: those that led to this job, such as a capture that failed in the process before.
    """

    def __init__(self, *, strict: bool = False, fallbacks: Iterable[str] = ()) -> None:
        self.captured = False
        """Whether steps were replayed as CUDA graphs."""
        self.compiled = False
        """Whether a network was compiled."""
        self.fallbacks = list(fallbacks)
        """What was done in another way than it was asked for, and why, a line each."""
        self._strict = strict

    def fall_back(self, reason: str) -> None:
        """Note that the job goes on in another way than it was asked to, and warn once.

        Args:
            reason: what was not done and why, in one line.

        Raises:
            FallbackError: the run is strict.
        """
        if self._strict:
            raise FallbackError(f"--strict: {reason}")
        if reason not in self.fallbacks:
            self.fallbacks.append(reason)
            warnings.warn(reason, stacklevel=3)

    def facts(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return {"capture": self.captured, "compiled": self.compiled, "fallbacks": list(self.fallbacks)}


_records = [Ran()]
"""The last one counts; the first is for work outside of jobs, as in a notebook."""


def ran() -> Ran:
    """Return the record of the job that this process runs."""
    return _records[-1]


@contextmanager
def recording(*, strict: bool = False, fallbacks: Iterable[str] = ()) -> Iterator[Ran]:
    """Begin a new record, which `ran` returns in the block; arguments as for `Ran`."""
    _records.append(Ran(strict=strict, fallbacks=fallbacks))
    try:
        yield _records[-1]
    finally:
        _records.pop()
