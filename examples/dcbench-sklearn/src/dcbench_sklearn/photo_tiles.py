"""Photo-tiles: tiles of the two photographs that come with scikit-learn. Real colour images, and no download."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from dcbench import Dataset, DatasetInfo, ImageSet, MissingDataError, UnreadableDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from dcbench import Split

INFO = DatasetInfo(
    name="photo-tiles",
    shape=(3, 32, 32),
    class_names=("china", "flower"),
    train_counts=(208, 208),
    test_counts=(52, 52),
    mean=(0.396, 0.433, 0.393),
    std=(0.374, 0.301, 0.328),
    default_protocol="short",
)
EVERY = 5
"""Every fifth tile of a row is a test image, in the next row their neighbours: so no place is left out."""


class PhotoTiles(Dataset):
    """Which of two photographs does a tile of 32 x 32 px come from: the temple (china.jpg) or the flower (flower.jpg)?

    Each photograph, 640 x 427 px, is cut into 20 x 13 tiles that do not overlap; the last 11 rows of pixels are left
    out. Photographs by danielbuechele (china) and vultilion (flower), CC BY 2.0, as shipped by scikit-learn.
    """

    def info(self) -> DatasetInfo:
        """Describe the dataset; nothing is read."""
        return INFO

    def files(self, split: Split) -> Sequence[Path]:  # noqa: ARG002  (both splits are in the same photographs)
        """Return the two photographs.

        Raises:
            MissingDataError: scikit-learn is not installed whole.
        """
        package = find_spec("sklearn")
        folder = Path(package.origin).parent if package and package.origin else Path("sklearn")
        files = [folder / "datasets" / "images" / f"{name}.jpg" for name in INFO.class_names]
        for file in files:
            if not file.is_file():
                raise MissingDataError(f"photo-tiles: looked for {file}; it comes with pip install scikit-learn")
        return files

    def load(self, split: Split) -> ImageSet:
        """Cut one split: images (N, 3, 32, 32), N = 416 to train and 104 to test, class by class.

        Raises:
            MissingDataError: scikit-learn is not installed whole.
            UnreadableDataError: a photograph is damaged.
        """
        tiles = [_part(_tiles(file), split) for file in self.files(split)]
        labels = torch.arange(len(tiles)).repeat_interleave(len(tiles[0]))
        return ImageSet(torch.cat(tiles), labels, INFO.classes)


def _tiles(file: Path) -> Tensor:
    """Return the tiles (rows, columns, 3, 32, 32) uint8 of a photograph."""
    try:
        with Image.open(file) as photograph:
            pixels = torch.from_numpy(np.array(photograph.convert("RGB")))
    except OSError as error:
        raise UnreadableDataError(f"photo-tiles: {file} cannot be used: {error}") from error
    side = INFO.shape[-1]
    return pixels.unfold(0, side, side).unfold(1, side, side)


def _part(tiles: Tensor, split: Split) -> Tensor:
    """Return the tiles (N, 3, 32, 32) of one split, row by row."""
    rows, columns = tiles.shape[:2]
    tests = (torch.arange(rows)[:, None] + torch.arange(columns)) % EVERY == EVERY - 1
    return tiles[tests if split == "test" else ~tests]
