"""Which numbers are best and second, and which the test cannot distinguish from the best.

The test is a paired one over condensed sets.

Methods share replicates: the sets of one replicate begin with the same draws and are evaluated on the same networks.
So two numbers are compared by the differences of their sets of the same replicate, each set with the mean of its
networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from dcbench.report.paired import sign_flip_p
from dcbench.report.summary import entries

if TYPE_CHECKING:
    from dcbench.api.report import Rank

LEVEL = 0.05
"""The level of the test; not corrected for several methods."""
FEWEST = 6
"""Replicates that two numbers must share: with five the p-value of the test is never below 2 / 2^5 = 0.0625."""

TIE = "="
"""The sign after a number that shares the first rank."""

MEANINGS = {
    "tie": f"{TIE} not told from the best: paired test over sets, p ≥ {LEVEL}",
    "untested": f"no best is named where numbers share fewer than {FEWEST} sets, too few for a paired test",
}
"""Notes below tables in which these ranks occur."""


def ranked(summary: pd.DataFrame, within: Sequence[str]) -> pd.DataFrame:
    """Return *summary* with ``rank`` and ``untested``, among the rows that agree in *within* and in being superseded.

    The best is the highest percentage, or the least distance, if the test distinguishes it from every other number. The
    second is distinguished from all but the best. Numbers that are not distinguished from the highest are a ``tie``
    with it, and then there is neither best nor second. A number that shares fewer than `FEWEST` replicates with the
    highest is ``untested``: it has no rank, and there is no best. Reference rows do not compete.
    """
    ranks: dict[Any, Rank] = {}
    untested: set[Any] = set()
    rivals = summary[~summary["budget_exempt"].astype(bool) & summary["mean"].notna()]
    if not rivals.empty:
        for _, group in rivals.groupby([*within, "superseded"], dropna=False):
            found, unknown = _ranks(dict(zip(group.index, entries(group), strict=True)))
            ranks |= found
            untested |= unknown
    return summary.assign(
        rank=pd.Series([ranks.get(row, "") for row in summary.index], summary.index, dtype=object),
        untested=[row in untested for row in summary.index],
    )


def _ranks(numbers: Mapping[Any, Mapping[str, Any]]) -> tuple[dict[Any, Rank], set[Any]]:
    """Return the rank of each of *numbers* that has one, and those that could not be tested against the highest."""
    order = sorted(numbers, key=lambda row: -_score(numbers[row], numbers[row]["mean"]))
    if len(order) < 2:
        return {}, set()
    highest, *others = order
    told = {row: _is_below(numbers[row], numbers[highest]) for row in others}
    unknown = {row for row, below in told.items() if below is None}
    # Numbers above a tie are ties too: the test may distinguish them from the highest, and not a lower one of more
    # variance.
    lowest = max((position for position, row in enumerate(others) if told[row] is False), default=-1)
    alike = [row for row in others[: lowest + 1] if row not in unknown]
    if alike:
        tie: Rank = "tie"
        return dict.fromkeys([highest, *alike], tie), unknown
    if unknown:
        return {}, unknown
    second, *rest = others
    alone = all(_is_below(numbers[row], numbers[second]) for row in rest)
    ranks: dict[Any, Rank] = {highest: "best"}
    if alone:
        ranks[second] = "second"
    return ranks, set()


def _score(number: Mapping[str, Any], value: float) -> float:
    """Return *value* so that more is better."""
    return value if number["unit"] == "percent" else -value


def _is_below(number: Mapping[str, Any], better: Mapping[str, Any]) -> bool | None:
    """Return whether the test distinguishes *number* from *better*; None if they share too few replicates."""
    mine, others = number["by_replicate"], better["by_replicate"]
    shared = [replicate for replicate in mine if replicate in others]
    if len(shared) < FEWEST:
        return None
    differences = [_score(number, others[each]) - _score(number, mine[each]) for each in shared]
    p = sign_flip_p(differences)
    return sum(differences) > 0 and p is not None and p < LEVEL
