"""What the bench reports while it works: what begins while a request is checked, and the steps of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcbench.api.data import Dataset


class Announce(Protocol):
    """Takes what begins while a request is checked, and how far it has come."""

    def __call__(self, text: str, /, done: int = 0, total: int = 0) -> None:
        """Take *text*, what begins; with *total*, that *done* of *total* images of it are done."""


def announce_nothing(_: str, /, done: int = 0, total: int = 0) -> None:
    """Drop what is announced."""


def announce_reading(dataset: Dataset, announce: Announce, name: str) -> None:
    """Call *announce* with how many images of *dataset*, called *name*, are read."""
    dataset.listener = lambda done, total: announce(f"reading {name}", done, total)


class Report(Protocol):
    """Takes the progress of one job."""

    def __call__(self, step: int, total: int, metrics: Mapping[str, float], doing: str = "") -> None:
        """Take that *step* of *total* steps are done, of the job itself or of what it is *doing*."""
