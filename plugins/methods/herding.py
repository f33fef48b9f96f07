"""Herding: training images whose mean feature stays as near as possible to the mean of their class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from dcbench.toolbox.selection import FeatureSelection, centred, first_least

if TYPE_CHECKING:
    from torch import Tensor


def herd(features: Tensor, count: int) -> Tensor:
    """Choose rows one by one so that the mean of the chosen ones follows the mean of all.

    With m the mean row, the k-th choice (from 0) is the row not yet chosen that is nearest to (k + 1) m minus the sum
    of the rows chosen so far. On rows with m taken off, that is the least norm of sum plus row.

    Args:
        features: (n, D).
        count: how many rows, at most n.

    Returns:
        (count,) int64, in the order of choice. Of tied rows the first is chosen, and none twice.

    Raises:
        ValueError: *count* is more than n, or a feature is not a number.
    """
    rows = centred(features)
    norms = rows.square().sum(1)
    scale = norms.max()
    total = torch.zeros_like(rows[0])
    picks: list[int] = []
    for _ in range(count):
        # The squared norm of the sum itself is the same for every candidate and is left out.
        pick = first_least(norms + 2 * (rows @ total), scale + total.square().sum())
        picks.append(pick)
        total += rows[pick]
        norms[pick] = torch.inf
    return torch.tensor(picks)


class Herding(FeatureSelection):
    """Herding in the feature space of a network trained on the whole training set, class by class."""

    cite = "Welling: Herding dynamical weights to learn, ICML 2009; rule as in the coreset code of IDC (ICML 2022)"
    choose = staticmethod(herd)
