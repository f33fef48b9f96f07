"""Metrics of trials that two folders share, side by side, with a paired test for each number of a table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dcbench.report.paired import holm, sign_flip_p
from dcbench.report.summary import COORDINATES

_NETWORK = ["key", "metric", "repeat"]
"""What names one trained network: those of both folders that agree in it had the same seed."""

_NAMES = [*COORDINATES, "step", "unit"]

COLUMNS = [
    *_NAMES,
    "sets",
    *("mean_a", "std_a", "n_a"),
    *("mean_b", "std_b", "n_b"),
    *("pairs", "difference", "difference_std", "same", "p", "p_holm"),
]


def paired_numbers(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each number that frames *a* and *b* both have, with `COLUMNS`; labels are those of *a*.

    Means and standard deviations (of the population) are over replicates x repeats of the trials that both have, with n
    values of ``sets`` condensed sets in either frame. ``difference`` is the mean of B minus A over ``pairs``, the
    networks that both have; ``same`` says that these agree to the last bit. ``p`` is that of `sign_flip_p`, and
    ``p_holm`` is corrected for the number of tests; both are missing below two pairs, and where all are the same:
    there is nothing to test. Different settings under one label never pool.
    """
    shared = set(a["key"]) & set(b["key"])
    a, b = (table[table["key"].isin(shared)] for table in (a, b))
    values = a[[*_NETWORK, "value"]].merge(b[[*_NETWORK, "value"]], how="outer", on=_NETWORK, suffixes=("_a", "_b"))
    names = a.drop_duplicates(["key", "metric"])[["key", *_NAMES, "variant"]]
    groups = values.merge(names, on=["key", "metric"]).groupby([*_NAMES, "variant"], dropna=False)
    rows = [dict(zip(_NAMES, place, strict=False)) | _side_by_side(group) for place, group in groups]
    corrected = holm([row["p"] for row in rows])
    numbers = [row | {"p_holm": value} for row, value in zip(rows, corrected, strict=True)]
    return pd.DataFrame(numbers, columns=COLUMNS).sort_values(
        [*COORDINATES[:-3], "dataset", "ipc", "label"], kind="stable"
    )


def _side_by_side(values: pd.DataFrame) -> dict[str, Any]:
    differences = (values["value_b"] - values["value_a"]).dropna()
    same = bool((differences == 0).all()) and len(differences) > 0
    return {
        "sets": values["key"].nunique(),
        **_moments(values["value_a"], "a"),
        **_moments(values["value_b"], "b"),
        "pairs": len(differences),
        "difference": differences.mean(),
        "difference_std": differences.std(ddof=0),
        "same": same,
        "p": None if same else sign_flip_p(differences.tolist()),
    }


def _moments(values: pd.Series[float], side: str) -> dict[str, Any]:
    return {f"mean_{side}": values.mean(), f"std_{side}": values.std(ddof=0), f"n_{side}": int(values.count())}
