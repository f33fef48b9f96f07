"""The contract of each group of plug-ins: promises, and checks that ask one plug-in whether it keeps one of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args
from unittest import SkipTest

from dcbench.api.errors import RequestError
from dcbench.api.renamed import warn_renamed

if TYPE_CHECKING:
    from dcbench.testing.subject import Subject


class ContractBroken(AssertionError):  # noqa: N818  (not an error of the program, but the result of a check)
    """A plug-in breaks a promise. The text says which, by how much, and what to do."""


Outcome = ContractBroken | SkipTest | None
"""How a check ended; None if the promise holds."""


@dataclass(frozen=True)
class Promise:
    """What every plug-in of a group keeps."""

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


Kind = Literal["method", "dataset", "evaluator", "network", "protocol"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What a contract is of."""


def contract(kind: Kind, name: str, *, without: Collection[str] = (), data: Path | None = None) -> list[Check]:
    """Return the checks of a plug-in, in the order in which they are best read.

    Args:
        kind: what the plug-in is.
        name: as ``dcbench run`` takes it: ``k-means``, ``k-means[restarts=2]`` or ``folder:PATH``.
        without: names of checks to leave out, such as ``another-seed-another-set`` for a method that draws nothing.
        data: where datasets live; None means as for ``dcbench run``.

    Raises:
        RequestError: there is no check of a name in *without*.
    """
    module = import_module(f"dcbench.testing.{kind}s")
    subject = module.Subject(name, data)
    checks = [Check(promise, subject) for promise in module.PROMISES]
    names = list(map(str, checks))
    left_out = set(map(_name_of_today, without))
    for unknown in sorted(left_out - set(names)):
        raise RequestError(f"no check of a {kind} is called {unknown!r}. There are: {', '.join(names)}.")
    return [check for check in checks if str(check) not in left_out]


def _name_of_today(check: str) -> str:
    name = check.replace("figure", "metric").replace("metrics-of-its-kind", "metrics-of-its-unit")
    if name != check:
        warn_renamed(f"the check {check}", name, stacklevel=3)
    return name
