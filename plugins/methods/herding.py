"""Herding: training images whose mean feature stays as near as possible to the mean of their class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from dcbench.toolbox.recipes import IMAGENET_SUBSETS
from dcbench.toolbox.selection import FeatureSelection, first_least, inner_products, squared_norms

if TYPE_CHECKING:
    from torch import Tensor


def herd(rows: Tensor, present: Tensor, count: int) -> Tensor:
    """Choose rows one by one so that the mean of the chosen ones follows the mean of all, in each class.

    With m the mean feature, the k-th choice (from 0) is the image not yet chosen that is nearest to (k + 1) m minus the
    sum of those chosen so far. With m taken off, that is the least norm of sum plus row.

    Args:
        rows: (classes, n, D) float64, centred.
        present: (classes, n) bool, which of them may be chosen.
        count: how many of each class.

    Returns:
        (classes, count) int64, in the order of choice. Of tied rows the first is chosen, and none twice.
    """
    norms = squared_norms(rows)
    scale = norms.amax(1, keepdim=True)
    left = norms.masked_fill(~present, torch.inf)
    total = torch.zeros_like(rows[:, :1])
    picks: list[Tensor] = []
    for _ in range(count):
        # The squared norm of the sum itself is the same for every candidate and is left out.
        pick = first_least(left + 2 * inner_products(rows, total), scale + total.square().sum(2))
        picks.append(pick)
        total += rows.take_along_dim(pick[..., None], 1)
        left.scatter_(1, pick, torch.inf)
    return torch.cat(picks, 1)


class Herding(FeatureSelection):
    """Herding in the feature space of a network trained on the whole training set, class by class."""

    cite = "Welling: Herding dynamical weights to learn, ICML 2009; rule as in the coreset code of IDC (ICML 2022)"
    choose = staticmethod(herd)
    published_for = frozenset({"cifar10", "svhn"}) | IMAGENET_SUBSETS
