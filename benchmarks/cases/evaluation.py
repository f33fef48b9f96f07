"""Evaluation: training networks on a condensed set, and scoring one on a test set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from benchmarks.case import Call, Case, description, random_pixels, random_set
from benchmarks.counting import Cost, network_cost
from dcbench.toolbox.networks import ConvNet
from dcbench.toolbox.pixels import Normaliser
from dcbench.toolbox.training import accuracy, train, train_side_by_side
from dcbench_plugins.protocols import M3D

if TYPE_CHECKING:
    from dcbench import TrainingRecipe
    from dcbench.engine.work.runtime import Runtime

_CLASSES = 10


def _network(side: int, device: torch.device | str = "cpu") -> ConvNet:
    return ConvNet((3, side, side), _CLASSES).to(device)


@dataclass(frozen=True, kw_only=True)
class Training(Case):
    """Some epochs of several ConvNet-3 on one condensed set, under the protocol of M3D."""

    networks: int
    images: int
    epochs: int
    side: int = 32
    gpu_warm_up: int = 1

    def fast(self, runtime: Runtime) -> Call:
        """Return the training of all networks side by side."""
        networks = [_network(self.side, runtime.device) for _ in range(self.networks)]
        images, labels = self._data(runtime)

        def run() -> None:
            train_side_by_side(
                networks,
                images,
                labels,
                self._recipe,
                generators=[torch.Generator().manual_seed(seed) for seed in range(self.networks)],
                after_epoch=lambda *_: None,
                capture=runtime.capture,
            )

        return run

    def literal(self, runtime: Runtime) -> Call:
        """Return the training of one network after another."""
        networks = [_network(self.side, runtime.device) for _ in range(self.networks)]
        images, labels = self._data(runtime)

        def run() -> None:
            for seed, network in enumerate(networks):
                train(network, images, labels, self._recipe, generator=torch.Generator().manual_seed(seed))

        return run

    def cost(self) -> Cost:
        """Count the training of each network on each image in each epoch."""
        network = network_cost(_network(self.side), (3, self.side, self.side), lambda module: module)
        return self.networks * self.images * self.epochs * network.training

    @property
    def _recipe(self) -> TrainingRecipe:
        recipe = M3D().recipe(description(_CLASSES, self.images, self.side), 1, 1)
        return recipe.changed({"epochs": self.epochs, "milestones": (), "best_of": ()})

    def _data(self, runtime: Runtime) -> tuple[torch.Tensor, torch.Tensor]:
        images = random_pixels(self.images, 3, self.side, self.side)
        return images.to(runtime.device), (torch.arange(self.images) % _CLASSES).to(runtime.device)


@dataclass(frozen=True, kw_only=True)
class Scoring(Case):
    """The accuracy of one ConvNet-3."""

    images: int
    side: int = 32

    def fast(self, runtime: Runtime) -> Call:
        """Return the scoring of the toolbox."""
        info = description(_CLASSES, math.ceil(self.images / _CLASSES), self.side)
        test, network = random_set(info), _network(self.side, runtime.device)
        images, labels = test.images.to(runtime.device), test.labels.to(runtime.device)
        chunk = runtime.chunk_of(self.side)
        return lambda: accuracy(network, images, labels, info.mean, info.std, chunk)

    def literal(self, runtime: Runtime) -> Call:
        """Return the loop of the published codes: batches of 256 normalised float32 images, each read by the host."""
        info = description(_CLASSES, math.ceil(self.images / _CLASSES), self.side)
        test, network = random_set(info), _network(self.side, runtime.device).eval()
        images = Normaliser(info.mean, info.std).normalise(test.images).to(runtime.device)
        labels = test.labels.to(runtime.device)

        @torch.no_grad()
        def score() -> float:
            correct = 0
            for batch, targets in zip(torch.split(images, 256), torch.split(labels, 256), strict=True):
                correct += int((network(batch).argmax(1) == targets).sum())
            return 100 * correct / len(labels)

        return score

    def cost(self) -> Cost:
        """Count one forward pass for each image."""
        return self.images * network_cost(_network(self.side), (3, self.side, self.side), lambda module: module).forward


CASES = (
    Training(
        name="evaluate-10-networks",
        what="1 epoch of 10 ConvNet-3 on 400 images of 3x32x32",
        networks=10,
        images=400,
        epochs=1,
    ),
    Training(
        name="evaluate-10-networks-100-epochs",
        what="100 epochs of 10 ConvNet-3 on 400 images of 3x32x32",
        networks=10,
        images=400,
        epochs=100,
        cpu=False,
    ),
    Scoring(name="score", what="ConvNet-3 on 10,000 images of 3x32x32", images=10_000),
    Training(
        name="evaluate-2-networks-32-images",
        what="1 epoch of 2 ConvNet-3 on 32 images of 3x32x32",
        networks=2,
        images=32,
        epochs=1,
        quick=True,
    ),
    Scoring(name="score-256-images", what="ConvNet-3 on 256 images of 3x32x32", images=256, quick=True),
)
