"""Settings that all matching methods share, the checks before a run, and the steps at which a run keeps its set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from dcbench import RequestError, Settings, TrainingRecipe
from dcbench.toolbox.augment import Augmentation
from dcbench.toolbox.matching.learnable import Init, images_needed
from dcbench.toolbox.matching.network_sources import NetworkQueue, NetworkSource, RandomNetworks

if TYPE_CHECKING:
    import torch

    from dcbench import DatasetInfo, Task
    from dcbench.toolbox.matching.sampling import RealImages

# The fields of matching settings, so that a method that sets another default need not describe a field again.
Iterations = Annotated[int, Field(ge=0, description="matching steps; 0 returns the initialisation")]
ImageRate = Annotated[float, Field(gt=0, description="learning rate of the images")]
Factor = Annotated[int, Field(ge=1, description="tiles per side of a stored image; each tile is a training image")]
NetworkSteps = Annotated[int, Field(ge=1, description="steps before a new random network is drawn")]
BatchReal = Annotated[
    int, Field(ge=1, description="real images per class and step; the smallest class bounds it for all classes")
]
BatchSynthetic = Annotated[
    int, Field(ge=0, description="most synthetic images per class and step, a random subset beyond; 0 is all")
]
MixedInit = Annotated[
    Init,
    Field(
        description="start from real images, from factor x factor ones in each, shrunk to the nearest pixel or "
        "bilinearly, or from noise"
    ),
]
Semantics = Annotated[
    Literal["none", "dsa", "diffaug"],
    Field(
        description="how the strategy is used: dsa applies one operation, drawn from all; diffaug applies flip, color "
        "and cutout, and one drawn from the others"
    ),
]
Strategy = Annotated[
    str, Field(description="operations joined by underscores; flip is left out where mirrors are wrong")
]


class MatchingSettings(Settings):
    """The common fields, for networks that are drawn at random; a method adds its own fields and sets its defaults."""

    iterations: Iterations = 1000
    lr: ImageRate = 1.0
    momentum: float = Field(0.5, ge=0, lt=1, description="momentum of SGD over the images")
    factor: Factor = 1
    iterations_per_model: NetworkSteps = 1
    batch_real: BatchReal = 128
    batch_syn_max: BatchSynthetic = 0
    init: MixedInit = "random"
    network: str = Field("convnet3", description="network whose features are matched; never trained")
    augmentation: Semantics = "none"
    strategy: Strategy = ""

    def network_source(self, task: Task, real: RealImages, dtype: torch.dtype) -> NetworkSource:  # noqa: ARG002
        """Return where the networks of a run come from.

        Args:
            task: gives networks and random draws.
            real: the training images, for sources that train.
            dtype: type of the weights.
        """
        return RandomNetworks(task, self.network, steps=self.iterations_per_model, dtype=dtype)


class QueueSettings(MatchingSettings):
    """The common fields, and those of a queue of networks; the defaults are those of IDM for CIFAR-10 at IPC 10."""

    iterations_per_model: int = Field(30, ge=1, description="steps before one more random network joins the queue")
    network: str = Field("convnet3", description="network whose features are matched, and that is trained in the queue")
    queue_size: int = Field(100, ge=1, description="most networks in the queue; the oldest leaves when another joins")
    networks_trained: int = Field(2, ge=0, description="networks of the queue that are trained after each step")
    train_steps: int = Field(10, ge=1, description="steps that each of those is trained for")
    train_batch: int = Field(256, ge=1, description="real images of all classes per training step, not augmented")
    train_lr: float = Field(0.01, gt=0, description="learning rate of the networks")
    train_momentum: float = Field(0.9, ge=0, lt=1, description="momentum of SGD over the networks")
    train_weight_decay: float = Field(5e-4, ge=0, description="L2 penalty of the networks")
    accuracy_window: int = Field(
        100, ge=0, description="steps before the training accuracies of the networks are counted anew; 0 never does"
    )
    ce_weight: float = Field(
        0.5,
        ge=0,
        description="weight of the cross-entropy of the synthetic images, times the network's training accuracy in "
        "percent",
    )

    def recipe(self, info: DatasetInfo) -> TrainingRecipe:
        """Return how the networks of the queue are trained on *info*; `train_steps` says how long."""
        return TrainingRecipe(
            epochs=1,
            batch_size=self.train_batch,
            lr=self.train_lr,
            momentum=self.train_momentum,
            weight_decay=self.train_weight_decay,
            mean=info.mean,
            std=info.std,
        )

    def network_source(self, task: Task, real: RealImages, dtype: torch.dtype) -> NetworkSource:
        """Return a `NetworkQueue`, whose term is a `ClassAwareRegularisation`."""
        return NetworkQueue(task, self, real, dtype=dtype)


def validate(info: DatasetInfo, ipc: int, settings: MatchingSettings) -> None:
    """Refuse settings that cannot work on a dataset.

    Raises:
        RequestError: names the setting and the values that are allowed.
    """
    size, smallest = info.shape[-1], min(info.train_counts)
    if settings.factor > size:
        raise RequestError(f"factor={settings.factor}: at most {size}, the side of the images of {info.name}")
    needed = images_needed(settings.init, ipc, settings.factor)
    if needed > smallest:
        raise RequestError(
            f"init={settings.init} takes {needed} images of each class at IPC {ipc} and factor {settings.factor}; "
            f"the smallest class of {info.name} has {smallest}. {_allowed(smallest, ipc, settings)}"
        )
    try:
        Augmentation(settings.augmentation, settings.strategy)
    except ValueError as error:
        raise RequestError(f"strategy={settings.strategy}: {error}") from error


def _allowed(smallest: int, ipc: int, settings: MatchingSettings) -> str:
    if ipc > smallest:
        return f"Allowed: init=noise, or an IPC of at most {smallest}"
    return f"Allowed: factor={largest_factor(settings.factor, smallest, ipc)} or below, init=random, or init=noise"


def largest_factor(wanted: int, smallest: int, ipc: int) -> int:
    """Return the largest factor from 1 to *wanted* with which a class of *smallest* images fills *ipc* mixed ones."""
    return next((factor for factor in range(wanted, 1, -1) if ipc * factor**2 <= smallest), 1)


def snapshot_steps(total: int) -> tuple[int, ...]:
    """Return the steps after which a run of *total* steps keeps a snapshot: 0, then 10, 20, 50, 100, ... below it."""
    later = (digit * 10**power for power in range(1, len(str(total))) for digit in (1, 2, 5))
    return (0, *(step for step in later if step < total))
