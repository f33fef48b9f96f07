"""The protocol of IDC for subsets of ImageNet: fewer epochs the larger the set, photographs cropped and coloured."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dcbench import Protocol, RequestError, TrainingRecipe
from dcbench_plugins.protocols.shared import idc_milestones

if TYPE_CHECKING:
    from dcbench import DatasetInfo

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

_EPOCHS = ((1, 3000), (10, 2000), (50, 1500), (200, 1000), (500, 500))
_EVALUATIONS = 4


class IDCImageNet(Protocol):
    """Crop, flip, jitter and lighting, and CutMix in every batch, with the statistics of ImageNet.

    The number of epochs falls with the training images per class, IPC x factor**2. From 100 classes on it is a third
    less, in full hundreds, and batch size, learning rate and weight decay are others (``argument.py`` of the IDC code).
    Table 3 of the M3D paper trains three networks.
    """

    cite: ClassVar[str] = (
        "Kim et al., Dataset Condensation via Efficient Synthetic-Data Parameterization, ICML 2022; "
        "github.com/snu-mllab/Efficient-Dataset-Condensation"
    )

    def recipe(self, info: DatasetInfo, ipc: int, factor: int) -> TrainingRecipe:
        """Return the recipe.

        Raises:
            RequestError: the images are not in colour, or must not be mirrored.
        """
        if info.shape[0] != 3 or not info.mirror_ok:
            raise RequestError(f"it colours and mirrors images, which {info.name} does not allow")
        many = info.classes >= 100
        epochs = next((epochs for most, epochs in _EPOCHS if ipc * factor**2 <= most), 300)
        epochs = epochs * 2 // 3 // 100 * 100 if many else epochs
        return TrainingRecipe(
            epochs=epochs,
            batch_size=128 if many else 64,
            lr=0.1 if many else 0.01,
            weight_decay=1e-4 if many else 5e-4,
            milestones=idc_milestones(epochs),
            gamma=0.2,
            augmentation="imagenet",
            cutmix=1.0,
            mean=MEAN,
            std=STD,
            best_of=tuple(epochs * part // _EVALUATIONS for part in range(1, _EVALUATIONS + 1)),
            repeats=3,
        )
