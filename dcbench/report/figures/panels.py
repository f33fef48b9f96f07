"""The panels of a figure: results that may be compared share one, and titles hold what differs between panels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from dcbench.api.errors import RequestError
from dcbench.report.plugins import USUAL_EVALUATOR
from dcbench.report.summary import COORDINATES

PANEL = ["evaluator_label", "metric", "protocol", "network", "split", "dataset", "ipc"]
"""Columns of a frame in which all results of a panel agree."""


class NothingToDrawError(RequestError):
    """The results have nothing that the figure could show. The text gives a command that makes some."""


def main_results(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of *frame* that figures show: the main metric of each evaluator, the latest of each label.

    Results under one label but other settings are not mixed, as in `dcbench.report.summary.summarise`.
    """
    table = apart(frame[frame["main"].astype(bool)]).sort_values("finished", kind="stable")
    return newest(table, COORDINATES, "variant")


def apart(table: pd.DataFrame) -> pd.DataFrame:
    """Return *table* with " (superseded)" after the protocol of superseded recipes, which get panels of their own."""
    names = table["protocol"].where(table["superseded"] == "", table["protocol"] + " (superseded)")
    return table.assign(protocol=names)


def newest(table: pd.DataFrame, within: Sequence[str], column: str) -> pd.DataFrame:
    """Return those rows of *table* that have the *column* of the last row that agrees with them in *within*."""
    return table[table[column] == table.groupby(list(within), dropna=False)[column].transform("last")]


def split_into(table: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Yield the groups of *table* that have the same values of *columns*, each with these values, in their order."""
    for values, group in table.groupby(list(columns), dropna=False):
        yield dict(zip(columns, values, strict=True)), group


def titles(places: Sequence[Mapping[str, Any]]) -> tuple[str, list[str]]:
    """Return the text in which all *places* agree, for a title, and for each the text in which it differs."""
    texts = [{name: text for name, value in place.items() if (text := _said(name, value))} for place in places]
    common = {name: text for name, text in texts[0].items() if all(other.get(name) == text for other in texts)}
    order = ["dataset", "ipc", "protocol", "network", "split", "evaluator_label"]
    own = [" · ".join(text[name] for name in order if name in text and name not in common) for text in texts]
    return " · ".join(common[name] for name in order if name in common), own


def _said(name: str, value: Any) -> str:
    match name:
        case "ipc":
            return f"IPC {value}"
        case "protocol":
            return f"protocol {value}" if value else ""
        case "split":
            return "" if value == "test" else f"{value} split"
        case "evaluator_label":
            return "" if value == USUAL_EVALUATOR else str(value)
        case "metric":
            return ""
    return str(value)


def measured(group: pd.DataFrame) -> str:
    """Return the label of the axis of the metric of *group*."""
    metric, unit = str(group["metric"].iloc[0]).replace("_", " "), group["unit"].iloc[0]
    return f"{metric} (%)" if unit == "percent" else metric
