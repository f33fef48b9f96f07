"""K-means: one training image for each of IPC clusters of a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from pydantic import Field
from sklearn import cluster
from threadpoolctl import threadpool_limits

from dcbench import CondensedSet, Method, Origin, derive_seed
from dcbench.toolbox.selection import FeatureSettings, check_ipc, class_features, recommended, recommended_origins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from dcbench import DatasetInfo, Task


def nearest_to_centres(features: Tensor, count: int, *, starts: int, seed: int) -> Tensor:
    """Cluster *features* and choose the row nearest to each centre, none twice.

    Centres are served in scikit-learn's order; a row that lies nearest to two of them goes to the first.

    Args:
        features: (n, D), n at least *count*.
        count: how many clusters, and rows to choose.
        starts: runs from different k-means++ centres; the one with the least sum of squared distances counts.
        seed: in [0, 2**32).

    Returns:
        (count,) int64, different positions along n.
    """
    rows = features.detach().cpu().double()
    # One thread: several add up their sums in the order in which they happen to end.
    with threadpool_limits(1):
        centres = cluster.KMeans(count, n_init=starts, random_state=seed).fit(rows.numpy()).cluster_centers_
    distances = torch.cdist(torch.from_numpy(centres), rows)
    picks = []
    for own in distances:
        picks.append(own.argmin())
        distances[:, picks[-1]] = torch.inf
    return torch.stack(picks)


class KMeans(Method):
    """The training images nearest to the centres of k-means, class by class, with k = IPC.

    Images are compared by the embedding of a network trained on the whole training set, the one that herding and
    k-center use: a run with several of these methods trains it once.
    """

    cite = (
        "Lloyd, Least squares quantization in PCM, IEEE Trans. Inf. Theory 1982, started as by Arthur and "
        "Vassilvitskii, k-means++, SODA 2007; a baseline of Cui et al., DC-BENCH, NeurIPS 2022"
    )
    by_class = True

    class Settings(FeatureSettings):
        """The feature network, and how often k-means is tried."""

        starts: int = Field(4, ge=1, description="runs of k-means from different centres, the best of which counts")

    def settings_for(self, info: DatasetInfo, ipc: int) -> Settings:  # noqa: ARG002  (all IPCs share a network)
        """Return the settings whose feature network the built-in selections use too."""
        return self.Settings(**recommended(info).model_dump())

    def origins_for(self, info: DatasetInfo, ipc: int) -> Mapping[str, Origin]:
        """Return where the values of `settings_for` come from."""
        return {**recommended_origins(info, ipc), "starts": Origin("chosen", "one start can end in a poor clustering")}

    def validate(self, info: DatasetInfo, ipc: int, settings: Any) -> None:  # noqa: ARG002  (any settings will do)
        """Refuse more images than the smallest class has."""
        check_ipc(info, ipc)

    def condense(self, task: Task, settings: Settings) -> CondensedSet:
        """Select ``task.ipc`` images of each class."""
        chosen = []
        for label, features in zip(task.classes, class_features(task, settings), strict=True):
            seed = derive_seed(purpose="k-means", seed=task.seed, label=label) % 2**32
            picks = nearest_to_centres(features, task.ipc, starts=settings.starts, seed=seed)
            chosen.append(task.train.class_index[label][picks])
        return CondensedSet.selection(torch.cat(chosen), task.train)
