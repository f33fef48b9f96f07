"""Protocols: how a network is trained on a condensed set. An accuracy without its protocol means nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from dcbench.api.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcbench.api.data import DatasetInfo


class TrainingRecipe(Settings):
    """One training from start to end: the expanded form of a protocol for one dataset, IPC and factor.

    The optimiser is SGD with momentum. Everything but `repeats` is part of an evaluation's key.
    """

    epochs: int = Field(ge=1, description="passes over the decoded condensed set")
    batch_size: int = Field(ge=1, description="images per step; the last batch of an epoch may be smaller")
    lr: float = Field(0.01, gt=0, description="learning rate at the start")
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of SGD")
    weight_decay: float = Field(5e-4, ge=0, description="L2 penalty")
    milestones: tuple[int, ...] = Field(
        (), description="epochs, counted from 0, before which lr is multiplied by gamma"
    )
    gamma: float = Field(0.1, gt=0, description="factor at each milestone")
    reset_momentum: bool = Field(False, description="start a fresh optimiser at each milestone, as the DC code does")
    augmentation: Literal["none", "dc", "dc-spline", "dsa", "diffaug", "imagenet"] = Field(
        "none",
        description="what the strategy means; dc-spline rotates as the code of DC does, dc bilinearly about the "
        "centre, which no published code does; imagenet crops, flips and colours photographs and has none",
    )
    strategy: str = Field(
        "", description="operations joined by underscores, such as color_crop_cutout_flip_scale_rotate"
    )
    cutmix: float = Field(
        0.0, ge=0, le=1, description="probability of CutMix for a batch; cutout is dropped when above 0"
    )
    cutmix_beta: float = Field(1.0, gt=0, description="both parameters of the Beta distribution of the area share")
    mean: tuple[float, ...] = Field(description="subtracted from pixels in [0, 1], one per channel")
    std: tuple[float, ...] = Field(description="divides the pixels after that, one per channel")
    best_of: tuple[int, ...] = Field(
        (),
        description="epochs, counted from 1, that best-epoch accuracy is the best of, on the evaluated split, the last "
        "one always among them; empty: best-epoch accuracy is that of the last epoch",
    )
    repeats: int = Field(5, ge=1, description="networks trained per condensed set unless --repeats says otherwise")

    def key_form(self) -> dict[str, object]:
        """Return what the recipe adds to an evaluation's key: all but the number of repeats."""
        return {name: value for name, value in self.digest_form().items() if name != "repeats"}


@dataclass(frozen=True)
class NetworkChoice:
    """A network that is going to be trained, by name."""

    record: str
    """Name of its record, such as ``convnet3``."""
    settings: Mapping[str, Any]
    """All of its settings, such as depth, width and norm."""


def superseded(recipe: Mapping[str, Any] | None) -> str:
    """Return what a recipe does otherwise than its protocol does today, in words; empty for one of today.

    Args:
        recipe: as an evaluation keeps it; None for an evaluator without a protocol.
    """
    names = str((recipe or {}).get("strategy", "")).split("_")
    if (recipe or {}).get("augmentation") == "dc" and "rotate" in names:
        return "rotates bilinearly; the protocol of today rotates by cubic splines, as the published code does"
    return ""


class Protocol(ABC):
    """A named way to train on a condensed set: a pure function from dataset, IPC and factor to a `TrainingRecipe`."""

    cite: ClassVar[str] = ""
    """Where the protocol was published or whose code it follows."""

    @abstractmethod
    def recipe(self, info: DatasetInfo, ipc: int, factor: int) -> TrainingRecipe:
        """Return the recipe for a set of *ipc* images per class that each hold factor x factor training images."""

    def recipe_on(
        self,
        network: NetworkChoice,
        info: DatasetInfo,
        ipc: int,
        factor: int,
    ) -> TrainingRecipe:
        """Return the recipe for training *network*: that of `recipe`, unless the protocol treats the network apart."""
        return self.recipe(info, ipc, factor)
