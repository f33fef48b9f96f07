"""The contract of a dataset."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, get_args
from unittest import SkipTest, mock

import torch

import dcbench.testing.subject
from dcbench.api.data import Dataset, DatasetInfo, ImageSet, Split
from dcbench.api.errors import MissingDataError, RequestError
from dcbench.engine.data.fingerprints import hash_images
from dcbench.engine.factories import make_network
from dcbench.testing import common
from dcbench.testing.common import loads
from dcbench.testing.promises import ContractBroken, promise
from dcbench.testing.side_effects import opened_files, preserved, stir_generators

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

_SPLITS: tuple[Split, ...] = get_args(Split)
_NAME = re.compile(r"[\w.+-]+")
_TOLERANCE = 0.1  # of mean and std; the constants that everybody uses err by up to 0.05
_BLOCK = 1024  # images looked at together: a split may be a memory map larger than the memory


class Subject(dcbench.testing.subject.Subject):
    """A dataset."""

    group: ClassVar[str] = "datasets"
    base: ClassVar[type] = Dataset

    def make(self) -> Dataset:
        """Return the dataset made anew, as the bench makes it."""
        dataset: Dataset = self.target(self.data, self.selector.argument, self.settings)
        return dataset

    def info(self) -> DatasetInfo:
        """Return its description.

        Raises:
            unittest.SkipTest: it needs the data, and that is not there.
        """
        try:
            return self.make().info()
        except MissingDataError as error:
            raise SkipTest(str(error)) from error

    def open(self) -> Dataset:
        """Return the dataset made anew; nothing is fetched for a check.

        Raises:
            unittest.SkipTest: the data is not there.
        """
        dataset = self.make()
        if not dataset.present():
            raise SkipTest(f"the data is not below {self.data}; a run fetches it, or says how to")
        return dataset


@promise(common.settings_have_defaults)
def describes_itself(subject: Subject) -> None:
    """info() gives a DatasetInfo whose counts, names, mean and std fit each other."""
    info = subject.info()
    if not isinstance(info, DatasetInfo):
        raise ContractBroken(f"info() gives a {type(info).__name__}, not a dcbench.DatasetInfo")
    lengths = {"train_counts": len(info.train_counts), "test_counts": len(info.test_counts)}
    for name, length in lengths.items():
        if length != info.classes:
            raise ContractBroken(f"{name} has {length} numbers for {info.classes} class names")
    if len(set(info.class_names)) != info.classes:
        raise ContractBroken("two classes have the same name")
    channels, height, width = info.shape
    if height != width:
        raise ContractBroken(f"images are {height} x {width} pixels; the bench takes square ones")
    if not len(info.mean) == len(info.std) == channels:
        raise ContractBroken(f"mean and std have {len(info.mean)} and {len(info.std)} numbers for {channels} channels")
    for channel, std in enumerate(info.std):
        if not std > 0:  # NaN is refused too
            raise ContractBroken(f"std of channel {channel} is {std}; pixels are divided by it, so it must be above 0")


@promise(describes_itself)
def names_defaults_that_there_are(subject: Subject) -> None:
    """Its default protocol is installed, and so is its default network, which takes its images."""
    info = subject.info()
    try:
        subject.registry.find("protocols", info.default_protocol)
    except RequestError as error:
        raise ContractBroken(f"default_protocol: {error}") from error
    if info.default_network:
        try:
            network, settings = make_network(subject.registry, info.default_network)
            network.validate(info.shape, settings)
        except RequestError as error:
            raise ContractBroken(f"default_network: {error}") from error


@promise(describes_itself)
def name_safe_for_files(subject: Subject) -> None:
    """Its name can be that of a folder on any system, and not a path: results are stored under it."""
    name = subject.info().name
    if not _NAME.fullmatch(name) or name.strip(".") == "":
        raise ContractBroken(f"the name {name!r} holds more than letters, digits, '_', '.', '+' and '-'")


@promise(describes_itself)
def names_its_files(subject: Subject) -> None:
    """files() gives the files of each split that is there: they say whether remembered hashes still hold."""
    for split in _SPLITS:
        files = subject.open().files(split)
        if not files:
            raise ContractBroken(f"files({split!r}) is empty; changed data would not be noticed")
        for path in files:
            if not path.is_file():
                raise ContractBroken(f"files({split!r}) names {path}, which is not a file")


@promise(names_its_files)
def tells_what_it_found(subject: Subject) -> None:
    """check() finds no damage; differs() and remarks() are texts, which a run and dcbench doctor print."""
    dataset = subject.open()
    for split in _SPLITS:
        dataset.files(split)
    dataset.check()
    differs, remarks = dataset.differs(), dataset.remarks()
    if not isinstance(differs, str):
        raise ContractBroken(f"differs() gives {differs!r}; a text is wanted, empty for standard data")
    if isinstance(remarks, str) or not all(isinstance(line, str) for line in remarks):
        raise ContractBroken("remarks() gives no list of texts, one for each thing that is to be said")


@promise(names_its_files)
def loads_image_sets(subject: Subject) -> None:
    """Each split is an ImageSet of uint8 images (N, C, H, W) and int64 labels (N,)."""
    for split in _SPLITS:
        images = subject.open().load(split)
        if not isinstance(images, ImageSet):
            raise ContractBroken(f"load({split!r}) gives a {type(images).__name__}, not a dcbench.ImageSet")
        _check_type(f"the images of {split}", images.images, torch.uint8, dimensions=4)
        _check_type(f"the labels of {split}", images.labels, torch.int64, dimensions=1)
        if len(images.images) != len(images.labels):
            raise ContractBroken(f"{split} has {len(images.images)} images and {len(images.labels)} labels")


def _check_type(what: str, tensor: Tensor, dtype: torch.dtype, *, dimensions: int) -> None:
    if tensor.dtype != dtype or tensor.ndim != dimensions:
        raise ContractBroken(f"{what} are {tensor.dtype} of shape {tuple(tensor.shape)}; {dtype} is wanted")


@promise(loads_image_sets)
def images_as_described(subject: Subject) -> None:
    """The images of both splits have the shape that info() says."""
    info = subject.info()
    for split in _SPLITS:
        shape = tuple(subject.open().load(split).images.shape[1:])
        if shape != info.shape:
            raise ContractBroken(f"info() says {info.shape}, the images of {split} are {shape}")


@promise(loads_image_sets)
def classes_as_described(subject: Subject) -> None:
    """Labels go from 0 to classes - 1, and each class has as many images as info() says."""
    info = subject.info()
    for split, said in zip(_SPLITS, (info.train_counts, info.test_counts), strict=True):
        images = subject.open().load(split)
        labels = images.labels
        if images.classes != info.classes:
            raise ContractBroken(f"info() has {info.classes} classes, the ImageSet of {split} says {images.classes}")
        if int(labels.min()) < 0 or int(labels.max()) >= info.classes:
            raise ContractBroken(
                f"labels of {split} are {int(labels.min())} to {int(labels.max())}; right is 0 to {info.classes - 1}"
            )
        counts = tuple(torch.bincount(labels, minlength=info.classes).tolist())
        wrong = [label for label, count in enumerate(counts) if count != said[label]]
        if wrong:
            name, first = info.class_names[wrong[0]], wrong[0]
            raise ContractBroken(f"class {name} has {counts[first]} images in {split}, info() says {said[first]}")


@promise(images_as_described)
def mean_and_std_as_described(subject: Subject) -> None:
    """Mean and std are about those of the training pixels in [0, 1]: what networks see is normalised by them."""
    info = subject.info()
    mean, std = _statistics(subject.open().load("train").images)
    for name, said, found in (("mean", info.mean, mean), ("std", info.std, std)):
        for channel, (ours, theirs) in enumerate(zip(said, found.tolist(), strict=True)):
            if abs(ours - theirs) > _TOLERANCE:
                raise ContractBroken(
                    f"info() says {name} {ours:.4f} of channel {channel}; the pixels have {theirs:.4f}"
                )


def _statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation (C,) float64 of *images* (N, C, H, W) uint8 as pixels in [0, 1]."""
    # Sums of integers, exact and read block by block.
    total, squares = torch.zeros(2, images.shape[1], dtype=torch.int64)
    for block in torch.split(images, _BLOCK):
        values = block.long()
        total += values.sum((0, 2, 3))
        squares += values.square().sum((0, 2, 3))
    count = images.numel() // images.shape[1]
    mean = total / (255 * count)
    return mean, (squares / (255**2 * count) - mean.square()).clamp_min(0).sqrt()


@promise(loads_image_sets)
def same_bits_twice(subject: Subject) -> None:
    """A split loaded again has the same images in the same order: selections are kept as positions in it."""
    for split in _SPLITS:
        if hash_images(subject.open().load(split)) != hash_images(subject.open().load(split)):
            raise ContractBroken(f"load({split!r}) gives other images, labels or another order the second time")


@promise(loads_image_sets)
def one_split_at_a_time(subject: Subject) -> None:
    """Loading the training split opens no file of the test split: nothing that condenses can have seen it."""
    dataset = subject.open()
    test = set(_resolved(dataset, "test")) - set(_resolved(dataset, "train"))
    if not test:
        raise SkipTest("both splits are in the same files")
    with opened_files() as opened:
        subject.open().load("train")
    found = sorted(str(path) for path in test & set(opened))
    if found:
        raise ContractBroken(f"load('train') opens {found[0]}, a file of the test split")


def _resolved(dataset: Dataset, split: Split) -> Iterator[str]:
    return (str(path.resolve()) for path in dataset.files(split))


@promise(loads_image_sets)
def described_without_loading(subject: Subject) -> None:
    """info() loads no split, so that lists and plans are quick; skipped if it does, which may be the only way."""
    dataset = subject.open()
    with mock.patch.object(dataset, "load", wraps=dataset.load) as load:
        dataset.info()
    if load.called:
        raise SkipTest("info() loads pixels: right only if nothing else knows counts, mean and std")


@promise(loads_image_sets)
def leaves_the_process_alone(subject: Subject) -> None:
    """Loading draws from no global generator, and leaves threads, working directory and environment as they were."""
    dataset = subject.open()
    with preserved():
        stir_generators()  # an earlier load may have left them as this one would
        with preserved() as changed:
            dataset.load("train")
    if changed:
        raise ContractBroken(f"it changes {', '.join(changed)}; use generators of its own, and put back what it sets")


PROMISES = (
    loads,
    *common.PROMISES,
    describes_itself,
    names_defaults_that_there_are,
    name_safe_for_files,
    names_its_files,
    tells_what_it_found,
    loads_image_sets,
    images_as_described,
    classes_as_described,
    mean_and_std_as_described,
    same_bits_twice,
    one_split_at_a_time,
    described_without_loading,
    leaves_the_process_alone,
)
