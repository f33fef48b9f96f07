"""K-center: training images such that no image of the class is far from a chosen one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from dcbench.toolbox.selection import FeatureSelection, centred, first_least

if TYPE_CHECKING:
    from torch import Tensor


def farthest_first(features: Tensor, count: int) -> Tensor:
    """Choose the row nearest to the mean, then again and again the row farthest from all chosen ones.

    Args:
        features: (n, D).
        count: how many rows, at least 1 and at most n.

    Returns:
        (count,) int64, in the order of choice. Of tied rows the first is chosen, and none twice.

    Raises:
        ValueError: *count* is more than n, or a feature is not a number.
    """
    rows = centred(features)
    norms = rows.square().sum(1)
    scale = norms.max()
    picks = [first_least(norms, scale)]
    nearest = torch.full_like(norms, torch.inf)
    while len(picks) < count:
        centre = picks[-1]
        nearest = torch.minimum(nearest, norms + norms[centre] - 2 * (rows @ rows[centre]))
        nearest[centre] = -torch.inf
        picks.append(first_least(-nearest, scale))
    return torch.tensor(picks)


class KCenter(FeatureSelection):
    """Greedy k-center in the feature space of a network trained on the whole training set, class by class.

    At IPC 1 it picks what herding picks: both begin with the image nearest to the mean of its class.
    """

    cite = (
        "Sener, Savarese: Active learning for CNNs, ICLR 2018; first centre as DC's author says in issue 21 of its code"
    )
    choose = staticmethod(farthest_first)
