"""The protocol of DC: short, without augmentation. Most published coreset rows were made under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dcbench import Protocol, TrainingRecipe
from dcbench_plugins.protocols.shared import vico_milestones

if TYPE_CHECKING:
    from dcbench import DatasetInfo, NetworkChoice


class DC(Protocol):
    """301 epochs without augmentation; 1001 with it: MNIST, and every dataset on a ConvNet with batch norm.

    On MNIST each image gets one of crop, scale and rotate. On a ConvNet with batch norm each gets crop or noise,
    whatever the dataset (``get_daparam`` in ``utils.py``, and ``main.py``, which trains for longer where there is an
    augmentation). The code has this for its ``ConvNetBN`` alone, and not for other networks with batch norm.
    """

    cite: ClassVar[str] = (
        "Zhao et al., Dataset Condensation with Gradient Matching, ICLR 2021; github.com/VICO-UoE/DatasetCondensation"
    )

    def recipe(self, info: DatasetInfo, ipc: int, factor: int) -> TrainingRecipe:  # noqa: ARG002  (the contract)
        """Return the recipe; it is the same for every *ipc* and *factor*."""
        return _recipe(info, "crop_scale_rotate" if info.name == "mnist" else "")

    def recipe_on(self, network: NetworkChoice, info: DatasetInfo, ipc: int, factor: int) -> TrainingRecipe:
        """Return the recipe; a ConvNet with batch norm has one of its own."""
        if network.record.startswith("convnet") and network.settings.get("norm") == "batch":
            return _recipe(info, "crop_noise")
        return self.recipe(info, ipc, factor)


def _recipe(info: DatasetInfo, strategy: str) -> TrainingRecipe:
    epochs = 1001 if strategy else 301
    return TrainingRecipe(
        epochs=epochs,
        batch_size=256,
        milestones=vico_milestones(epochs),
        gamma=0.1,
        reset_momentum=True,
        augmentation="dc-spline" if strategy else "none",
        strategy=strategy,
        mean=info.mean,
        std=info.std,
        repeats=20,
    )
