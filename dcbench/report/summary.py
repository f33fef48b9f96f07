"""The summary: mean, standard deviation and n for every column of every row of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

import pandas as pd

TABLE = ["evaluator_label", "figure", "protocol", "network", "split"]
"""What one table has in common: numbers that differ in any of these are not compared."""

PLACE = [*TABLE, "dataset", "ipc", "label"]
"""What names one number in a table."""

_CONSTANT = [
    "method",
    "evaluator",
    "kind",
    "main",
    "reference",
    "settings",
    "departures",
    "source",
    "classes",
    "train_images",
    "superseded",
]
"""What is the same for all values of one number."""

_FOUND = ["mean", "std", "n", "cells", "fewest", "most"]


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each number of a report, from a `frame`. Snapshots are left out.

    The mean and standard deviation (of the population, as the published codes compute it) are over sets x repeats;
    ``n`` counts all values and ``cells`` the sets, one for each seed; ``fewest`` and ``most`` are the repeats of the
    set that has fewest and of the one that has most. Results under one label that differ in their variant never pool:
    the latest is shown, of those under a recipe of today if there are any, and ``older`` counts the others. ``digests``
    names the cells, joined by spaces; ``by_seed`` maps the seed of each set to the mean of its repeats.
    """
    table = table[table["step"].isna()]
    if table.empty:
        return pd.DataFrame(columns=[*PLACE, *_CONSTANT, *_FOUND, "variant", "older", "digests", "by_seed"])
    names = [*PLACE, "variant"]
    repeats = table.groupby([*names, "digest"], dropna=False)["digest"].transform("size")
    seeded = pd.Series(list(zip(table["seed"], table["value"], strict=True)), table.index, dtype=object)
    grouped = table.assign(repeats=repeats, seeded=seeded).groupby(names, sort=False, dropna=False)
    summary = grouped.agg(
        **{column: (column, "first") for column in _CONSTANT},
        # A figure that is no number is not left out: the mean would be that of fewer values than n says.
        mean=("value", lambda values: float(values.mean(skipna=False))),
        std=("value", lambda values: float(values.std(ddof=0, skipna=False))),
        n=("value", "size"),
        cells=("digest", "nunique"),
        fewest=("repeats", "min"),
        most=("repeats", "max"),
        digests=("digest", lambda digests: " ".join(sorted(set(digests)))),
        by_seed=("seeded", _by_seed),
        finished=("finished", "max"),
    ).reset_index()
    summary["today"] = summary["superseded"] == ""
    summary = summary.sort_values(["today", "finished"], kind="stable")
    summary["older"] = summary.groupby(PLACE, dropna=False)["variant"].transform("size") - 1
    return summary.drop_duplicates(PLACE, keep="last").drop(columns=["today", "finished"]).reset_index(drop=True)


def _by_seed(seeded: Iterable[tuple[int, float]]) -> dict[int, float]:
    """Return the mean value of each seed."""
    values: dict[int, list[float]] = {}
    for seed, value in seeded:
        values.setdefault(seed, []).append(value)
    return {seed: fmean(of_seed) for seed, of_seed in sorted(values.items())}


def entries(summary: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a summary as dictionaries."""
    return summary.to_dict("records")  # type: ignore[return-value]  # column names are texts


def spread_text(std: str, sets: int | None, n: int) -> str:
    """Return a deviation as it follows its mean: ``± 1.6`` over sets, ``(±1.6)`` over the networks of one set.

    Of one value there is none.
    """
    if n == 1:
        return ""
    return f" (±{std})" if sets == 1 else f" ± {std}"


def main_figures(summary: pd.DataFrame, whole: Sequence[str] = ()) -> pd.DataFrame:
    """Return the figure that tables show of each evaluator, and every figure of the evaluators *whole*, by record."""
    return summary[summary["main"].astype(bool) | summary["evaluator"].isin(list(whole))]
