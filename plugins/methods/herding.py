"""Herding: training images whose features stand for the mean of their class."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from pydantic import Field

from dcbench import Origin
from dcbench.toolbox.recipes import IMAGENET_SUBSETS
from dcbench.toolbox.selection import FeatureSelection, FeatureSettings, first_least, inner_products, squared_norms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from dcbench.toolbox.selection import Rule


def herd(rows: Tensor, present: Tensor, count: int) -> Tensor:
    """Choose rows one by one so that the mean of the chosen ones follows the mean of all, in each class.

    With m the mean feature, the k-th choice (from 0) is the image not yet chosen that is nearest to (k + 1) m minus the
    sum of those chosen so far. With m subtracted from all rows, it has the least norm of sum plus row.

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


def nearest_to_mean(rows: Tensor, present: Tensor, count: int) -> Tensor:
    """Choose the rows that are nearest to the mean, each by itself, in each class.

    Args:
        rows: (classes, n, D) float64, centred.
        present: (classes, n) bool, which of them may be chosen.
        count: how many of each class.

    Returns:
        (classes, count) int64, the nearest first. Of tied rows the first is chosen, and none twice.
    """
    norms = squared_norms(rows)
    scale = norms.amax(1, keepdim=True)
    left = norms.masked_fill(~present, torch.inf)
    picks: list[Tensor] = []
    for _ in range(count):
        picks.append(first_least(left, scale))
        left.scatter_(1, picks[-1], torch.inf)
    return torch.cat(picks, 1)


RULES: dict[str, Rule] = {"greedy": herd, "nearest": nearest_to_mean}


class HerdingSettings(FeatureSettings):
    """The feature network, and how the images are chosen in its features."""

    added_later: ClassVar[frozenset[str]] = FeatureSettings.added_later | {"rule"}

    rule: Literal["greedy", "nearest"] = Field(
        "greedy",
        description="greedy: each choice brings the mean of the chosen images nearer to that of the class; nearest: "
        "the images that are nearest to that mean by themselves",
    )


class Herding(FeatureSelection[HerdingSettings]):
    """Herding in the feature space of a network trained on the whole training set, class by class.

    Two rules have this name. ``rule="nearest"`` chooses the images that are nearest to the mean, each by itself; these
    are similar to each other. The numbers that papers copy from the DC paper fit this rule (``results/``). At IPC 1
    both rules choose the same image.
    """

    cite = "Welling: Herding dynamical weights to learn, ICML 2009; rule as in the coreset code of IDC (ICML 2022)"
    Settings = HerdingSettings
    published_for = frozenset({"cifar10", "svhn"}) | IMAGENET_SUBSETS
    further_origins: ClassVar[Mapping[str, Origin]] = {
        "rule": Origin("published", "code of IDC, coreset.py; and the author of DC in issue 15 of its code")
    }

    def rule(self, settings: HerdingSettings) -> Rule:
        """Return the rule that *settings* name."""
        return RULES[settings.rule]
