"""How the bench says what it is at while a request is checked, where that may take a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dcbench.api.images import Dataset


class Tell(Protocol):
    """Takes what begins, and how far it has come."""

    def __call__(self, text: str, /, done: int = 0, total: int = 0) -> None:
        """Take *text*, what begins; with *total*, that *done* of *total* images of it are done."""


def silent(_: str, /, done: int = 0, total: int = 0) -> None:
    """Say nothing."""


def follow(dataset: Dataset, tell: Tell, name: str) -> None:
    """Let *tell* hear how many images of *dataset*, in words *name*, are read."""
    dataset.listener = lambda done, total: tell(f"reading {name}", done, total)
