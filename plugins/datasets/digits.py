"""The digits dataset: 1,797 real handwritten digits that come with scikit-learn."""

from __future__ import annotations

import gzip
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dcbench import Dataset, DatasetInfo, ImageSet, MissingDataError
from dcbench_plugins.datasets.damage import other_kind
from dcbench_plugins.datasets.places import reason, unreadable

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
AGAIN = "install it again: pip install --force-reinstall scikit-learn"
EVERY = 5
"""Of each class, every fifth image in the order of the file is a test image."""


class Digits(Dataset):
    """Digits of the UCI optical recognition set, 8x8, grey values 0..16 spread over 0..255.

    scikit-learn names no split. Here every fifth image of each class tests: a rule that hangs on nothing but the order
    of the file, unlike a random draw, which may change with the library that draws.
    """

    def info(self) -> DatasetInfo:
        """Describe the dataset; nothing is read."""
        return INFO

    def files(self, split: Split) -> Sequence[Path]:  # noqa: ARG002  (both splits lie in one file)
        """Return the one file inside scikit-learn.

        Raises:
            MissingDataError: scikit-learn is not installed whole.
        """
        package = find_spec("sklearn")
        folder = Path(package.origin).parent if package and package.origin else Path("sklearn")
        file = folder / "datasets" / "data" / "digits.csv.gz"
        if not file.is_file():
            raise MissingDataError(f"digits: looked for {file}; it comes with scikit-learn: pip install scikit-learn")
        return [file]

    def load(self, split: Split) -> ImageSet:
        """Load one split: images (N, 1, 8, 8), N = 1,442 to train and 355 to test.

        Raises:
            MissingDataError: scikit-learn is not installed whole.
            UnreadableDataError: its file is damaged.
        """
        (file,) = self.files(split)
        try:
            table = np.loadtxt(file, delimiter=",", dtype=np.int64)
            pixels, labels = table[:, :-1].reshape(-1, 1, 8, 8), table[:, -1]
        except Exception as error:  # a damaged archive fails in as many ways as there are layers
            raise unreadable("digits", file, _damage(file) or error) from error
        chosen = tests(labels) if split == "test" else ~tests(labels)
        images = np.rint(pixels[chosen] * 255 / 16).astype(np.uint8)
        return ImageSet(torch.from_numpy(images), torch.from_numpy(labels[chosen]), INFO.classes)


def _damage(file: Path) -> str:
    """Say what is wrong with *file* where its first bytes or its end show it."""
    try:
        size, kind = file.stat().st_size, other_kind(file)
        if kind and not kind.endswith("gzip"):
            return f"{kind}; {AGAIN}"
        with gzip.open(file) as opened:
            while opened.read(1 << 20):
                pass
    except EOFError:
        return f"it is cut short, at {size:,} bytes; {AGAIN}"
    except (OSError, zlib.error) as error:
        return f"{reason(error)}; {AGAIN}"
    return f"it is not the table of 64 pixels and a label that scikit-learn brings; {AGAIN}"


def tests(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of *labels* (N,) belong to the test split: the fifth, tenth, ... of each class."""
    chosen = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        chosen[np.flatnonzero(labels == label)[EVERY - 1 :: EVERY]] = True
    return chosen
