"""The protocol of the default run: short enough for several sets of each method, and no published number is its."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dcbench import Protocol, TrainingRecipe
from dcbench_plugins.protocols.shared import idc_milestones

if TYPE_CHECKING:
    from dcbench import DatasetInfo

_PASSES = 10_000


class Quick(Protocol):
    """50 to 200 epochs, fewer for larger sets, so that a network sees about 10,000 images, and two networks for a set.

    What decides a comparison is the number of sets: two networks on each of six say more than six on each of two.
    """

    cite: ClassVar[str] = "dcbench; the schedule follows IDC"

    def recipe(self, info: DatasetInfo, ipc: int, factor: int) -> TrainingRecipe:
        """Return the recipe for ``classes * ipc * factor**2`` training images."""
        images = info.classes * ipc * factor**2
        epochs = max(50, min(200, _PASSES // images))
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
            repeats=2,
        )
