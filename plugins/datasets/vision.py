"""Five standard datasets, read and fetched through torchvision.

They lie as torchvision lays them out below the data folder::

    MNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte           mnist
    FashionMNIST/raw/...                                             fashion-mnist
    svhn/{train,test}_32x32.mat, or next to these folders            svhn
    cifar-10-batches-py/data_batch_1..5, test_batch, batches.meta    cifar10
    cifar-100-python/train, test, meta                               cifar100
"""

from __future__ import annotations

import hashlib
import shutil
import warnings
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from dcbench import Dataset, DatasetInfo, ImageSet, MissingDataError
from dcbench_plugins.datasets.fetching import fetching
from dcbench_plugins.datasets.files import IMAGES, LABELS, idx_damage, missing, other_kind, reason, unreadable
from dcbench_plugins.datasets.standard import INFO, MD5

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from dcbench import Split

AGAIN = "; delete it to have it fetched again"


class VisionDataset(Dataset):
    """A dataset that torchvision knows. torchvision is imported only to read pixels and to fetch files."""

    name: ClassVar[str]
    """Name of the dataset in `INFO`."""
    source: ClassVar[str]
    """Name of the class in ``torchvision.datasets``."""

    def present(self) -> bool:
        """Say whether the official files of both splits are there; nothing is fetched."""
        return self._has("train") and self._has("test")

    def check(self) -> None:
        """Look into the files of both splits, as far as `load` does before it reads them.

        Raises:
            UnreadableDataError: a file is damaged or not the official one.
        """
        self._check_files("train")
        self._check_files("test")

    def info(self) -> DatasetInfo:
        """Describe the dataset from constants; nothing is read."""
        return INFO[self.name]

    def files(self, split: Split) -> Sequence[Path]:
        """Return the official files of *split*, fetched if one is not there.

        Raises:
            MissingDataError: they are not there and cannot be fetched.
        """
        if not self._has(split):
            self._fetch(split)
        return self._paths(split)

    def load(self, split: Split) -> ImageSet:
        """Load one split: images (N, C, H, W), N the sum of the counts in `info`. The other split is not opened.

        Raises:
            MissingDataError: the files are not there and cannot be fetched.
            UnreadableDataError: a file is damaged or not the official one.
        """
        paths = self.files(split)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old file formats make new numpy versions warn
            images, labels = self._read(split, paths)
        self._check(split, images, labels, paths[0])
        return ImageSet(images, labels, self.info().classes)

    @abstractmethod
    def _paths(self, split: Split) -> list[Path]:
        """Return where the files of *split* are or belong."""

    @abstractmethod
    def _check_files(self, split: Split) -> None:
        """Refuse the files of *split*, which are there, where one of them is damaged."""

    @abstractmethod
    def _download(self, split: Split, root: Path) -> None:
        """Let torchvision fetch *split*, laid out below *root* as below the data folder; fails in many ways."""

    @abstractmethod
    def _read(self, split: Split, paths: Sequence[Path]) -> tuple[Tensor, Tensor]:
        """Return images (N, C, H, W) uint8 and labels (N,) int64."""

    def _has(self, split: Split) -> bool:
        return all(path.is_file() for path in self._paths(split))

    def _fetch(self, split: Split) -> None:
        paths = self._paths(split)
        names, folder = [path.name for path in paths], paths[0].parent
        try:
            with fetching(self.name, folder) as temporary:
                if not self._has(split):  # another process may have fetched them in the meantime
                    self._lend_archives(folder, temporary)
                    self._download(split, temporary)
                    self._keep(temporary)
        except Exception as error:  # no network, no room, no right to write, a server's nonsense
            self._say_packed(paths)
            raise missing(self.name, names, folder, error) from error
        if not self._has(split):  # torchvision may lay them out in another way
            raise missing(self.name, names, folder)

    def _say_packed(self, paths: Sequence[Path]) -> None:
        """Refuse files that only have to be unpacked: archives with other checksums are not the ones to fetch."""
        for path in paths:
            packed = path.with_name(f"{path.name}.gz")
            if packed.is_file() and not path.exists():
                raise MissingDataError(f"{self.name}: {packed} is still packed; unpack it with gunzip")

    def _lend_archives(self, folder: Path, root: Path) -> None:
        """Copy archives that a user put into the data folder to where torchvision looks for them below *root*."""
        for archive in {*self.root.glob("*.gz"), *folder.glob("*.gz")}:
            place = root / archive.relative_to(self.root)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(archive, place)

    def _keep(self, fetched: Path) -> None:
        """Move the official files below *fetched* to their places; archives may hold those of both splits."""
        for path in {*self._paths("train"), *self._paths("test")}:
            found = fetched / path.relative_to(self.root)
            if found.is_file():
                found.replace(path)

    def _check(self, split: Split, images: Tensor, labels: Tensor, file: Path) -> None:
        info = self.info()
        expected = (sum(info.train_counts if split == "train" else info.test_counts), *info.shape)
        if tuple(images.shape) != expected or len(labels) != expected[0]:
            found = f"it holds images {tuple(images.shape)} and {len(labels)} labels, the official one {expected}"
            raise unreadable(self.name, file, found + AGAIN)
        if int(labels.min()) < 0 or int(labels.max()) >= info.classes:
            raise unreadable(self.name, file, f"labels go beyond 0..{info.classes - 1}" + AGAIN)


class MNIST(VisionDataset):
    """Handwritten digits (LeCun, Cortes and Burges), 28x28 grey."""

    name, source = "mnist", "MNIST"
    _prefix: ClassVar[dict[Split, str]] = {"train": "train", "test": "t10k"}

    def _paths(self, split: Split) -> list[Path]:
        folder, prefix = self.root / self.source / "raw", self._prefix[split]
        return [folder / f"{prefix}-images-idx3-ubyte", folder / f"{prefix}-labels-idx1-ubyte"]

    def _download(self, split: Split, root: Path) -> None:
        base = _of_torchvision(self.source)
        own = [entry for entry in base.resources if entry[0].startswith(self._prefix[split])]
        _narrowed(base, resources=own)(root, train=split == "train", download=True)

    def differs(self) -> str:
        """Name the files that are not the standard ones, and the dataset that they are of if that is known."""
        paths = [*self._paths("train"), *self._paths("test")]
        sums = {path.name: _md5(path) for path in paths}
        wrong = {name for name, value in sums.items() if value != MD5[self.name][name]}
        if not wrong:
            return ""
        what = f"all {len(paths)} files" if len(wrong) == len(paths) else ", ".join(sorted(wrong))
        are = "is" if len(wrong) == 1 else "are"
        for other, known in MD5.items():
            if all(sums[name] == known[name] for name in wrong):
                return f"{what} in {paths[0].parent} {are} of {other}"
        return f"{what} in {paths[0].parent} {are} not of the standard data"

    def _check_files(self, split: Split) -> None:
        """Refuse a damaged file in words: torchvision would fail wherever it no longer fits."""
        for path, dimensions in zip(self._paths(split), (IMAGES, LABELS), strict=True):
            try:
                damage = idx_damage(path, dimensions)
            except OSError as error:
                raise unreadable(self.name, path, error.strerror or error) from error
            if damage:
                raise unreadable(self.name, path, damage + AGAIN)

    def _read(self, split: Split, paths: Sequence[Path]) -> tuple[Tensor, Tensor]:
        from torchvision.datasets import mnist

        self._check_files(split)
        images = self._part(paths[0], mnist.read_image_file)
        return images.unsqueeze(1), self._part(paths[1], mnist.read_label_file)

    def _part(self, path: Path, read: Callable[[str], Tensor]) -> Tensor:
        try:
            return read(str(path))
        except Exception as error:  # what passed the check may still be a type that torchvision refuses
            raise unreadable(self.name, path, reason(error) + AGAIN) from error


class FashionMNIST(MNIST):
    """Pictures of clothes (Xiao, Rasul and Vollgraf, 2017), 28x28 grey, in the files of MNIST's format."""

    name, source = "fashion-mnist", "FashionMNIST"


class SVHN(VisionDataset):
    """Street view house numbers (Netzer et al., 2011), 32x32 colour; label 10 of the files is digit 0."""

    name, source = "svhn", "SVHN"

    def _paths(self, split: Split) -> list[Path]:
        file = f"{split}_32x32.mat"
        here = self.root / file
        return [here if here.is_file() else self.root / "svhn" / file]

    def _check_files(self, split: Split) -> None:
        _, name, md5 = _of_torchvision(self.source).split_list[split]
        _check_sums(self.name, self._paths(split), {name: md5})

    def _download(self, split: Split, root: Path) -> None:
        _of_torchvision(self.source)(root / "svhn", split=split, download=True)

    def _read(self, split: Split, paths: Sequence[Path]) -> tuple[Tensor, Tensor]:
        try:
            data = _of_torchvision(self.source)(paths[0].parent, split=split)
        except Exception as error:
            self._check_files(split)  # most likely: torchvision opens no file whose checksum is another
            raise unreadable(self.name, paths[0], error) from error
        return torch.from_numpy(np.ascontiguousarray(data.data)), torch.from_numpy(data.labels)


class CIFAR10(VisionDataset):
    """Photographs of 10 things (Krizhevsky, 2009), 32x32 colour.

    The official files are pickles. torchvision opens them only when their checksums are right.
    """

    name, source = "cifar10", "CIFAR10"
    _folder: ClassVar[str] = "cifar-10-batches-py"
    _names: ClassVar[dict[Split, tuple[str, ...]]] = {
        "train": tuple(f"data_batch_{number}" for number in range(1, 6)),
        "test": ("test_batch",),
    }
    _meta: ClassVar[str] = "batches.meta"

    def _paths(self, split: Split) -> list[Path]:
        return [self.root / self._folder / name for name in (*self._names[split], self._meta)]

    def _download(self, split: Split, root: Path) -> None:
        self._open(split, root, download=True)

    def _read(self, split: Split, paths: Sequence[Path]) -> tuple[Tensor, Tensor]:
        try:
            data = self._open(split, self.root)
        except Exception as error:
            self._check_files(split)  # most likely: torchvision opens no pickle whose checksum is another
            raise unreadable(self.name, paths[0], error) from error
        images = np.ascontiguousarray(data.data.transpose(0, 3, 1, 2))
        return torch.from_numpy(images), torch.tensor(data.targets, dtype=torch.int64)

    def _open(self, split: Split, root: Path, **how: bool) -> Any:
        """Return torchvision's dataset; it would check the other split's files too, and so read the test set."""
        other: dict[str, list[Any]] = {"test_list": []} if split == "train" else {"train_list": []}
        return _narrowed(_of_torchvision(self.source), **other)(root, train=split == "train", **how)

    def _check_files(self, split: Split) -> None:
        base = _of_torchvision(self.source)
        sums = dict(base.train_list if split == "train" else base.test_list) | {self._meta: base.meta["md5"]}
        _check_sums(self.name, self._paths(split), sums)


class CIFAR100(CIFAR10):
    """Photographs of 100 things (Krizhevsky, 2009), 32x32 colour, with the fine labels."""

    name, source = "cifar100", "CIFAR100"
    _folder = "cifar-100-python"
    _names: ClassVar[dict[Split, tuple[str, ...]]] = {"train": ("train",), "test": ("test",)}
    _meta = "meta"


def _of_torchvision(name: str) -> Any:
    """Return a class of ``torchvision.datasets``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an installation without image codecs says so on import
        from torchvision import datasets

    return getattr(datasets, name)


def _narrowed(base: Any, **files: list[Any]) -> Any:
    """Return *base* knowing only the *files* of one split. It keeps its name, which torchvision makes paths of."""
    return type(base.__name__, (base,), files)


def _check_sums(name: str, paths: Sequence[Path], sums: Mapping[str, str]) -> None:
    """Refuse the first of *paths* whose MD5 sum is not the one that *sums* has for its name."""
    for path in paths:
        try:
            if _md5(path) == sums[path.name]:
                continue
            kind = other_kind(path)
        except OSError as error:
            raise unreadable(name, path, error.strerror or error) from error
        raise unreadable(name, path, (kind or "its checksum is not that of the official file") + AGAIN)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
