"""Jobs: what an executor runs, one process each. Every job belongs to one cell and makes one file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from dcbench.engine.identity import Cell, Frozen, Trial
from dcbench.engine.ranges import Range, range_text


class _Job(Frozen, ABC):
    """What all jobs have, next to their `cell`."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The job as file names show it."""

    @property
    @abstractmethod
    def action(self) -> str:
        """The job in words, without its cell."""


class CondenseJob(_Job):
    """Make the condensed set of a cell, or a part of it."""

    type: Literal["condense"] = "condense"
    cell: Cell
    classes: Range | None = None
    """The classes of the part; None for the whole set."""
    again: bool = False
    """From the start, although the set may be there: no checkpoint counts, nor what was measured on the former set."""

    @property
    def name(self) -> str:
        """The job as file names show it."""
        return "condense" if self.classes is None else f"classes{range_text(self.classes)}"

    @property
    def action(self) -> str:
        """The job in words, for progress and messages."""
        return "condense" if self.classes is None else f"condense classes {range_text(self.classes)}"


class AssembleJob(_Job):
    """Put the condensed set of a cell together from its parts, which cover all classes."""

    type: Literal["assemble"] = "assemble"
    cell: Cell
    again: bool = False
    """Although the set may be there: what was measured on the former set no longer counts."""

    @property
    def name(self) -> str:
        """The job as file names show it."""
        return "assemble"

    @property
    def action(self) -> str:
        """The job in words, for progress and messages."""
        return "assemble parts"


class EvaluateJob(_Job):
    """Make repeats ``first`` to ``stop - 1`` of a trial."""

    type: Literal["evaluate"] = "evaluate"
    trial: Trial
    first: int
    stop: int

    @property
    def cell(self) -> Cell:
        """The cell that is evaluated."""
        return self.trial.cell

    @property
    def name(self) -> str:
        """The job as file names show it."""
        return self.trial.name

    @property
    def action(self) -> str:
        """The job in words, for progress and messages."""
        settings = self.trial.evaluator.settings
        under = [str(settings[name]) for name in ("protocol", "network") if name in settings]
        by = f" ({', '.join(under)})" if under else ""
        at = "" if self.trial.step is None else f" at step {self.trial.step}"
        return f"evaluate {self.trial.evaluator.label}{by}{at}"

    @property
    def repeats(self) -> range:
        """The repeats to make."""
        return range(self.first, self.stop)


Job = CondenseJob | AssembleJob | EvaluateJob


def job_title(job: Job) -> str:
    """Return *job* in words, for progress and messages."""
    return f"{job.cell.title}: {job.action}"
