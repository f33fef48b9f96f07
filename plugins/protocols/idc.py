"""The protocol of IDC for images of up to 64 pixels: long, with DiffAug and CutMix, and exceptions for two datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dcbench import Protocol, TrainingRecipe
from dcbench.toolbox.recipes import idc_statistics
from dcbench_plugins.protocols.shared import allowed, idc_milestones

if TYPE_CHECKING:
    from dcbench import DatasetInfo

_EPOCHS = 1000


class IDC(Protocol):
    """1000 epochs with DiffAug and CutMix in every second batch."""

    cite: ClassVar[str] = (
        "Kim et al., Dataset Condensation via Efficient Synthetic-Data Parameterization, ICML 2022; "
        "github.com/snu-mllab/Efficient-Dataset-Condensation"
    )

    def recipe(self, info: DatasetInfo, ipc: int, factor: int) -> TrainingRecipe:
        """Return the recipe.

        MNIST with a *factor* above 1, and SVHN with factor 1 at *ipc* 1, train without CutMix and with a strategy of
        their own (``misc/reproduce.py`` and ``test.py`` of the IDC code, there for sets of IDC alone).
        """
        strategy, cutmix = "color_crop_cutout_flip_scale_rotate", 0.5
        if info.name == "mnist" and factor > 1:
            strategy, cutmix = "color_crop_scale_rotate", 0.0
        elif info.name == "svhn" and factor == 1 and ipc == 1:
            strategy, cutmix = "color_crop_cutout_scale_rotate", 0.0
        mean, std = idc_statistics(info)
        return TrainingRecipe(
            epochs=_EPOCHS,
            batch_size=64,
            milestones=idc_milestones(_EPOCHS),
            gamma=0.2,
            augmentation="diffaug",
            strategy=allowed(strategy, info),
            cutmix=cutmix,
            mean=mean,
            std=std,
            best_of=(250, 500, 750, 1000),
            repeats=5,
        )
