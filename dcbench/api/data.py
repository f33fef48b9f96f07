"""Labelled images: what a dataset is (`DatasetInfo`), how it is read (`Dataset`), one split of it (`ImageSet`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from dcbench.api.settings import Settings as BaseSettings

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Split = Literal["train", "test"]


@dataclass(frozen=True)
class DatasetInfo:
    """What can be known of a dataset without its pixels: enough to plan with."""

    name: str
    """Name in results and tables."""
    shape: tuple[int, int, int]
    """(C, H, W) of one image; images are square."""
    class_names: tuple[str, ...]
    """One name per class, in the order of the labels."""
    train_counts: tuple[int, ...]
    """Training images of each class."""
    test_counts: tuple[int, ...]
    """Test images of each class."""
    mean: tuple[float, ...]
    """Mean of the training pixels in [0, 1], one per channel."""
    std: tuple[float, ...]
    """Standard deviation of the training pixels in [0, 1], one per channel, above 0."""
    mirror_ok: bool = True
    """Whether a mirrored image is still of its class. False for digits and letters: no augmentation flips them."""
    default_protocol: str = "m3d"
    """The protocol used when none is named."""
    default_network: str = ""
    """The network that evaluators take when none is named; empty: the default of each."""
    default_replicates: int = 1
    """Condensed sets for each number when no seeds are named, from replicate 0 on. More where they cost little."""

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def budget(self, ipc: int) -> int:
        """Return how many numbers a condensed set may hold at *ipc* images per class."""
        channels, height, width = self.shape
        return self.classes * ipc * channels * height * width


@dataclass(frozen=True, eq=False)
class ImageSet:
    """One split of a dataset in memory, held once, as uint8."""

    images: Tensor
    """(N, C, H, W), uint8. May be a memory map; never written to."""
    labels: Tensor
    """(N,), int64, in [0, classes)."""
    classes: int
    """Number of classes."""

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def class_index(self) -> tuple[Tensor, ...]:
        """For each class, the positions of its images in ascending order (int64)."""
        return tuple((self.labels == label).nonzero().flatten() for label in range(self.classes))

    def subset(self, indices: Tensor) -> ImageSet:
        """Return the images at *indices* (int64, (n,)) as a set of their own."""
        return ImageSet(self.images[indices], self.labels[indices], self.classes)

    def pixels(self, indices: Tensor, device: torch.device | str = "cpu") -> Tensor:
        """Return the images at *indices* as float32 in [0, 1] on *device*; shape ``(*indices.shape, C, H, W)``."""
        return self.images[indices].to(device).float().div_(255)


class Dataset(ABC):
    """A dataset: it has a `DatasetInfo` and loads one split at a time.

    Made by the bench as ``target(root, argument, settings)``.
    """

    Settings: ClassVar[type[BaseSettings]] = BaseSettings
    """The settings class; the default has no field."""
    listener: Callable[[int, int], None] | None = None
    """What `progress` calls; the bench sets it where it shows how far reading has come."""

    def __init__(self, root: Path, argument: str, settings: BaseSettings) -> None:
        """Remember where to look.

        Args:
            root: the folder that ``--data`` names.
            argument: what follows the colon in ``folder:PATH``; empty for most datasets. Results keep `argument` as the
                dataset has it: one that takes a path makes it absolute here, so that they can be read from anywhere.
            settings: an instance of `Settings`.
        """
        self.root = root
        self.argument = argument
        self.settings = settings

    def present(self) -> bool:
        """Return whether the data is there, without fetching or loading anything."""
        return True

    @abstractmethod
    def info(self) -> DatasetInfo:
        """Describe the dataset without loading pixels where that is possible.

        Raises:
            MissingDataError: the data is needed and not there.
        """

    def expected(self) -> DatasetInfo | None:
        """Describe the dataset as it is wherever it is whole: recipes can be listed with it before the data is there.

        None, the default, where that depends on the data. A run never calls it.
        """
        return None

    def check(self) -> None:
        """Check the files of both splits more closely than `present`; ``dcbench doctor`` calls it. Nothing is fetched.

        Raises:
            UnreadableDataError: a file is damaged; the text names it.
        """

    def differs(self) -> str:
        """Return in what the data differs from the standard data of its name; empty, the default, where it does not.

        Such data is shown as other data, and never next to published numbers. Planning calls it, so it is quick; it
        may be slow where `DatasetRecord.fingerprints` have shown already that the data is another.
        """
        return ""

    def remarks(self) -> Sequence[str]:
        """Return what a user must know of the data as it was found, a line each, such as how many files are left out.

        Planning calls it after `files` for both splits, and so does ``dcbench doctor``.
        """
        return ()

    def progress(self, done: int, total: int) -> None:
        """Report that *done* of *total* images of a split are read; a run shows it if that takes over a second."""
        if self.listener is not None:
            self.listener(done, total)

    @abstractmethod
    def files(self, split: Split) -> Sequence[Path]:
        """Return the files that *split* is read from; the bench hashes pixels again only when one of them changes.

        Raises:
            MissingDataError: the data is not there. This is the place to fetch it, or to say how to.
        """

    @abstractmethod
    def load(self, split: Split) -> ImageSet:
        """Load one split; the other one is not opened.

        Raises:
            MissingDataError: the data is not there.
            UnreadableDataError: a file is damaged; the text names it.
        """
