"""From the selection options of a command that reads results to a filter, and to what passes it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from dcbench.api.errors import RequestError
from dcbench.engine.selectors import canonical

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from dcbench.report.filters import Filter


def filter_of(options: dict[str, Any]) -> Filter:
    """Return the filter that *options*, of `dcbench.cli.options.selection_options`, stand for.

    Raises:
        RequestError: IPC or seeds are no numbers, a network is not written as one is, or a list is empty.
    """
    from dcbench.engine.plan.request import parse_numbers
    from dcbench.report.filters import Filter

    for name, value in options.items():
        if value == ():
            raise RequestError(f"--{name} names nothing; leave it out for all")
    numbers = {
        name: parse_numbers(options[name], f"--{name}", least)
        for name, least in (("ipc", 1), ("seeds", 0))
        if options[name] is not None
    }
    networks = tuple(map(canonical, options["networks"] or ()))
    return Filter(**{name: value for name, value in (options | numbers | {"networks": networks}).items() if value})


def finished(results: Path, chosen: Filter, *, needed: bool = False) -> pd.DataFrame:
    """Return the rows of the frame of *results* that pass.

    Warns of each value that fits no row of all, since it may be misspelt, and of values that fit no row together.

    Raises:
        RequestError: nothing passes for that reason, and something is *needed*.
    """
    from dcbench.report.results import frame

    table = frame(results)
    passed, unmet = chosen.apply(table), list(chosen.unmet(table))
    if needed and unmet and passed.empty and not table.empty:
        raise RequestError(unmet[0])
    for line in unmet:
        warnings.warn(line, stacklevel=2)
    return passed
