"""The protocol of M3D for images of up to 64 pixels: that of IDC, with one strategy for every dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dcbench import Protocol, TrainingRecipe
from dcbench.toolbox.recipes import idc_statistics
from dcbench_plugins.protocols.shared import allowed, idc_milestones

if TYPE_CHECKING:
    from dcbench import DatasetInfo

_EPOCHS = 1000


class M3D(Protocol):
    """1000 epochs with DiffAug and CutMix in every second batch.

    Epochs and strategy are those of the evaluation line in the README of the release (settings files of a derived work
    have 1500 epochs). That line leaves the batch size to the default of its script, 128; here it is 64, the default of
    ``misc/cfg.py``, with which the code evaluates while it condenses. Ten networks are those of Table 2.
    """

    cite: ClassVar[str] = (
        "Zhang et al., M3D: Dataset Condensation by Minimizing Maximum Mean Discrepancy, AAAI 2024; "
        "github.com/Hansong-Zhang/M3D"
    )

    def recipe(self, info: DatasetInfo, ipc: int, factor: int) -> TrainingRecipe:  # noqa: ARG002  (the contract)
        """Return the recipe; it is the same for every *ipc* and *factor*."""
        mean, std = idc_statistics(info)
        return TrainingRecipe(
            epochs=_EPOCHS,
            batch_size=64,
            milestones=idc_milestones(_EPOCHS),
            gamma=0.2,
            augmentation="diffaug",
            strategy=allowed("color_crop_flip_scale_rotate", info),
            cutmix=0.5,
            mean=mean,
            std=std,
            best_of=(500, 1000),
            repeats=10,
        )
