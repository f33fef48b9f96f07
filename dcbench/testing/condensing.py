"""Condensing as a run does, with the engine's own task and store, and a record of what the method does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from dcbench.api.condensed import CondensedSet, plain_set
from dcbench.engine.data.fingerprints import hash_images
from dcbench.engine.factories import make_dataset
from dcbench.engine.store.store import Store
from dcbench.engine.work.contexts import CellTask, Data
from dcbench.engine.work.runtime import Runtime
from dcbench.testing.side_effects import Watched, watching

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench.api.condensed import CondensedSet
    from dcbench.api.data import DatasetInfo
    from dcbench.api.method import State
    from dcbench.engine.identity import Cell
    from dcbench.engine.registry import Registry


class Interrupted(BaseException):
    """Ends a method where it has just written a checkpoint, past any ``except Exception`` of its own."""


@dataclass
class Condensed:
    """A condensed set, and what was seen while it was made."""

    returned: object
    """What the method returned."""
    info: DatasetInfo
    announced: tuple[int, ...]
    """Steps whose snapshots the method said it would keep."""
    factor: int
    """Tiles per side, as the method said."""
    task: WatchedTask
    watched: Watched
    spoilt: bool
    """Whether the training images or labels were others afterwards."""

    @cached_property
    def set(self) -> CondensedSet:
        """The set as a run would keep it.

        Raises:
            InvalidCondensedSetError: a run would refuse it.
        """
        return plain_set(self.returned, copy=False)


class WatchedTask(CellTask):
    """The task of a run, which counts what the method calls, and can interrupt it."""

    reports: list[tuple[int, int]]
    """Step and total of each call of `progress`."""
    offered: int
    """How often a checkpoint was offered."""
    asked: bool
    """Whether the method asked for a state to resume from."""

    def __init__(self, *arguments: Any, interrupt_after: int = 0, **options: Any) -> None:
        """Write only the checkpoint that is offered as number *interrupt_after*, counted from 1, and raise."""
        super().__init__(*arguments, **options)
        self.reports, self.offered, self.asked = [], 0, False
        self._interrupt_after = interrupt_after

    def progress(self, step: int, total: int, **metrics: float) -> None:
        """See `Task.progress`."""
        self.reports.append((step, total))
        super().progress(step, total, **metrics)

    def checkpoint(self, state: Callable[[], State]) -> None:
        """See `Task.checkpoint`."""
        self.offered += 1
        if self.offered == self._interrupt_after:
            super().checkpoint(state)
            raise Interrupted

    def resume(self) -> dict[str, Any] | None:
        """See `Task.resume`."""
        self.asked = True
        return super().resume()


def condense(
    registry: Registry,
    cell: Cell,
    *,
    part: range | None = None,
    results: Path | None = None,
    interrupt_after: int = 0,
) -> Condensed:
    """Condense *cell*, or the classes *part* of it.

    Args:
        registry: where the method is.
        cell: what to condense.
        part: classes; None means all.
        results: where a checkpoint is written and looked for; None means a folder that is thrown away.
        interrupt_after: number of the checkpoint at which to raise `Interrupted`, counted from 1; 0 means never.
    """
    if results is None:
        with tempfile.TemporaryDirectory() as folder:
            return condense(registry, cell, part=part, results=Path(folder), interrupt_after=interrupt_after)
    method = registry.resolve("methods", cell.method.record)()
    settings = method.Settings(**cell.method.settings)
    data = Data(make_dataset(registry, cell.dataset, results), cell)
    runtime = Runtime(threads=torch.get_num_threads(), checkpoint_seconds=0)
    task = WatchedTask(registry, data, Store(results), runtime, _ignore, part, interrupt_after=interrupt_after)
    before = hash_images(task.train)
    with watching() as watched:
        condensed = method.condense(task, settings)
    announced = tuple(method.snapshot_steps(settings))
    return Condensed(
        condensed, task.info, announced, method.factor(settings), task, watched, hash_images(task.train) != before
    )


def _ignore(step: int, total: int, metrics: Mapping[str, float], doing: str = "") -> None:
    """Drop the report."""


def difference(one: CondensedSet, other: CondensedSet, tolerance: float = 0.0) -> str:
    """Return in words how the sets differ; the empty text if they are the same bits, or pixels within *tolerance*."""
    if one.decoder != other.decoder:
        return f"the decoders differ: {one.decoder} and {other.decoder}"
    return (
        _tensors("labels", one.labels, other.labels)
        or _tensors("source indices", one.source_indices, other.source_indices)
        or _tensors("pixels", one.images, other.images, tolerance)
    )


def _tensors(name: str, one: Tensor | None, other: Tensor | None, tolerance: float = 0.0) -> str:
    if one is None or other is None:
        return "" if one is other else f"only one of the sets has {name}"
    if one.shape != other.shape or one.dtype != other.dtype:
        return f"the {name} differ: {one.dtype} {tuple(one.shape)} and {other.dtype} {tuple(other.shape)}"
    apart = (one - other).abs()
    unequal = int((apart > tolerance).sum())
    return f"{unequal} of {one.numel()} {name} differ, by up to {float(apart.max()):.2g}" if unequal else ""
