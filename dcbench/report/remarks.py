"""Notes on the numbers of a table that hold in any report: older recipes and short runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dcbench.report.summary import entries

if TYPE_CHECKING:
    import pandas as pd

_SHORT = 10
"""A run of less than one tenth of its recipe is far shorter.

Matching may lower the accuracy of a set before it raises it. Where it does, accuracy is back after some hundredths of
a recipe, well before a tenth.
"""


def remarks(summary: pd.DataFrame) -> Iterator[str]:
    """Yield lines on the numbers of a table, rows of `summarise`: old recipes, fallbacks, short runs."""
    table = entries(summary.sort_values(["dataset", "ipc"], kind="stable"))
    for reason, places in _grouped((entry["superseded"], _place(entry, table)) for entry in table):
        yield f"older recipe ({places}): {reason}; 'dcbench run' makes these numbers anew"
    for reason, places in _grouped((entry["fallbacks"], f"{_row(entry)} {entry['label']}") for entry in table):
        yield f"not run as asked ({places}): {reason}"
    short = [
        f"{lengths} iterations ({methods})" for lengths, methods in _grouped((_length(e), e["method"]) for e in table)
    ]
    if short:
        yield (
            f"far shorter than the recipe: {', '.join(short)}; matching may lower accuracy before it raises "
            "it: 'dcbench run --snapshots' and 'dcbench figure curves' show its course"
        )


def _place(entry: Mapping[str, Any], table: Sequence[Mapping[str, Any]]) -> str:
    """Return where *entry* stands: its row of *table*, and its column if not all of the row is superseded."""
    row = [other for other in table if (other["dataset"], other["ipc"]) == (entry["dataset"], entry["ipc"])]
    place = _row(entry)
    return place if all(other["superseded"] for other in row) else f"{place} {entry['label']}"


def _row(entry: Mapping[str, Any]) -> str:
    return f"{entry['dataset']} ipc {entry['ipc']}"


def _length(entry: Mapping[str, Any]) -> str:
    """Return the steps done, of those of the recipe, if they are far fewer; empty for step 0, which is a choice."""
    done, recommended = entry["settings"].get("iterations"), entry["overrides"].get("iterations")
    if not isinstance(done, int) or not isinstance(recommended, int):
        return ""
    return f"{done:,} of {recommended:,}" if 0 < done * _SHORT < recommended else ""


def _grouped(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield each first text that is not empty, with the second ones that it came with, joined by commas."""
    names: dict[str, dict[str, None]] = {}
    for text, name in pairs:
        if text:
            names.setdefault(text, {})[name] = None
    for text, named in names.items():
        yield text, ", ".join(named)
