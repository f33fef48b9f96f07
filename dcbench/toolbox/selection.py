"""Choosing training images in a feature space: what such methods share, so that first picks and ties agree."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import torch

from dcbench import CondensedSet, Method, RequestError
from dcbench.toolbox.features import FeatureSettings, class_features, recommended

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench import DatasetInfo, Task

ROUNDING = 1e-12
"""Values closer than this share of their scale are tied; float64 sums of 10^5 terms err by far less."""


class FeatureSelection(Method):
    """A method that chooses images class by class in the feature space of a network trained on the whole training set.

    A subclass says how to choose. All of them share one feature network per replicate while their settings agree.
    """

    Settings = FeatureSettings

    @staticmethod
    @abstractmethod
    def choose(features: Tensor, count: int) -> Tensor:
        """Return *count* different positions (int64) among the *features* (n, D) of one class."""

    def settings_for(self, info: DatasetInfo, ipc: int) -> FeatureSettings:  # noqa: ARG002  (all IPCs share a network)
        """Return settings that depend on the dataset alone, so that all IPCs share one feature network."""
        return recommended(info)

    def validate(self, info: DatasetInfo, ipc: int, settings: FeatureSettings) -> None:  # noqa: ARG002
        """Refuse more images than the smallest class has."""
        check_ipc(info, ipc)

    def condense(self, task: Task, settings: FeatureSettings) -> CondensedSet:
        """Select ``task.ipc`` images of each class, in the order of choice."""
        picks = [indices[self.choose(features, task.ipc)] for indices, features in class_features(task, settings)]
        return CondensedSet.selection(torch.cat(picks), task.train)


def check_ipc(info: DatasetInfo, ipc: int) -> None:
    """Refuse to select more images than the smallest class has.

    Raises:
        RequestError: with the largest IPC that would do.
    """
    smallest = min(info.train_counts)
    if ipc > smallest:
        name = info.class_names[info.train_counts.index(smallest)]
        raise RequestError(
            f"IPC {ipc} is more than {info.name} has: "
            f"class {name} has {smallest} training images, so at most --ipc {smallest}"
        )


def centred(features: Tensor) -> Tensor:
    """Return *features* (n, D) minus their mean row, in float64.

    Distances stay what they are, and the expanded squares used for them lose no digits to a common offset.
    """
    rows = features.double()
    return rows - rows.mean(0)


def first_least(values: Tensor, scale: Tensor) -> int:
    """Return the lowest index whose value is the least of *values* (n,), up to rounding.

    Identical images get values that differ in the last bits, in a way that depends on the machine; a plain argmin would
    pick one of them by chance.

    Args:
        values: (n,) float64; infinite where a row must not be chosen.
        scale: size of the terms that the values were summed from.

    Raises:
        ValueError: no value is finite, or one is NaN.
    """
    least = values.min()
    if not least.isfinite():
        raise ValueError("no row can be chosen: none is left, or a feature is not a number")
    tied = values <= least + ROUNDING * scale
    return int(tied.nonzero()[0, 0])
