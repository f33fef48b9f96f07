"""A check: one promise of the contract, asked of one plug-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

if TYPE_CHECKING:
    from dcbench.testing.subject import Subject


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


@dataclass(frozen=True)
class Check:
    """One promise, asked of one plug-in. Call it."""

    promise: Promise
    subject: Subject

    def __str__(self) -> str:
        return self.promise.name

    def __call__(self) -> None:
        """Ask; a second call gives the same answer.

        Raises:
            ContractBroken: the promise is broken.
            unittest.SkipTest: it does not apply, or one that it needs does not hold.
        """
        outcomes = self.subject.outcomes
        if self.promise not in outcomes:
            outcomes[self.promise] = self._ask()
        outcome = outcomes[self.promise]
        if outcome is not None:
            raise outcome

    def _ask(self) -> Outcome:
        try:
            for need in self.promise.needs:
                self._check_need(need)
            self.promise.keep(self.subject)
        except (ContractBroken, SkipTest) as outcome:
            return outcome
        except SystemExit as error:
            return _caused(f"it calls sys.exit({error.code!r}); raise an exception instead", error)
        except Exception as error:
            return _caused(f"it raises {type(error).__name__}: {error}", error)
        return None

    def _check_need(self, need: Promise) -> None:
        try:
            Check(need, self.subject)()
        except (ContractBroken, SkipTest) as error:
            raise SkipTest(f"needs {need.name}") from error


def _caused(text: str, cause: BaseException) -> ContractBroken:
    broken = ContractBroken(text)
    broken.__cause__ = cause
    return broken
