"""DM: match the mean features of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

import dcbench
from dcbench.toolbox.matching import MatchingSettings, linear_mmd, match, validate

if TYPE_CHECKING:
    from dcbench import CondensedSet, DatasetInfo, Task


class DMSettings(MatchingSettings):
    """Settings of DM; the defaults are those of the published code."""

    iterations: int = Field(20_000, ge=0, description="matching steps; 0 returns the initialisation")
    batch_real: int = Field(
        256, ge=1, description="real images per class and step; the smallest class bounds it for all classes"
    )
    augmentation: Literal["none", "dsa", "diffaug"] = Field("dsa", description="which semantics the strategy has")
    strategy: str = Field(
        "color_crop_cutout_flip_scale_rotate",
        description="operations joined by underscores; flip is left out where mirrors are wrong",
    )


class DM(dcbench.Method):
    """DM learns normalised, unclamped images with a new random network at each step.

    The loss is the squared distance of the mean features of real and synthetic images, summed over classes.
    """

    cite = "Zhao and Bilen, Dataset Condensation with Distribution Matching, WACV 2023"
    Settings: ClassVar[type[dcbench.Settings]] = DMSettings
    by_class: ClassVar[bool] = True

    def settings_for(self, info: DatasetInfo, ipc: int) -> DMSettings:  # noqa: ARG002  (the same at every IPC)
        """Return the values of the published code; below 16 pixels, where nothing is published, a short run."""
        if info.shape[-1] < 16:
            return DMSettings(iterations=100, batch_real=64)
        return DMSettings()

    def validate(self, info: DatasetInfo, ipc: int, settings: Any) -> None:
        """Refuse what `dcbench.toolbox.matching.validate` refuses."""
        validate(info, ipc, settings)

    def condense(self, task: Task, settings: Any) -> CondensedSet:
        """Match mean features, one step for all classes, in normalised space."""
        return match(task, settings, objective=linear_mmd, space="normalised", sequential=False)
