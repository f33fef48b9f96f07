"""K-center: training images such that no image of the class is far from a chosen one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from dcbench.toolbox.selection import FeatureSelection, FeatureSettings, first_least, inner_products, squared_norms

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench.toolbox.selection import Rule


def farthest_first(rows: Tensor, present: Tensor, count: int) -> Tensor:
    """Choose the row nearest to the mean, then repeatedly the one farthest from all chosen ones, in each class.

    Args:
        rows: (classes, n, D) float64, centred.
        present: (classes, n) bool, which of them may be chosen.
        count: how many of each class, at least 1.

    Returns:
        (classes, count) int64, in the order of choice. Of tied rows the first is chosen, and none twice.
    """
    norms = squared_norms(rows)
    scale = norms.amax(1, keepdim=True)
    picks = [first_least(norms.masked_fill(~present, torch.inf), scale)]
    nearest = torch.full_like(norms, torch.inf).masked_fill_(~present, -torch.inf)
    while len(picks) < count:
        centre = picks[-1]
        to_centre = inner_products(rows, rows.take_along_dim(centre[..., None], 1))
        nearest = torch.minimum(nearest, norms + norms.gather(1, centre) - 2 * to_centre)
        nearest.scatter_(1, centre, -torch.inf)
        picks.append(first_least(-nearest, scale))
    return torch.cat(picks, 1)


class KCenter(FeatureSelection[FeatureSettings]):
    """Greedy k-center in the feature space of a network trained on the whole training set, class by class.

    At IPC 1 it chooses the same images as herding: both begin with the image nearest to the mean of its class.
    """

    cite = (
        "Sener, Savarese: Active learning for CNNs, ICLR 2018; first centre as DC's author says in issue 21 of its code"
    )

    def rule(self, settings: FeatureSettings) -> Rule:  # noqa: ARG002  (there is one)
        """Return `farthest_first`."""
        return farthest_first
