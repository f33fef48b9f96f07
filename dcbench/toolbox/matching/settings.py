"""Settings that all matching methods share, and what can be refused before anything is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from dcbench import RequestError, Settings
from dcbench.toolbox.augment import Augmentation
from dcbench.toolbox.matching.initial import images_needed

if TYPE_CHECKING:
    from dcbench import DatasetInfo


class MatchingSettings(Settings):
    """The common fields; a method adds its own and sets its defaults."""

    iterations: int = Field(1000, ge=0, description="matching steps; 0 returns the initialisation")
    lr: float = Field(1.0, gt=0, description="learning rate of the images, as published")
    momentum: float = Field(0.5, ge=0, lt=1, description="momentum of SGD over the images")
    factor: int = Field(1, ge=1, description="tiles per side of a stored image; each tile is a training image")
    iterations_per_model: int = Field(1, ge=1, description="steps before a new random network is drawn")
    batch_real: int = Field(
        128, ge=1, description="real images per class and step; the smallest class bounds it for all classes"
    )
    batch_syn_max: int = Field(
        0, ge=0, description="most synthetic images per class and step, a random subset beyond; 0 takes all"
    )
    init: Literal["random", "mix", "noise"] = Field(
        "random", description="start from real images, from factor x factor shrunk ones in each, or from noise"
    )
    network: str = Field("convnet3", description="network whose features are matched; never trained")
    augmentation: Literal["none", "dsa", "diffaug"] = Field("none", description="which semantics the strategy has")
    strategy: str = Field("", description="operations joined by underscores; flip is left out where mirrors are wrong")


def validate(info: DatasetInfo, ipc: int, settings: MatchingSettings) -> None:
    """Refuse settings that cannot work on a dataset.

    Raises:
        RequestError: naming the setting and what would be allowed.
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
    """Return the largest factor from 1 to *wanted* for which a class of *smallest* images fills *ipc* mixed ones."""
    return next((factor for factor in range(wanted, 1, -1) if ipc * factor**2 <= smallest), 1)
