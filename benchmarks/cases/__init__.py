"""All cases, and the selection of those of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.cases import evaluation, matching, parts, selection, start
from dcbench.api.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.case import Case

ALL: tuple[Case, ...] = (*matching.CASES, *parts.CASES, *selection.CASES, *evaluation.CASES, *start.CASES)


def chosen(*, quick: bool, gpu: bool, only: Sequence[str] | None) -> list[Case]:
    """Return the cases of a table, or those that are named in *only*.

    Args:
        quick: whether it is the quick table.
        gpu: whether it is for a GPU, on which some cases run that take too long on a CPU.
        only: names of cases, in the order of the result.

    Raises:
        RequestError: a name is not that of a case.
    """
    if only is None:
        return [case for case in ALL if case.quick == quick and (gpu or case.cpu)]
    by_name = {case.name: case for case in ALL}
    unknown = [name for name in only if name not in by_name]
    if unknown:
        raise RequestError(f"no case is called {', '.join(unknown)}; there are: {', '.join(by_name)}")
    return [by_name[name] for name in only]
