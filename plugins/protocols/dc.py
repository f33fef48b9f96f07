"""The protocol of DC: short, without augmentation. Most published coreset rows were made under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dcbench import Protocol, TrainingRecipe
from dcbench_plugins.protocols.shared import vico_milestones

if TYPE_CHECKING:
    from dcbench import DatasetInfo


class DC(Protocol):
    """301 epochs without augmentation; MNIST 1001 epochs with one of crop, scale and rotate for each image."""

    cite: ClassVar[str] = (
        "Zhao et al., Dataset Condensation with Gradient Matching, ICLR 2021; github.com/VICO-UoE/DatasetCondensation"
    )

    def recipe(self, info: DatasetInfo, ipc: int, factor: int) -> TrainingRecipe:  # noqa: ARG002  (the contract)
        """Return the recipe; it is the same for every *ipc* and *factor*."""
        augmented = info.name == "mnist"
        epochs = 1001 if augmented else 301
        return TrainingRecipe(
            epochs=epochs,
            batch_size=256,
            milestones=vico_milestones(epochs),
            gamma=0.1,
            reset_momentum=True,
            augmentation="dc-spline" if augmented else "none",
            strategy="crop_scale_rotate" if augmented else "",
            mean=info.mean,
            std=info.std,
            repeats=20,
        )
