"""The digits dataset: 1,797 real handwritten digits that come with dcbench, in 45 kB.

They are the test set of the optical recognition dataset of UCI (E. Alpaydin and C. Kaynak, 1998,
archive.ics.uci.edu/dataset/80), in the order in which scikit-learn has them too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dcbench import Dataset, DatasetInfo, ImageSet
from dcbench_plugins.datasets.files import missing, other_kind, unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dcbench import Split

INFO = DatasetInfo(
    name="digits",
    shape=(1, 8, 8),
    class_names=tuple("0123456789"),
    train_counts=(143, 146, 142, 147, 145, 146, 145, 144, 140, 144),
    test_counts=(35, 36, 35, 36, 36, 36, 36, 35, 34, 36),
    mean=(0.30518,),
    std=(0.37599,),
    mirror_ok=False,
    default_protocol="quick",
    default_network="convnet-tiny",
    default_replicates=6,
)
FILE = Path(__file__).with_name("digits.npz")
AGAIN = "install dcbench again"
EVERY = 5
"""Of each class, every fifth image in the order of the file is a test image."""


class Digits(Dataset):
    """Digits of the UCI optical recognition set, 8x8, grey values 0..16 spread over 0..255.

    The source names no split. Here every fifth image of each class tests: a rule that hangs on nothing but the order
    of the file, unlike a random draw, which may change with the library that draws.
    """

    def info(self) -> DatasetInfo:
        """Describe the dataset; nothing is read."""
        return INFO

    def files(self, split: Split) -> Sequence[Path]:  # noqa: ARG002  (both splits lie in one file)
        """Return the one file next to this module.

        Raises:
            MissingDataError: dcbench is not installed whole.
        """
        if not FILE.is_file():
            raise missing("digits", [FILE.name], FILE.parent)
        return [FILE]

    def load(self, split: Split) -> ImageSet:
        """Load one split: images (N, 1, 8, 8), N = 1,442 to train and 355 to test.

        Raises:
            MissingDataError: dcbench is not installed whole.
            UnreadableDataError: its file is damaged.
        """
        (file,) = self.files(split)
        try:
            with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
                pixels = arrays["images"].reshape(-1, 1, 8, 8).astype(np.int64)
                labels = arrays["labels"].astype(np.int64)
        except Exception as error:  # a damaged archive fails in as many ways as there are layers
            what = other_kind(file).removeprefix("it is a zip archive") or f"it is cut short or changed ({error})"
            raise unreadable("digits", file, f"{what}; {AGAIN}") from error
        chosen = tests(labels) if split == "test" else ~tests(labels)
        images = np.rint(pixels[chosen] * 255 / 16).astype(np.uint8)
        return ImageSet(torch.from_numpy(images), torch.from_numpy(labels[chosen]), INFO.classes)


def tests(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of *labels* (N,) belong to the test split: the fifth, tenth, ... of each class."""
    chosen = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        chosen[np.flatnonzero(labels == label)[EVERY - 1 :: EVERY]] = True
    return chosen
