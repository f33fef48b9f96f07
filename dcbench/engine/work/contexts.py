"""What a worker gives to plug-ins: the engine's own `Task` and `Context`, backed by the store."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from dcbench.api.condensed import CondensedSet, plain_set
from dcbench.api.errors import RequestError
from dcbench.api.evaluator import Context
from dcbench.api.method import State, Task
from dcbench.api.protocol import TrainingRecipe
from dcbench.engine.data.fingerprints import fingerprint
from dcbench.engine.data.splits import split_validation, validation_info
from dcbench.engine.factories import make_network
from dcbench.engine.identity import Cell, Trial
from dcbench.engine.progress import Report
from dcbench.engine.store.given import as_count, as_metrics, as_state
from dcbench.engine.store.store import Store
from dcbench.engine.store.tensors import Checkpoint
from dcbench.engine.work.artifacts import Artifacts, Owner
from dcbench.engine.work.provenance import Stretch, describe_ran, describe_stretch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dcbench.api.data import Dataset, DatasetInfo, ImageSet
    from dcbench.engine.registry import Registry
    from dcbench.engine.work.runtime import Runtime

_MOST_WRITING = 0.05
"""Share of its time that a job may spend on checkpoints: those with a queue of networks take seconds."""

log = logging.getLogger(__name__)


def build_network(registry: Registry, name: str, info: DatasetInfo, seed: int, device: torch.device) -> nn.Module:
    """Return a freshly initialised network on *device*; its weights depend on nothing but *seed*."""
    network, settings = make_network(registry, name)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the generators of all GPUs too
        module = network.build(info.shape, info.classes, settings)
    return module.to(device).train()


def _counts(step: int, total: int) -> tuple[int, int]:
    """Return the step and the number of steps of a progress report, as a plug-in gave them, as whole numbers."""
    return as_count(step, "progress: step"), as_count(total, "progress: total")


@dataclass(frozen=True)
class Data:
    """The data of one cell. A split is loaded by the call that needs it."""

    dataset: Dataset
    cell: Cell

    @property
    def info(self) -> DatasetInfo:
        """The description that the cell's plug-ins see."""
        info = self.dataset.info()
        return validation_info(info) if self.cell.split == "validation" else info

    def train(self) -> ImageSet:
        """Load what is condensed; the test split is not opened.

        Raises:
            RequestError: the data has changed since the plan was made.
        """
        if fingerprint(self.dataset, "train") != self.cell.dataset.train:
            raise RequestError(f"the training data of {self.cell.dataset.name} changed after the run was planned")
        train = self.dataset.load("train")
        return split_validation(train)[0] if self.cell.split == "validation" else train

    def test(self) -> ImageSet:
        """Load what is evaluated on: the test split, or the held-out tenth of the training split."""
        if self.cell.split == "validation":
            return split_validation(self.dataset.load("train"))[1]
        if fingerprint(self.dataset, "test") != self.cell.dataset.test:
            raise RequestError(f"the test data of {self.cell.dataset.name} changed after the run was planned")
        return self.dataset.load("test")


@dataclass
class Recorder:
    """What a condensing job has reported so far, in this stretch and in those before a break."""

    trace: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    snapshots: dict[int, CondensedSet] = field(default_factory=dict)
    snapshot_seconds: dict[int, float] = field(default_factory=dict)


class CellTask(Task):
    """The task of one cell, backed by the store."""

    def __init__(
        self,
        registry: Registry,
        data: Data,
        store: Store,
        runtime: Runtime,
        report: Report,
        part: range | None = None,
    ) -> None:
        """Load the training split and seed everything from the cell; *part* is the classes to condense, or None."""
        self._started, self._spent_before = time.monotonic(), 0.0
        cell = data.cell
        self.train, self.info, self.ipc = data.train(), data.info, cell.ipc
        self._info = self.info  # sets are checked by this one: a method can change its own
        self.classes = range(self.info.classes) if part is None else part
        self.device = torch.device(runtime.device)
        self.replicate, self.seed = cell.replicate, cell.condense_seed
        self.generator = torch.Generator().manual_seed(self.seed)
        self.chunk = runtime.chunk_of(self.info.shape[-1])
        self.precision, self.capture = runtime.precision, runtime.capture
        owner = Owner.of(registry, "methods", cell.method.record)
        self.recorder, self.artifacts = Recorder(), Artifacts(store, cell, owner)
        self._cell, self._registry, self._report = cell, registry, report
        source = registry.find("methods", cell.method.record).source
        self._runtime = runtime
        self._stretch = describe_stretch(runtime, {source.package: source.version})
        self._stretches_before: tuple[Stretch, ...] = ()
        self._part, self._store = part, store
        self._warned = False
        self._interval, self._last_checkpoint, self._writing = runtime.checkpoint_seconds, time.monotonic(), 0.0

    @property
    def seconds(self) -> float:
        """Seconds that the set took: from the start, with the stretches before a break and all that it is built on.

        An artifact counts as if it had been built here, once; waiting for who builds it does not.
        """
        return self._own_seconds + sum(self.artifacts.seconds.values())

    @property
    def _own_seconds(self) -> float:
        """The seconds without those of artifacts."""
        return self._spent_before + time.monotonic() - self._started - self.artifacts.away

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """How this stretch and those before it ran."""
        seconds = self._own_seconds - self._spent_before
        now = {**self._stretch, "chunk": int(self.chunk), "seconds": seconds, **describe_ran(self._runtime)}
        return (*self._stretches_before, now)

    def network(self, name: str, seed: int, *, device: torch.device | None = None) -> nn.Module:
        """See `Task.network`."""
        return build_network(self._registry, name, self.info, seed, device or self.device)

    def progress(self, step: int, total: int, **metrics: float) -> None:
        """See `Task.progress`."""
        step, total, values = *_counts(step, total), as_metrics(metrics)  # plug-ins give tensors and arrays too
        for name, value in values.items():
            self.recorder.trace.setdefault(name, []).append((step, value))
        self._report(step, total, values)

    def snapshot(self, step: int, condensed: CondensedSet) -> None:
        """See `Task.snapshot`."""
        cell, method, plain = self._cell, self._cell.method, plain_set(condensed)
        plain.check(self._info, cell.ipc, budget_exempt=method.budget_exempt, factor=method.factor, classes=self._part)
        step = as_count(step, "snapshot: step")
        self.recorder.snapshots[step] = plain
        self.recorder.snapshot_seconds[step] = self.seconds

    def artifact(self, key: Mapping[str, Any], build: Callable[[int], Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """See `Task.artifact`."""
        return self.artifacts.get(key, build)

    def checkpoint(self, state: Callable[[], State]) -> None:
        """See `Task.checkpoint`."""
        started = time.monotonic()
        if started - self._last_checkpoint < max(self._interval, self._writing / _MOST_WRITING):
            return
        made = Checkpoint(
            as_state(state(), "a checkpoint"),
            self._own_seconds,
            self.recorder.trace,
            self.recorder.snapshots,
            self.recorder.snapshot_seconds,
            self.artifacts.hashes,
            self.artifacts.seconds,
            self.stretches,
        )
        try:
            self._store.save_checkpoint(self._cell, self._part, made)
        except OSError as error:  # as on a full disk: the job itself can go on
            if not self._warned:
                log.warning("the job goes on without a checkpoint for now: %s", error)
            self._warned = True
        self._last_checkpoint = time.monotonic()
        self._writing = self._last_checkpoint - started if self._interval else 0.0

    def resume(self) -> dict[str, Any] | None:
        """See `Task.resume`."""
        found = self._store.load_checkpoint(self._cell, self._part)
        if found is None:
            return None
        self._spent_before = found.seconds
        self._stretches_before = tuple(found.stretches) or ({"seconds": found.seconds},)
        self.recorder.trace = {name: list(points) for name, points in found.trace.items()}
        self.recorder.snapshots = dict(found.snapshots)
        self.recorder.snapshot_seconds = dict(found.snapshot_seconds)
        self.artifacts.hashes |= found.artifacts
        self.artifacts.seconds |= found.artifact_seconds
        return dict(found.state)


class TrialContext(Context):
    """The context of one trial."""

    def __init__(
        self,
        registry: Registry,
        trial: Trial,
        repeats: range,
        info: DatasetInfo,
        store: Store,
        runtime: Runtime,
        report: Report,
    ) -> None:
        """Take seeds from the cell and the recipe from the trial."""
        self._started = time.monotonic()
        self.info, self.ipc = info, trial.cell.ipc
        self.device = torch.device(runtime.device)
        self.seeds = tuple(trial.cell.repeat_seed(repeat) for repeat in repeats)
        recipe = trial.evaluator.recipe
        self.recipe = None if recipe is None else TrainingRecipe(**recipe)
        self.chunk, self.capture = runtime.chunk_of(info.shape[-1]), runtime.capture
        self.artifacts = Artifacts(store, trial, Owner.of(registry, "evaluators", trial.evaluator.record))
        self._registry, self._report = registry, report

    @property
    def seconds(self) -> float:
        """Seconds that the evaluation took; an artifact counts as in `CellTask.seconds`."""
        own = time.monotonic() - self._started - self.artifacts.away
        return own + sum(self.artifacts.seconds.values())

    def network(self, name: str, seed: int) -> nn.Module:
        """See `Context.network`."""
        return build_network(self._registry, name, self.info, seed, self.device)

    def artifact(self, key: Mapping[str, Any], build: Callable[[int], Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """See `Context.artifact`."""
        return self.artifacts.get(key, build)

    def progress(self, step: int, total: int, **metrics: float) -> None:
        """See `Context.progress`."""
        self._report(*_counts(step, total), as_metrics(metrics))
