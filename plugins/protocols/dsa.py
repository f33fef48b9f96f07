"""The protocol of DSA and DM: long, with one operation of differentiable siamese augmentation for each batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dcbench import Protocol, TrainingRecipe
from dcbench_plugins.protocols.shared import allowed, vico_milestones

if TYPE_CHECKING:
    from dcbench import DatasetInfo

_EPOCHS = 1001


class DSA(Protocol):
    """1001 epochs with DSA."""

    cite: ClassVar[str] = (
        "Zhao and Bilen, Dataset Condensation with Differentiable Siamese Augmentation, ICML 2021; "
        "github.com/VICO-UoE/DatasetCondensation"
    )

    def recipe(self, info: DatasetInfo, ipc: int, factor: int) -> TrainingRecipe:  # noqa: ARG002  (the contract)
        """Return the recipe; it is the same for every *ipc* and *factor*."""
        return TrainingRecipe(
            epochs=_EPOCHS,
            batch_size=256,
            milestones=vico_milestones(_EPOCHS),
            gamma=0.1,
            reset_momentum=True,
            augmentation="dsa",
            strategy=allowed("color_crop_cutout_flip_scale_rotate", info),
            mean=info.mean,
            std=info.std,
            # DM trains 5 networks for each of 5 sets, DSA 20: five keep a cell of 1001 epochs affordable.
            repeats=5,
        )
