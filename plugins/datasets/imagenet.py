"""Subsets of ImageNet, read from the usual folders of its image files.

They lie below the data folder, each class in a folder named by its WordNet identifier::

    imagenet/train/<wnid>/*, imagenet/val/<wnid>/*          imagenet10, imagenet100: two lists out of the 1,000 classes
    imagenette2/train/<wnid>/*, imagenette2/val/<wnid>/*    imagenette, and other editions under names of their own
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, cast

from pydantic import Field

import dcbench
from dcbench import DatasetInfo, RequestError
from dcbench.toolbox.recipes import usual_network
from dcbench_plugins.datasets.files import missing
from dcbench_plugins.datasets.folder_images import Form
from dcbench_plugins.datasets.image_folder import ImageFolder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dcbench import Split

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Of ImageNet, as the field uses them for its subsets too (code of IDC)."""
SIZE = 224
"""Side in pixels at which the subsets are published."""
SPLIT_NAMES: Mapping[Split, str] = {"train": "training", "test": "test"}
FULL_SIZE = "imagenette2"
"""Folder of the edition of Imagenette that holds the images as they are in ImageNet."""

IMAGENET100 = tuple(
    """
    n02869837 n01749939 n02488291 n02107142 n13037406 n02091831 n04517823 n04589890 n03062245 n01773797 n01735189
    n07831146 n07753275 n03085013 n04485082 n02105505 n01983481 n02788148 n03530642 n04435653 n02086910 n02859443
    n13040303 n03594734 n02085620 n02099849 n01558993 n04493381 n02109047 n04111531 n02877765 n04429376 n02009229
    n01978455 n02106550 n01820546 n01692333 n07714571 n02974003 n02114855 n03785016 n03764736 n03775546 n02087046
    n07836838 n04099969 n04592741 n03891251 n02701002 n03379051 n02259212 n07715103 n03947888 n04026417 n02326432
    n03637318 n01980166 n02113799 n02086240 n03903868 n02483362 n04127249 n02089973 n03017168 n02093428 n02804414
    n02396427 n04418357 n02172182 n01729322 n02113978 n03787032 n02089867 n02119022 n03777754 n04238763 n02231487
    n03032252 n02138441 n02104029 n03837869 n03494278 n04136333 n03794056 n03492542 n02018207 n04067472 n03930630
    n03584829 n02123045 n04229816 n02100583 n03642806 n04336792 n03259280 n02116738 n02108089 n03424325 n01855672
    n02090622
    """.split()  # noqa: SIM905  (a hundred quoted names read worse)
)
"""ImageNet-100 of IDC (``class100.txt`` of its code). M3D condenses it in five parts of 20 classes in this order."""

IMAGENET10 = IMAGENET100[:10]
"""ImageNet-10 of IDC."""

IMAGENETTE = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}
"""Imagenette (Howard, 2019; github.com/fastai/imagenette) with the names it gives its classes."""


class ImageNetSettings(dcbench.Settings):
    """How large the images are."""

    size: int = Field(SIZE, ge=1)
    """Side in pixels: the shorter side is resized to it, then the centre is cut out. Any but 224 stands in the name
    of the dataset, such as ``imagenet10-64px``."""


class ImagenetteSettings(ImageNetSettings):
    """How large the images are, and which edition they come from."""

    folder: str = Field("", pattern=r"^[\w.+-]*$")
    """Folder below the data folder. Unset: ``imagenette2``, or else the only one called ``imagenette2...``."""


class ImageNetSubset(ImageFolder):
    """Some classes of ImageNet, in RGB, with the validation images as test split.

    As in the IDC code the shorter side becomes 224 pixels (bilinear with antialiasing), then the centre is cut out.
    """

    Settings: ClassVar[type[dcbench.Settings]] = ImageNetSettings
    folders: ClassVar[Mapping[Split, tuple[str, ...]]] = {"train": ("train",), "test": ("val",)}
    subset: ClassVar[str]
    """Name of the dataset in lists."""
    wanted: ClassVar[tuple[str, ...]]
    class_names: ClassVar[tuple[str, ...]]
    usual_counts: ClassVar[tuple[int, int]] = (1300, 50)
    """Training and test images of most classes of ImageNet."""
    full_counts: ClassVar[Mapping[Split, range]] = {"train": range(732, 1301), "test": range(50, 51)}
    """Between which numbers of images lie the classes of all of ImageNet (ILSVRC 2012: Russakovsky et al., 2015)."""

    def present(self) -> bool:
        """Say whether the folders of both splits are there; they are not looked into."""
        try:
            return all((self._path / part).is_dir() for (part,) in self.folders.values())
        except RequestError:
            return False

    def info(self) -> DatasetInfo:
        """Describe the dataset: counts from the listing, all else from constants; no image is opened.

        Raises:
            MissingDataError: the folder, a split or a class of it is not there.
            UnreadableDataError: a class has no images.
            RequestError: several folders may be meant.
        """
        return self._described(self._name, self._listing("train").counts, self._listing("test").counts)

    def expected(self) -> DatasetInfo:
        """Describe the full subset, as if each class had as many images as most have."""
        train, test = ((count,) * len(self.class_names) for count in self.usual_counts)
        return self._described(self.subset if self._size == SIZE else f"{self.subset}-{self._size}px", train, test)

    def differs(self) -> str:
        """Say for which classes the folder holds fewer or more images than ImageNet has."""
        return "; ".join(filter(None, map(self._odd_classes, self.folders)))

    def _odd_classes(self, split: Split) -> str:
        full, counts = self.full_counts[split], self._listing(split).counts
        odd = [(name, count) for name, count in zip(self.wanted, counts, strict=True) if count not in full]
        if not odd:
            return ""
        span = f"{full.start} to {full.stop - 1:,}" if len(full) > 1 else f"{full.start}"
        name, count = odd[0]
        of = f"{len(odd)} of {len(counts)} classes do not have the {span} {SPLIT_NAMES[split]} images of ImageNet"
        return f"{of}: {name} has {count:,}"

    def _described(self, name: str, train_counts: tuple[int, ...], test_counts: tuple[int, ...]) -> DatasetInfo:
        return DatasetInfo(
            name=name,
            shape=self._form_of(name).shape,
            class_names=self.class_names,
            train_counts=train_counts,
            test_counts=test_counts,
            mean=MEAN,
            std=STD,
            default_protocol="idc-imagenet",
            default_network=usual_network(self._size),
        )

    @cached_property
    def _path(self) -> Path:
        return self._existing(self.root / "imagenet")

    @property
    def _edition(self) -> str:
        """The name of these images at 224 pixels."""
        return self.subset

    @property
    def _name(self) -> str:
        return self._edition if self._size == SIZE else f"{self._edition}-{self._size}px"

    @property
    def _size(self) -> int:
        return cast("ImageNetSettings", self.settings).size

    @property
    def _form(self) -> Form:
        return self._form_of(self._name)

    def _form_of(self, name: str) -> Form:
        # As in the IDC code, which reads by torchvision, no image is turned as its EXIF tag says.
        return Form(name, self._size, 3, resize=True, grey_by_guess=False, upright=False)

    def _existing(self, folder: Path) -> Path:
        if not folder.is_dir():
            parts = [f"{folder.name}/{part}/<wnid>/*" for (part,) in self.folders.values()]
            raise missing(self.subset, parts, self.root)
        return folder


class ImageNet10(ImageNetSubset):
    """The ten classes of ImageNet-10."""

    subset = "imagenet10"
    wanted = class_names = IMAGENET10


class ImageNet100(ImageNetSubset):
    """The hundred classes of ImageNet-100."""

    subset = "imagenet100"
    wanted = class_names = IMAGENET100


class Imagenette(ImageNetSubset):
    """Ten easy classes of ImageNet.

    The full-size edition ``imagenette2`` is called ``imagenette``. Images of any other were resized and compressed
    once more: numbers made on them stand under the name of their folder, such as ``imagenette2-320``.
    """

    Settings: ClassVar[type[dcbench.Settings]] = ImagenetteSettings
    subset = "imagenette"
    wanted = tuple(IMAGENETTE)
    class_names = tuple(f"{wnid} {name}" for wnid, name in IMAGENETTE.items())
    usual_counts = (950, 390)
    full_images: ClassVar[Mapping[Split, int]] = {"train": 9469, "test": 3925}
    """Images of imagenette2, in every size."""

    def differs(self) -> str:
        """Say how many images the folder holds, where that is not all of them."""
        odd = []
        for split, full in self.full_images.items():
            found = sum(self._listing(split).counts)
            if found != full:
                odd.append(f"{found:,} {SPLIT_NAMES[split]} images are there, not {full:,}")
        return "; ".join(odd)

    @cached_property
    def _path(self) -> Path:
        full = self.root / FULL_SIZE
        given = cast("ImagenetteSettings", self.settings).folder
        if given or full.is_dir():
            return self._existing(self.root / (given or FULL_SIZE))
        found = sorted(path for path in self.root.glob(f"{FULL_SIZE}*") if path.is_dir())
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise RequestError(f"imagenette: {self.root} holds {names}; choose one with --set imagenette.folder=NAME")
        return self._existing(found[0] if found else full)

    @property
    def _edition(self) -> str:
        return self.subset if self._path.name == FULL_SIZE else self._path.name
