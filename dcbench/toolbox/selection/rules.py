"""What methods that choose training images in a feature space share, so that first picks and ties agree."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, cast

import torch
from torch import Tensor

from dcbench import CondensedSet, Method, RequestError
from dcbench.api.texts import plural
from dcbench.toolbox.selection.features import FeatureSettings, class_features, recommended, recommended_origins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dcbench import DatasetInfo, Origin, Task

BLOCK_BYTES = 2**28
"""Bytes of float64 features that are held at once, unless one class has more. On a CPU a pass over such a block takes
far longer than the start of its operations, so a larger block saves no time; small classes still share one start."""

ROUNDING = 1e-12
"""Values closer than this share of their scale are tied; float64 sums of 10^5 terms err by far less."""


if TYPE_CHECKING:
    from typing_extensions import TypeVar

    F = TypeVar("F", bound=FeatureSettings, default=Any)
else:
    from typing import TypeVar

    F = TypeVar("F")

Rule = Callable[[Tensor, Tensor, int], Tensor]
"""Chooses images of several classes at once, of each class by itself: rows, present, count -> positions.

* rows (classes, n, D) float64, finite: the features of each class minus their mean, and zeros below those of a class
  that has fewer than n images. A rule reads them and keeps nothing: the next block overwrites this memory.
* present (classes, n) bool: whether the row is that of an image.
* count: how many to choose of each class; every class has at least as many.
* positions (classes, count) int64: different ones along n, in the order of choice.
"""


class FeatureSelection(Method[F], Generic[F]):
    """A method that chooses images class by class in the feature space of a network trained on the whole training set.

    A subclass has a `rule`. Subclasses with equal settings share one feature network per replicate.
    """

    by_class = True
    Settings = FeatureSettings
    published_for: ClassVar[frozenset[str]] = frozenset()
    """Datasets on which the coreset code of IDC (``coreset.py``) has this rule in this feature space."""
    further_origins: ClassVar[Mapping[str, Origin]] = {}
    """Where the values of the settings that a subclass adds come from, on those datasets."""

    @abstractmethod
    def rule(self, settings: F) -> Rule:
        """Return how images are chosen under *settings*, an instance of ``Settings``."""

    def settings_for(self, info: DatasetInfo, ipc: int) -> F:  # noqa: ARG002  (all IPCs share a network)
        """Return settings that depend on the dataset alone, so that all IPCs share one feature network."""
        return cast("F", self.Settings(**recommended(info).model_dump()))

    def origins_for(self, info: DatasetInfo, ipc: int) -> Mapping[str, Origin]:
        """Return where the values of `settings_for` come from."""
        return recommended_origins(info, ipc, published_for=self.published_for, further=self.further_origins)

    def validate(self, info: DatasetInfo, ipc: int, settings: F) -> None:  # noqa: ARG002
        """Refuse more images than the smallest class has."""
        check_ipc(info, ipc)

    def condense(self, task: Task, settings: F) -> CondensedSet:
        """Select ``task.ipc`` images of each class, in the order of choice."""
        check_ipc(task.info, task.ipc)
        index = [task.train.class_index[label] for label in task.classes]
        choose = self.rule(settings)
        blocks = class_blocks(class_features(task, settings), [len(indices) for indices in index], BLOCK_BYTES)
        picks = torch.cat([choose(rows, present, task.ipc).cpu() for rows, present in blocks])
        chosen = [indices[positions] for indices, positions in zip(index, picks, strict=True)]
        return CondensedSet.selection(torch.cat(chosen), task.train)


def check_ipc(info: DatasetInfo, ipc: int) -> None:
    """Refuse to select more images than the smallest class has.

    Raises:
        RequestError: names the largest IPC that works.
    """
    smallest = min(info.train_counts)
    if ipc > smallest:
        name = info.class_names[info.train_counts.index(smallest)]
        raise RequestError(
            f"IPC {ipc} is more than {info.name} has: "
            f"class {name} has {plural(smallest, 'training image')}, so at most --ipc {smallest}"
        )


def class_blocks(features: Iterable[Tensor], sizes: Sequence[int], limit: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the input of a `Rule`: as many classes at a time as fit in *limit* bytes, and at least one.

    The mean of each class is subtracted. Distances stay the same, and the expanded squares from which they are computed
    lose no digits to a common offset.

    Args:
        features: of each class in turn, (its size, D).
        sizes: of all classes.
        limit: bytes of the rows of one block.

    Yields:
        rows (classes, n, D) float64 and whether they are *present* (classes, n), n being the size of the largest class
        of all. Every block overwrites the one before: new memory costs more time than the arithmetic in it.
    """
    positions = torch.arange(max(sizes))
    rows: Tensor | None = None
    for label, one_class in enumerate(features):
        if rows is None:
            rows = _room(one_class, sizes, limit)
        slot = label % len(rows)
        _put_centred(one_class, rows[slot])
        if slot == len(rows) - 1 or label == len(sizes) - 1:
            counts = torch.tensor(sizes[label - slot : label + 1])
            yield rows[: slot + 1], (positions < counts[:, None]).to(rows.device)


def _room(features: Tensor, sizes: Sequence[int], limit: int) -> Tensor:
    largest, width = max(sizes), features.shape[1]
    classes = min(len(sizes), max(1, limit // (largest * width * torch.float64.itemsize)))
    return features.new_empty((classes, largest, width), dtype=torch.float64)


def _put_centred(features: Tensor, rows: Tensor) -> None:
    size = len(features)
    rows[:size] = features
    rows[:size].sub_(rows[:size].mean(0))
    rows[size:] = 0


def squared_norms(rows: Tensor) -> Tensor:
    """Return the squared norms (classes, n) of *rows* (classes, n, D)."""
    norms: Tensor = torch.linalg.vector_norm(rows, dim=2)  # rows.square() would take as much memory as the rows
    return norms.square()


def inner_products(rows: Tensor, vectors: Tensor) -> Tensor:
    """Return the products (classes, n) of *rows* (classes, n, D) with the one vector of their class (classes, 1, D)."""
    return torch.bmm(vectors, rows.mT)[:, 0]


def first_least(values: Tensor, scale: Tensor) -> Tensor:
    """Return the lowest position whose value is the least of its class, up to rounding.

    Identical images get values that differ in the last bits, in a way that depends on the machine; a plain argmin would
    pick one of them by chance. The result stays on the device, so the host does not block.

    Args:
        values: (classes, n) float64; infinite for a row that must not be chosen; each class has a finite one.
        scale: (classes, 1), size of the terms of which the values are sums.

    Returns:
        (classes, 1) int64.
    """
    tied = values <= values.amin(1, keepdim=True) + ROUNDING * scale
    return tied.byte().argmax(1, keepdim=True)  # the first of equal ones
