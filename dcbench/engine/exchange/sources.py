"""The data behind cells: the training images that selections are made of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.api.errors import RequestError
from dcbench.engine.making import make_dataset
from dcbench.engine.work.workbench import Data

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench.api.images import ImageSet
    from dcbench.engine.cells import Cell
    from dcbench.engine.plugins import Registry


class Sources:
    """The datasets of cells, looked for in one folder."""

    def __init__(self, registry: Registry, root: Path) -> None:
        """Remember where datasets live; nothing is opened."""
        self._registry = registry
        self._root = root
        self._loaded: tuple[tuple[str, str], ImageSet] | None = None

    def images(self, cell: Cell, indices: Tensor) -> Tensor:
        """Return the training images (n, C, H, W) uint8 that *cell* selected by *indices* (n,) int64.

        Raises:
            RequestError: the data is not there, or is not what the cell was made from. Nothing is fetched.
        """
        key = (cell.dataset.train, cell.split)
        if self._loaded is None or self._loaded[0] != key:
            dataset = make_dataset(self._registry, cell.dataset, self._root)
            if not dataset.present():
                raise RequestError(
                    f"{cell.title} is a selection of training images, and the data of {cell.dataset.name} is not in "
                    f"{self._root}; say with --data where it is"
                )
            self._loaded = key, Data(dataset, cell).train()  # one split at a time: selections come dataset by dataset
        return self._loaded[1].images[indices]
