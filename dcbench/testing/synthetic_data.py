"""A dataset made up for checks: few images, in any size, one or three channels, and classes of unequal size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import dcbench.api.settings
from dcbench.api.data import Dataset, DatasetInfo, ImageSet
from dcbench.api.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcbench.api.data import Split

NAME = "made-up-for-checks"
_CLASSES = 3
_TEST_COUNT = 4


class Settings(dcbench.api.settings.Settings):
    """The form of the data."""

    channels: int = 1
    """Channels of an image."""
    size: int = 8
    """Side of an image in pixels."""
    smallest: int = 12
    """Training images of the first class."""
    largest: int = 12
    """Training images of each other class."""


class SyntheticDataset(Dataset):
    """Noise around a brightness that tells the classes apart, in shuffled order."""

    Settings = Settings

    def info(self) -> DatasetInfo:
        """Describe the data. Mean and std are what noise and brightness come to where all classes are of one size."""
        form = cast("Settings", self.settings)
        return DatasetInfo(
            name=NAME,
            shape=(form.channels, form.size, form.size),
            class_names=("dark", "grey", "bright"),
            train_counts=self._counts("train"),
            test_counts=self._counts("test"),
            mean=(0.5,) * form.channels,
            std=(0.28,) * form.channels,
            mirror_ok=False,
            default_protocol="short",
        )

    def files(self, split: Split) -> Sequence[Path]:  # noqa: ARG002  (both are made here)
        """Return this module: only its code changes the images."""
        return [Path(__file__)]

    def load(self, split: Split) -> ImageSet:
        """Draw the images of *split*, the same every time."""
        import torch

        form = cast("Settings", self.settings)
        generator = torch.Generator().manual_seed(derive_seed(purpose="made-up images", split=split))
        labels = torch.tensor([label for label, count in enumerate(self._counts(split)) for _ in range(count)])
        labels = labels[torch.randperm(len(labels), generator=generator)]
        noise = torch.randint(0, 96, (len(labels), form.channels, form.size, form.size), generator=generator)
        return ImageSet((noise + 80 * labels.view(-1, 1, 1, 1)).to(torch.uint8), labels, _CLASSES)

    def _counts(self, split: Split) -> tuple[int, ...]:
        if split == "test":
            return (_TEST_COUNT,) * _CLASSES
        form = cast("Settings", self.settings)
        return (form.smallest, *[form.largest] * (_CLASSES - 1))


@dataclass(frozen=True)
class Situation:
    """What a method is asked to condense."""

    channels: int = 1
    size: int = 8
    smallest: int = 12
    largest: int = 12
    ipc: int = 2
    replicate: int = 0
    steps: int = 2
    """Most steps and epochs."""

    @property
    def dataset(self) -> str:
        """The dataset as ``--datasets`` takes it."""
        return f"{NAME}[channels={self.channels},size={self.size},smallest={self.smallest},largest={self.largest}]"

    def info(self) -> DatasetInfo:
        """Return the description of the dataset."""
        form = Settings(channels=self.channels, size=self.size, smallest=self.smallest, largest=self.largest)
        return SyntheticDataset(Path(), "", form).info()

    def __str__(self) -> str:
        sizes = f"{self.smallest} to {self.largest}" if self.smallest < self.largest else str(self.largest)
        return f"{self.channels} x {self.size} x {self.size} px, {sizes} images per class, IPC {self.ipc}"
