"""The contract of an evaluator."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar

import torch

from dcbench.api.condensed import CondensedSet
from dcbench.api.errors import DcbenchError
from dcbench.api.evaluator import Evaluation, Evaluator
from dcbench.engine.data.fingerprints import hash_images
from dcbench.engine.factories import make_dataset
from dcbench.engine.plan.planner import PlannedCell
from dcbench.engine.store.given import check_name
from dcbench.engine.store.store import Store
from dcbench.engine.store.tensors import hash_set
from dcbench.engine.work.contexts import TrialContext
from dcbench.engine.work.runtime import Runtime
from dcbench.testing import common
from dcbench.testing.common import loads
from dcbench.testing.promises import ContractBroken, promise
from dcbench.testing.side_effects import Watched, preserved, process_promises, stir_generators, watching
from dcbench.testing.subject import PlannedSubject
from dcbench.testing.synthetic_data import Situation

if TYPE_CHECKING:
    from dcbench.api.data import ImageSet

_REPEATS = range(2)


@dataclass(frozen=True)
class Evaluated:
    """An evaluation, and what was seen while it was made."""

    evaluation: Evaluation
    watched: Watched
    spoilt: tuple[str, ...]
    """What of its input was another afterwards."""


class Subject(PlannedSubject):
    """An evaluator."""

    group: ClassVar[str] = "evaluators"
    base: ClassVar[type] = Evaluator

    def plan(self, situation: Situation) -> PlannedCell:
        """See `PlannedSubject.plan`."""
        evaluator = self.shortened(self.target.Settings(), situation.steps)
        return self.request(situation, methods=("random",), evaluators=(evaluator,), smoke=True)

    @cached_property
    def usual(self) -> Evaluated:
        """The evaluation that most checks look at: of a selection, with two repeats."""
        return self.evaluate(selection)

    @cached_property
    def again(self) -> Evaluated:
        """The same once more, after others have drawn from the global generators."""
        return self.evaluate(selection, stirred=True)

    @property
    def metrics(self) -> Mapping[str, tuple[float, ...]]:
        """The metrics of the usual evaluation."""
        return self.usual.evaluation.metrics

    def evaluate(
        self, make: Callable[[ImageSet, int], CondensedSet], repeats: range = _REPEATS, *, stirred: bool = False
    ) -> Evaluated:
        """Evaluate the set that *make* makes of the training images and the IPC."""
        (planned,) = self.planned(self.usual_situation).trials
        cell = planned.trial.cell
        dataset = make_dataset(self.registry, cell.dataset, self.data)
        train, test = dataset.load("train"), dataset.load("test")
        condensed = make(train, cell.ipc)
        runtime = Runtime(threads=torch.get_num_threads())
        evaluator, before = self.target(), _hashes(condensed, train, test)
        with preserved(), TemporaryDirectory(prefix="dcbench-") as results:
            store = Store(Path(results))
            context = TrialContext(self.registry, planned.trial, repeats, dataset.info(), store, runtime, _ignore)
            if stirred:
                stir_generators()
            with watching() as watched:
                chosen = evaluator.Settings(**planned.trial.evaluator.settings)
                evaluation = evaluator.evaluate(condensed, train, test, context, chosen)
        after = _hashes(condensed, train, test)
        return Evaluated(evaluation, watched, tuple(name for name in before if before[name] != after[name]))


def _ignore(step: int, total: int, metrics: Mapping[str, float], doing: str = "") -> None:
    """Drop the report."""


def _hashes(condensed: CondensedSet, train: ImageSet, test: ImageSet) -> dict[str, str]:
    return {
        "the condensed set": hash_set(condensed),
        "the training images": hash_images(train),
        "the test images": hash_images(test),
    }


def selection(train: ImageSet, ipc: int) -> CondensedSet:
    """Return the first *ipc* images of each class, as a selection."""
    return CondensedSet.selection(torch.cat([index[:ipc] for index in train.class_index]), train)


def tiles(train: ImageSet, ipc: int) -> CondensedSet:
    """Return the same as images of their own, each cut into two by two tiles."""
    chosen = selection(train, ipc)
    return CondensedSet.of_images(chosen.stored_images(train), chosen.labels, factor=2)


def softly_labelled(train: ImageSet, ipc: int) -> CondensedSet:
    """Return the same as images of their own with soft labels, nine tenths of which are for the class."""
    chosen = selection(train, ipc)
    hard = torch.nn.functional.one_hot(chosen.labels, train.classes).float()
    return CondensedSet.of_images(chosen.stored_images(train), 0.9 * hard + 0.1 / train.classes)


@promise(common.settings_have_defaults)
def evaluates(subject: Subject) -> None:
    """It evaluates a few selected images, planned and run as the bench does it, without an error."""
    evaluation = subject.usual.evaluation
    if not isinstance(evaluation, Evaluation):
        raise ContractBroken(f"evaluate returns a {type(evaluation).__name__}, not a dcbench.Evaluation")


@promise(evaluates)
def gives_its_main_metric(subject: Subject) -> None:
    """The metric that tables show is among those it gives."""
    main = subject.target.metric
    if main not in subject.metrics:
        raise ContractBroken(f"tables show {main!r}; it gives only {', '.join(subject.metrics) or 'nothing'}")


@promise(evaluates)
def metric_names_can_be_stored(subject: Subject) -> None:
    """Each metric has a name that a result file can hold: not empty, no dot alone, and without a slash."""
    for name in subject.metrics:
        try:
            check_name(name, "a metric")
        except DcbenchError as error:
            raise ContractBroken(str(error)) from error


@promise(evaluates)
def one_value_per_repeat(subject: Subject) -> None:
    """Each metric has one value for each of context.seeds."""
    for name, values in subject.metrics.items():
        if len(values) != len(_REPEATS):
            raise ContractBroken(f"{name!r} has {len(values)} values for {len(_REPEATS)} seeds")


@promise(one_value_per_repeat)
def finite_metrics(subject: Subject) -> None:
    """Every value is a number, not NaN or infinite."""
    for name, values in subject.metrics.items():
        if not all(math.isfinite(value) for value in values):
            raise ContractBroken(f"{name!r} is {', '.join(f'{value:g}' for value in values)}")


@promise(finite_metrics)
def metrics_of_its_unit(subject: Subject) -> None:
    """Percentages lie between 0 and 100, and distances are not negative."""
    most = 100.0 if subject.target.unit == "percent" else math.inf
    for name, values in subject.metrics.items():
        if not all(0 <= value <= most for value in values):
            shown = ", ".join(f"{value:g}" for value in values)
            raise ContractBroken(f"{name!r} is {shown}; unit = {subject.target.unit!r} means 0 to {most:g}")


_VALID = (
    gives_its_main_metric,
    metric_names_can_be_stored,
    one_value_per_repeat,
    finite_metrics,
    metrics_of_its_unit,
)


@promise(*_VALID)
def same_seeds_same_metrics(subject: Subject) -> None:
    """The same seeds give the same metrics, whatever was drawn from global generators in between."""
    again = subject.again.evaluation.metrics
    _check_equal(subject.metrics, again, "a second time; seed every generator from context.seeds")


@promise(same_seeds_same_metrics)
def each_repeat_by_itself(subject: Subject) -> None:
    """A repeat gives the same alone as among others: more repeats later are added to those that are there."""
    last = range(_REPEATS.stop - 1, _REPEATS.stop)
    among = {name: values[-1:] for name, values in subject.metrics.items()}
    alone = subject.evaluate(selection, last).evaluation.metrics
    _check_equal(among, alone, "for the last seed alone; a repeat may depend on its own seed only")


def _check_equal(metrics: Mapping[str, tuple[float, ...]], others: Mapping[str, tuple[float, ...]], when: str) -> None:
    for name, values in metrics.items():
        if tuple(values) != tuple(others.get(name, ())):
            raise ContractBroken(f"{name!r} is {tuple(values)}, and {tuple(others.get(name, ()))} {when}")


@promise(*_VALID)
def takes_tiles(subject: Subject) -> None:
    """It decodes sets whose images hold several training images each, with condensed.decode(train)."""
    _check_finite(subject, tiles)


@promise(*_VALID)
def takes_soft_labels(subject: Subject) -> None:
    """It takes labels that are probabilities (N, classes)."""
    _check_finite(subject, softly_labelled)


def _check_finite(subject: Subject, make: Callable[[ImageSet, int], CondensedSet]) -> None:
    for name, values in subject.evaluate(make).evaluation.metrics.items():
        if not all(math.isfinite(value) for value in values):
            raise ContractBroken(f"{name!r} is {', '.join(f'{value:g}' for value in values)}")


@promise(*_VALID)
def input_untouched(subject: Subject) -> None:
    """The condensed set and the data are the same bits afterwards."""
    if subject.usual.spoilt:
        raise ContractBroken(f"it changes {', '.join(subject.usual.spoilt)} in place; work on copies")


PROMISES = (
    loads,
    *common.PROMISES,
    evaluates,
    *_VALID,
    same_seeds_same_metrics,
    each_repeat_by_itself,
    takes_tiles,
    takes_soft_labels,
    input_untouched,
    *process_promises(*_VALID),
)
