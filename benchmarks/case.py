"""What is measured: a case has a fast path, mostly a literal twin of it, a cost that both share, and random data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from benchmarks.counting import Cost
from dcbench import DatasetInfo, ImageSet

if TYPE_CHECKING:
    from dcbench.engine.work.runtime import Runtime

Call = Callable[[], object]
"""Does the measured work once."""

PathName = Literal["literal", "fast"]


@dataclass(frozen=True, kw_only=True)
class Case(ABC):
    """One row of the table. Small and without tensors: it is sent to the processes that measure it."""

    name: str
    """Unique; it includes sizes that differ from those of the published recipes."""
    what: str
    """The sizes, in words."""
    quick: bool = False
    """Whether it belongs to the quick table; otherwise it belongs to the full one."""
    cpu: bool = True
    """Whether it is in the table of a CPU; if not, a CPU measures it with ``--only`` alone."""
    gpu_warm_up: int = 8
    """Calls before the measurement on a GPU: steps are compiled and captured in the first ones."""

    @abstractmethod
    def fast(self, runtime: Runtime) -> Call:
        """Return the fast path, as a worker with *runtime* runs it."""

    def literal(self, runtime: Runtime) -> Call | None:  # noqa: ARG002  (for subclasses)
        """Return the literal twin, on the device of *runtime*; None if the case has none."""
        return None

    def cost(self) -> Cost:
        """Return the least that one call must compute and move; zero if this is not counted."""
        return Cost()


def description(classes: int, per_class: int, side: int) -> DatasetInfo:
    """Describe *per_class* colour images for each of *classes*, *side* pixels wide."""
    return DatasetInfo(
        name="random",
        shape=(3, side, side),
        class_names=tuple(map(str, range(classes))),
        train_counts=(per_class,) * classes,
        test_counts=(per_class,) * classes,
        mean=(0.5,) * 3,
        std=(12**-0.5,) * 3,  # of uniform numbers
    )


def random_set(info: DatasetInfo) -> ImageSet:
    """Return a training split of random bytes as *info* describes it: no path depends on what images show."""
    count = sum(info.train_counts)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, *info.shape), dtype=torch.uint8, generator=generator)
    return ImageSet(images, torch.arange(count) % info.classes, info.classes)


def random_pixels(*shape: int) -> torch.Tensor:
    """Return random float32 numbers in [0, 1) of *shape*, the same at each call."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))
