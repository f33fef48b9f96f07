"""The summary: mean, standard deviation and n for every column of every row of a table."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean
from typing import Any

import pandas as pd

TABLE = ["evaluator_label", "metric", "protocol", "network", "split"]
"""Columns in which all numbers of a table agree: numbers that differ in one of these are not compared."""

COORDINATES = [*TABLE, "dataset", "ipc", "label"]
"""Columns that name one number."""

_CONSTANT = [
    "method",
    "evaluator",
    "unit",
    "main",
    "budget_exempt",
    "settings",
    "overrides",
    "source",
    "classes",
    "train_images",
    "superseded",
]
"""Columns that are equal for all values of one number."""

_FOUND = [
    "mean",
    "std",
    "n",
    "cells",
    "fewest",
    "most",
    "variant",
    "older",
    "digests",
    "by_replicate",
    "fallbacks",
    "row",
]


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each number of a report, from a `frame`. Snapshots are left out.

    The mean and standard deviation (of the population, as the published codes compute it) are over sets x repeats;
    ``n`` counts all values and ``cells`` the sets, one for each replicate; ``fewest`` and ``most`` are the repeats of
    the set that has fewest and of the one that has most. Results under one label that differ in their variant never
    pool: the latest is shown, of those under a recipe of today if there are any, and ``older`` counts the others.
    ``digests`` names the cells, joined by spaces; ``by_replicate`` maps the replicate of each set to the mean of its
    repeats; ``fallbacks`` joins theirs; ``row`` identifies the row, whatever is added or left out later.
    """
    table = table[table["step"].isna()]
    if table.empty:
        return pd.DataFrame(columns=[*COORDINATES, *_CONSTANT, *_FOUND])
    names = [*COORDINATES, "variant"]
    repeats = table.groupby([*names, "digest"], dropna=False)["digest"].transform("size")
    numbered = pd.Series(list(zip(table["replicate"], table["value"], strict=True)), table.index, dtype=object)
    grouped = table.assign(repeats=repeats, numbered=numbered).groupby(names, sort=False, dropna=False)
    summary = grouped.agg(
        **{column: (column, "first") for column in _CONSTANT},
        # NaN is not left out: the mean would be over fewer values than n counts.
        mean=("value", lambda values: float(values.mean(skipna=False))),
        std=("value", lambda values: float(values.std(ddof=0, skipna=False))),
        n=("value", "size"),
        cells=("digest", "nunique"),
        fewest=("repeats", "min"),
        most=("repeats", "max"),
        digests=("digest", lambda digests: " ".join(sorted(set(digests)))),
        by_replicate=("numbered", _by_replicate),
        fallbacks=("fallbacks", lambda texts: "; ".join(dict.fromkeys(filter(None, texts)))),
        finished=("finished", "max"),
    ).reset_index()
    summary["today"] = summary["superseded"] == ""
    summary = summary.sort_values(["today", "finished"], kind="stable")
    summary["older"] = summary.groupby(COORDINATES, dropna=False)["variant"].transform("size") - 1
    summary = summary.drop_duplicates(COORDINATES, keep="last").drop(columns=["today", "finished"])
    return summary.reset_index(drop=True).assign(row=range(len(summary)))


def _by_replicate(numbered: Iterable[tuple[int, float]]) -> dict[int, float]:
    """Return the mean value of each replicate."""
    values: dict[int, list[float]] = {}
    for replicate, value in numbered:
        values.setdefault(replicate, []).append(value)
    return {replicate: fmean(of_one) for replicate, of_one in sorted(values.items())}


def entries(summary: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a summary as dictionaries."""
    return summary.to_dict("records")  # type: ignore[return-value]  # column names are texts
