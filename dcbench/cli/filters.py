"""From the selection options of a command that reads results to a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dcbench.report.frame import Filter


def filter_of(options: dict[str, Any]) -> Filter:
    """Return the filter that *options*, of `dcbench.cli.options.selection_options`, stand for.

    Raises:
        RequestError: IPC or seeds are no numbers.
    """
    from dcbench.engine.plan.request import parse_numbers
    from dcbench.report.frame import Filter

    numbers = {
        name: parse_numbers(options[name], f"--{name}", least)
        for name, least in (("ipc", 1), ("seeds", 0))
        if options[name]
    }
    return Filter(**{name: value for name, value in (options | numbers).items() if value})
