"""The data behind cells: the training images that selections are made of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.api.errors import RequestError
from dcbench.engine.factories import make_dataset
from dcbench.engine.work.contexts import Data

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench.api.data import ImageSet
    from dcbench.engine.identity import Cell
    from dcbench.engine.registry import Registry
    from dcbench.engine.store.sets import StoredSet


class Sources:
    """The datasets of cells, looked for in one folder. One training split at a time is kept."""

    def __init__(self, registry: Registry, root: Path, *, fetch: bool = False) -> None:
        """Take datasets from below the folder; nothing is opened. With *fetch* they download missing data."""
        self._registry = registry
        self._root = root
        self._fetch = fetch
        self._loaded: tuple[tuple[str, str], ImageSet] | None = None

    def of(self, record: StoredSet) -> ImageSet | None:
        """Return the training split that *record* selects its images from; None where it holds images of its own.

        Raises:
            DcbenchError: the data is not there, or is not what the set was made from.
        """
        indices = record.condensed.source_indices
        if indices is None:
            return None
        train = self._train(record.cell)
        for each in (record.condensed, *record.snapshots.values()):
            if each.source_indices is not None:
                _check_within(each.source_indices, len(train), record.cell)
        return train

    def images(self, cell: Cell, indices: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the training images (n, C, H, W) uint8 that *cell* selected by *indices* (n,) int64.

        Args:
            cell: what selected them.
            indices: positions in the training split.
            labels: (n,) int64 that the images must have; None, or soft labels, ask nothing.

        Raises:
            RequestError: an image has another label than *labels* says.
            DcbenchError: as for `of`.
        """
        train = self._train(cell)
        _check_within(indices, len(train), cell)
        if labels is not None and labels.ndim == 1:
            _check_labels(indices, labels, train, cell)
        return train.images[indices]

    def _train(self, cell: Cell) -> ImageSet:
        key = (cell.dataset.train, cell.split)
        if self._loaded is None or self._loaded[0] != key:
            dataset = make_dataset(self._registry, cell.dataset, self._root)
            if not (self._fetch or dataset.present()):
                raise RequestError(
                    f"{cell.title} is a selection of training images, and the data of {cell.dataset.name} is not in "
                    f"{self._root}; say with --data where it is"
                )
            self._loaded = key, Data(dataset, cell).train()
        return self._loaded[1]


def _check_within(indices: Tensor, count: int, cell: Cell) -> None:
    low, high = int(indices.min()), int(indices.max())
    if low < 0 or high >= count:
        raise RequestError(f"{cell.title} selects images {low} to {high}, and {cell.dataset.name} has 0 to {count - 1}")


def _check_labels(indices: Tensor, labels: Tensor, train: ImageSet, cell: Cell) -> None:
    wrong = (train.labels[indices] != labels).nonzero().flatten()
    if len(wrong):
        first = int(wrong[0])
        raise RequestError(
            f"{cell.title} selects image {int(indices[first])} under label {int(labels[first])}, and its label in "
            f"{cell.dataset.name} is {int(train.labels[indices[first]])}"
        )
