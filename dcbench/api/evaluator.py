"""Evaluators: what a condensed set is worth, in named metrics with one value per repeat."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal

from dcbench.api.renamed import renamed_arguments, take_renamed_attributes, warn_renamed
from dcbench.api.settings import S
from dcbench.api.settings import Settings as BaseSettings

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from dcbench.api.condensed import CondensedSet
    from dcbench.api.data import DatasetInfo, ImageSet
    from dcbench.api.protocol import TrainingRecipe

Unit = Literal["percent", "distance"]
"""What a metric is counted in: percent, the more the better, or a distance, the less the better."""


@dataclass(frozen=True)
class Evaluation:
    """The metrics of one evaluation."""

    metrics: Mapping[str, tuple[float, ...]]
    """Name of a metric, without a slash, to its values, one per repeat, in the order of ``context.seeds``."""

    @property
    def figures(self) -> Mapping[str, tuple[float, ...]]:
        """The former name of `metrics`."""
        warn_renamed("Evaluation.figures", "Evaluation.metrics")
        return self.metrics


Evaluation.__init__ = renamed_arguments("Evaluation", figures="metrics")(  # type: ignore[method-assign]
    Evaluation.__init__
)


class Context(ABC):
    """What an evaluator gets next to the data."""

    info: DatasetInfo
    """What the dataset is."""
    ipc: int
    """Images per class of the condensed set."""
    device: torch.device
    """Where to compute."""
    seeds: tuple[int, ...]
    """One seed per repeat, the same for every method, so that comparisons are paired."""
    recipe: TrainingRecipe | None
    """The protocol of ``settings.protocol``, expanded for this set; None if the settings have no such field."""
    chunk: int
    """How many images to push through a network at once when nothing is learnt; bounds memory, changes no result."""
    capture: bool = False
    """Whether training steps may be captured in a CUDA graph; never on a CPU."""

    @abstractmethod
    def network(self, name: str, seed: int) -> nn.Module:
        """Return a freshly initialised network of the registry for these images, on `device`, in train mode."""

    @abstractmethod
    def artifact(self, key: Mapping[str, Any], build: Callable[[int], Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """Return named tensors that evaluations of several sets share, such as features of the training images.

        As `dcbench.Task.artifact`, this evaluator's own. Methods do not see these: *build* may look at the evaluated
        split.
        """

    @abstractmethod
    def progress(self, step: int, total: int, **metrics: float) -> None:
        """Report that *step* of *total* steps are done, with the latest *metrics*.

        Raises:
            DcbenchError: as `dcbench.Task.progress`.
        """


class Evaluator(ABC, Generic[S]):
    """An evaluator. Made by the bench without arguments; holds no state between evaluations.

    Settings fields named ``protocol`` and ``network`` are filled from ``--protocol`` and ``--networks``. Give the class
    of its settings as a parameter, as for `dcbench.Method`.
    """

    revision: ClassVar[int] = 1
    """Raise it when the metrics change: old evaluations then no longer count."""
    metric: ClassVar[str] = "accuracy"
    """The metric that tables show."""
    unit: ClassVar[Unit] = "percent"
    """What the metrics are: percentages, the best of which is the highest, or distances, the best being the lowest."""
    Settings: ClassVar[type[BaseSettings]] = BaseSettings
    """The settings class; the default has no field."""
    exact: ClassVar[bool] = False
    """Whether its metrics are the same in every precision; see `dcbench.Method.exact`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Take the former names of `metric` and `unit` too."""
        super().__init_subclass__(**kwargs)
        take_renamed_attributes(cls, figure="metric", kind="unit")

    def validate(self, info: DatasetInfo, ipc: int, settings: S) -> None:
        """Refuse at planning time what cannot work.

        Raises:
            RequestError: naming the setting and what would be allowed.
        """

    @abstractmethod
    def evaluate(
        self, condensed: CondensedSet, train: ImageSet, test: ImageSet, context: Context, settings: S
    ) -> Evaluation:
        """Measure *condensed*: once for every seed of *context*.

        Args:
            condensed: the set, or a snapshot of it.
            train: the training split that it was condensed from.
            test: what is evaluated on: the test split or, under ``--split validation``, the tenth of the training split
                that is held out; *train* is then the rest.
            context: networks, seeds and the recipe.
            settings: an instance of `Settings`.

        Returns:
            `metric`, and others next to it if there are any. A value that is NaN or infinite is refused: the job fails.
        """
