"""A short protocol, for digits and first tries: no published number was made under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dcbench import Protocol, TrainingRecipe
from dcbench_plugins.protocols.shared import idc_milestones

if TYPE_CHECKING:
    from dcbench import DatasetInfo

_PASSES = 15_000


class Short(Protocol):
    """50 to 300 epochs, fewer for larger sets, so that a network sees about 15,000 images whatever the IPC."""

    cite: ClassVar[str] = "dcbench; the schedule follows IDC"

    def recipe(self, info: DatasetInfo, ipc: int, factor: int) -> TrainingRecipe:
        """Return the recipe for ``classes * ipc * factor**2`` training images."""
        images = info.classes * ipc * factor**2
        epochs = max(50, min(300, _PASSES // images))
        return TrainingRecipe(
            epochs=epochs,
            batch_size=64,
            milestones=idc_milestones(epochs),
            gamma=0.2,
            augmentation="diffaug",
            # Without flip, colour and cutout: right for digits and harmless elsewhere.
            strategy="crop_scale_rotate",
            mean=info.mean,
            std=info.std,
            repeats=3,
        )
