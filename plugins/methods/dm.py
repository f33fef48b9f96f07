"""DM: match the mean features of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

import dcbench
from dcbench import Origin
from dcbench.toolbox.matching import MatchingSettings, match, moment_distance, snapshot_steps, validate
from dcbench.toolbox.matching.shared_settings import BatchReal, Iterations, Semantics, Strategy
from dcbench.toolbox.recipes import (
    LARGE,
    LARGE_NETWORK,
    LOW_RESOLUTION,
    TINY,
    TINY_NETWORK,
    TINY_NETWORK_ORIGIN,
    origins_at,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcbench import CondensedSet, DatasetInfo, Task

_DEFAULT = Origin("published", "code, default in main_DM.py")
_LOOP = Origin("published", "code, the loop of main_DM.py")
_ORIGINS = {
    **dict.fromkeys(("iterations", "batch_real"), _DEFAULT),
    **dict.fromkeys(("order", "momentum", "iterations_per_model", "batch_syn_max", "factor"), _LOOP),
    "lr": Origin("published", "code, default in main_DM.py; README: on CIFAR-10 10 from IPC 100 on"),
    "init": Origin("published", "code, README: real images"),
    "network": Origin("published", "code, README: ConvNet, of depth 3"),
    "augmentation": Origin("published", "code, DiffAugment of utils.py in its single mode"),
    "strategy": Origin("published", "code, README; no flip for digits"),
}
_TENFOLD = 100
_LARGE_IMAGES = {"network": Origin("extrapolated", "from Table 3 of the M3D paper, which has dm on ResNetAP-10")}
_TINY_IMAGES = {
    **dict.fromkeys(("iterations", "batch_real"), Origin("chosen", "a short run on one CPU core")),
    "network": TINY_NETWORK_ORIGIN,
}


class DMSettings(MatchingSettings):
    """Settings of DM; the defaults are those of the published code."""

    added_later: ClassVar[frozenset[str]] = frozenset({"order"})

    order: int = Field(
        1, ge=1, le=3, description="highest moment that is matched: 1 mean, as published, 2 variance, 3 third moment"
    )
    iterations: Iterations = 20_000
    batch_real: BatchReal = 256
    augmentation: Semantics = "dsa"
    strategy: Strategy = "color_crop_cutout_flip_scale_rotate"


class DM(dcbench.Method[DMSettings]):
    """DM learns normalised, unclamped images with a new random network at each step.

    The loss is the squared distance of the mean features of real and synthetic images, summed over classes.
    """

    cite = "Zhao and Bilen, Dataset Condensation with Distribution Matching, WACV 2023"
    Settings: ClassVar[type[dcbench.Settings]] = DMSettings
    by_class: ClassVar[bool] = True

    def settings_for(self, info: DatasetInfo, ipc: int) -> DMSettings:
        """Return the values of the published code; below 16 pixels, where nothing is published, a short run.

        They are the same at every IPC but for the learning rate on CIFAR-10, which is tenfold from IPC 100 on. From 128
        pixels on the network is the one under which the M3D paper reports DM.
        """
        size = info.shape[-1]
        if size < TINY:
            return DMSettings(iterations=100, batch_real=64, network=TINY_NETWORK)
        if size >= LARGE:
            return DMSettings(network=LARGE_NETWORK)
        return DMSettings(lr=10.0 if info.name == "cifar10" and ipc >= _TENFOLD else 1.0)

    def origins_for(self, info: DatasetInfo, ipc: int) -> Mapping[str, Origin]:
        """Return where the values of `settings_for` come from."""
        size = info.shape[-1]
        origins = origins_at(info, ipc, _ORIGINS, datasets=LOW_RESOLUTION, ipcs=(1, 10, 50))
        if size < TINY:
            return origins | _TINY_IMAGES
        return origins | _LARGE_IMAGES if size >= LARGE else origins

    def validate(self, info: DatasetInfo, ipc: int, settings: DMSettings) -> None:
        """Refuse what `dcbench.toolbox.matching.validate` refuses."""
        validate(info, ipc, settings)

    def snapshot_steps(self, settings: DMSettings) -> tuple[int, ...]:
        """Return the steps at which the matching loop keeps its set."""
        return snapshot_steps(settings.iterations)

    def condense(self, task: Task, settings: DMSettings) -> CondensedSet:
        """Match mean features, one step for all classes, in normalised space."""
        return match(task, settings, objective=moment_distance(settings.order), space="normalised", sequential=False)
