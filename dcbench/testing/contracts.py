"""The contract of each kind of plug-in."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module
from pathlib import Path
from typing import Literal, get_args

from dcbench.api.errors import RequestError
from dcbench.api.renamed import warn_renamed
from dcbench.testing.checks import Check

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
