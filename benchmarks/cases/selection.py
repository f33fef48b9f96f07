"""Choosing images of each class in a feature space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from oracles.selection import herding_loop, k_center_loop

from benchmarks.case import Call, Case
from benchmarks.counting import Cost
from dcbench.toolbox.selection import BLOCK_BYTES, class_blocks
from dcbench_plugins.methods.herding import herd
from dcbench_plugins.methods.k_center import farthest_first

if TYPE_CHECKING:
    from dcbench.engine.work.runtime import Runtime

_FLOAT64 = 8


@dataclass(frozen=True, kw_only=True)
class Choice(Case):
    """Picks from given float32 features, equally many of every class."""

    rule: Literal["herding", "k-center"]
    ipc: int
    classes: int = 10
    per_class: int = 5000
    width: int = 2048

    def fast(self, runtime: Runtime) -> Call:
        """Return the picks of several classes at a time, in float64."""
        features = self._features(runtime)
        choose = herd if self.rule == "herding" else farthest_first
        sizes = [self.per_class] * self.classes

        def pick() -> None:
            for rows, present in class_blocks(iter(features), sizes, BLOCK_BYTES):
                choose(rows, present, self.ipc).cpu()

        return pick

    def literal(self, runtime: Runtime) -> Call:
        """Return the loops over classes and picks, in float32."""
        features = self._features(runtime)
        loop = herding_loop if self.rule == "herding" else k_center_loop

        def pick() -> None:
            for one_class in features:
                loop(one_class, self.ipc)

        return pick

    def cost(self) -> Cost:
        """Count one float32 read of the features, and one pass over them in float64 for each pick."""
        numbers = self.classes * self.per_class * self.width
        return self.ipc * Cost(2 * numbers, _FLOAT64 * numbers) + Cost(0, numbers * torch.float32.itemsize)

    def _features(self, runtime: Runtime) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(0)
        shape = (self.per_class, self.width)
        return [torch.randn(shape, generator=generator).to(runtime.device) for _ in range(self.classes)]


def _cifar10(rule: Literal["herding", "k-center"], ipc: int) -> Choice:
    return Choice(
        name=f"{rule}-ipc{ipc}", what=f"10 classes, 5000 features of 2048 each, IPC {ipc}", rule=rule, ipc=ipc
    )


def _small(rule: Literal["herding", "k-center"]) -> Choice:
    return Choice(
        name=f"{rule}-ipc10-500-images",
        what="10 classes, 500 features of 2048 each, IPC 10",
        rule=rule,
        ipc=10,
        per_class=500,
        quick=True,
    )


CASES = (
    *[_cifar10(rule, ipc) for rule in ("herding", "k-center") for ipc in (10, 50)],
    *[_small(rule) for rule in ("herding", "k-center")],
)
