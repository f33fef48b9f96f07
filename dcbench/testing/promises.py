"""Promises: what every plug-in of a kind keeps, each a function with a docstring that says what it protects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import SkipTest


class ContractBroken(AssertionError):  # noqa: N818  (it is no accident of the program, but what a check says)
    """A plug-in breaks a promise. The text says which, by how much, and what to do."""


Outcome = ContractBroken | SkipTest | None
"""How a check ended; None if the promise holds."""


@dataclass(frozen=True)
class Promise:
    """What every plug-in of a kind keeps."""

    keep: Callable[[Any], None]
    """Takes the subject (see `dcbench.testing.subject`); raises `ContractBroken`, or `SkipTest` where it does not
    apply. Whatever else it raises was raised by the plug-in, and breaks the promise too."""
    needs: tuple[Promise, ...]
    """Promises without which there is nothing to look at."""

    @property
    def name(self) -> str:
        """The name, in lower case and dashes."""
        return self.keep.__name__.replace("_", "-")

    @property
    def about(self) -> str:
        """One line: what is promised, and what it protects."""
        return " ".join((self.keep.__doc__ or "").split())


def promise(*needs: Promise) -> Callable[[Callable[[Any], None]], Promise]:
    """Return a decorator that makes a `Promise` of a function; its name and its docstring are what a person reads."""
    return lambda keep: Promise(keep, needs)
