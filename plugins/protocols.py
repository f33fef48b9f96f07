"""Training protocols: those of the papers, and two that are short."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dcbench import Protocol, ProtocolRecord, RequestError, TrainingRecipe, hookimpl
from dcbench.toolbox.recipes import idc_statistics

if TYPE_CHECKING:
    from dcbench import DatasetInfo, NetworkChoice

_HERE = "dcbench_plugins.protocols"

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_IMAGENET_EPOCHS = ((1, 3000), (10, 2000), (50, 1500), (200, 1000), (500, 500))
"""Training images per class, at most, and epochs; 300 for more (``argument.py`` of the IDC code)."""


@hookimpl
def dcbench_protocols() -> list[ProtocolRecord]:
    """Return the built-in protocols."""
    return [
        ProtocolRecord(name="dc", summary="DC: 301 epochs, no augmentation but for MNIST", target=f"{_HERE}:DC"),
        ProtocolRecord(name="dsa", summary="DSA and DM: 1001 epochs, one operation a batch", target=f"{_HERE}:DSA"),
        ProtocolRecord(name="idc", summary="IDC: 1000 epochs, DiffAug and CutMix", target=f"{_HERE}:IDC"),
        ProtocolRecord(
            name="m3d", summary="M3D: as IDC, without its exceptions for MNIST and SVHN", target=f"{_HERE}:M3D"
        ),
        ProtocolRecord(
            name="idc-imagenet",
            summary="IDC on ImageNet subsets: 300 to 3000 epochs, photographs cropped and coloured, CutMix",
            target=f"{_HERE}:IDCImageNet",
        ),
        ProtocolRecord(
            name="quick",
            summary="50 to 200 epochs with light augmentation, two networks a set, for comparisons in minutes",
            target=f"{_HERE}:Quick",
        ),
        ProtocolRecord(
            name="short",
            summary="50 to 300 epochs with light augmentation, for digits and first tries",
            target=f"{_HERE}:Short",
        ),
    ]


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
        return _dc_recipe(info, "crop_scale_rotate" if info.name == "mnist" else "")

    def recipe_on(self, network: NetworkChoice, info: DatasetInfo, ipc: int, factor: int) -> TrainingRecipe:
        """Return the recipe; a ConvNet with batch norm has one of its own."""
        if network.record.startswith("convnet") and network.settings.get("norm") == "batch":
            return _dc_recipe(info, "crop_noise")
        return self.recipe(info, ipc, factor)


def _dc_recipe(info: DatasetInfo, strategy: str) -> TrainingRecipe:
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


class DSA(Protocol):
    """1001 epochs with DSA."""

    cite: ClassVar[str] = (
        "Zhao and Bilen, Dataset Condensation with Differentiable Siamese Augmentation, ICML 2021; "
        "github.com/VICO-UoE/DatasetCondensation"
    )

    def recipe(self, info: DatasetInfo, ipc: int, factor: int) -> TrainingRecipe:  # noqa: ARG002  (the contract)
        """Return the recipe; it is the same for every *ipc* and *factor*."""
        return TrainingRecipe(
            epochs=1001,
            batch_size=256,
            milestones=vico_milestones(1001),
            gamma=0.1,
            reset_momentum=True,
            augmentation="dsa",
            strategy=allowed("color_crop_cutout_flip_scale_rotate", info),
            mean=info.mean,
            std=info.std,
            # DM trains 5 networks for each of 5 sets, DSA 20: five keep a cell of 1001 epochs affordable.
            repeats=5,
        )


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
            epochs=1000,
            batch_size=64,
            milestones=idc_milestones(1000),
            gamma=0.2,
            augmentation="diffaug",
            strategy=allowed(strategy, info),
            cutmix=cutmix,
            mean=mean,
            std=std,
            best_of=(250, 500, 750, 1000),
            repeats=5,
        )


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
            epochs=1000,
            batch_size=64,
            milestones=idc_milestones(1000),
            gamma=0.2,
            augmentation="diffaug",
            strategy=allowed("color_crop_flip_scale_rotate", info),
            cutmix=0.5,
            mean=mean,
            std=std,
            best_of=(500, 1000),
            repeats=10,
        )


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
        epochs = next((epochs for most, epochs in _IMAGENET_EPOCHS if ipc * factor**2 <= most), 300)
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
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            best_of=tuple(epochs * part // 4 for part in range(1, 5)),
            repeats=3,
        )


class _Short(Protocol):
    """Few epochs, fewer for larger sets, with light augmentation: no published number was made so."""

    cite: ClassVar[str] = "dcbench; the schedule follows IDC"
    images_seen: ClassVar[int]
    """About how many images a network sees, whatever the IPC."""
    most_epochs: ClassVar[int]
    networks: ClassVar[int]

    def recipe(self, info: DatasetInfo, ipc: int, factor: int) -> TrainingRecipe:
        """Return the recipe for ``classes * ipc * factor**2`` training images."""
        images = info.classes * ipc * factor**2
        epochs = max(50, min(self.most_epochs, self.images_seen // images))
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
            repeats=self.networks,
        )


class Quick(_Short):
    """50 to 200 epochs, so that a network sees about 10,000 images, and two networks for a set: for the first run.

    What decides a comparison is the number of sets: two networks on each of six say more than six on each of two.
    """

    images_seen = 10_000
    most_epochs = 200
    networks = 2


class Short(_Short):
    """50 to 300 epochs, so that a network sees about 15,000 images, and three networks for a set: for first tries."""

    images_seen = 15_000
    most_epochs = 300
    networks = 3


def without(strategy: str, *operations: str) -> str:
    """Return *strategy* with *operations* left out."""
    return "_".join(name for name in strategy.split("_") if name not in operations)


def allowed(strategy: str, info: DatasetInfo) -> str:
    """Return *strategy* without flip if a mirrored image of *info* may be of another class."""
    return strategy if info.mirror_ok else without(strategy, "flip")


def vico_milestones(epochs: int) -> tuple[int, ...]:
    """Return where the DC, DSA and DM code drops the learning rate in *epochs* epochs.

    That code (``VICO-UoE/DatasetCondensation``, ``utils.py``, ``evaluate_synset``) counts epochs 0..E and lowers the
    rate at the end of epoch E // 2 + 1, so that the next one is the first with the new rate.
    """
    last = epochs - 1
    return (last // 2 + 2,)


def idc_milestones(epochs: int) -> tuple[int, ...]:
    """Return where the IDC code drops the learning rate: after two thirds and five sixths of *epochs*."""
    return (2 * epochs // 3, 5 * epochs // 6)
