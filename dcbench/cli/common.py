"""What commands that read results have in common: options to a filter, and the images of selections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dcbench.api.errors import RequestError
from dcbench.engine.selectors import canonical

if TYPE_CHECKING:
    from pathlib import Path

    from dcbench.engine.exchange.sources import Sources
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


def sources_in(data: Path | None) -> Sources:
    """Return the datasets in the folder *data*, or where they live if it is None. Nothing is fetched."""
    from dcbench.engine.exchange.sources import Sources
    from dcbench.engine.plan.request import default_data_folder
    from dcbench.engine.registry import load_registry

    return Sources(load_registry(), data or default_data_folder())
