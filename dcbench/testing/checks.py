"""A check: one promise of the contract, asked of one plug-in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest import SkipTest

from dcbench.testing.promises import ContractBroken, Outcome, Promise

if TYPE_CHECKING:
    from dcbench.testing.subject import Subject


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
