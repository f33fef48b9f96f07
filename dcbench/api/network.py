"""Networks: an architecture that can be built for any dataset, with an embedding that matching methods compare."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Generic

from dcbench.api.settings import S
from dcbench.api.settings import Settings as BaseSettings

if TYPE_CHECKING:
    from torch import nn


class Network(ABC, Generic[S]):
    """An architecture. An instance of this class describes it; `build` makes modules.

    Modules map (N, C, H, W) to logits (N, classes) by ``forward`` and to features (N, D), the input of the last linear
    layer, by ``embed``. Give the class of its settings as a parameter, as for `dcbench.Method`.
    """

    revision: ClassVar[int] = 1
    """Raise it when the architecture or its initialisation changes: old results made with it then no longer count.

    These are the condensed sets and the evaluations whose setting ``network`` names it.
    """
    Settings: ClassVar[type[BaseSettings]] = BaseSettings
    """The settings class, such as depth and width."""

    def validate(self, shape: tuple[int, int, int], settings: S) -> None:
        """Refuse images of *shape* (C, H, W) that these settings cannot take.

        Raises:
            RequestError: with what would fit.
        """

    @abstractmethod
    def build(self, shape: tuple[int, int, int], classes: int, settings: S) -> nn.Module:
        """Return a freshly initialised module on the CPU.

        Draws come from torch's global generator, which the bench seeds before and restores after.
        """
