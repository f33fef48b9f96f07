"""Test accuracy of networks trained on the condensed set from scratch: the usual measure of dataset condensation."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import Field

import dcbench
from dcbench.toolbox.devices import moved_if_room
from dcbench.toolbox.training import accuracy, train_side_by_side

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench import CondensedSet, Context, Evaluation, ImageSet, TrainingRecipe


class AccuracySettings(dcbench.Settings):
    """How to train, and what."""

    protocol: str = Field("m3d", description="protocol that networks are trained under")
    network: str = Field("convnet3", description="architecture that is trained")


class Accuracy(dcbench.Evaluator[AccuracySettings]):
    """Trains one network per seed, side by side, and scores it on the test set.

    Metrics, in percent: ``accuracy`` after the last epoch, and ``accuracy_best_epoch``, the best of that and of the
    epochs that the protocol names, which is picked on the test set as many papers do.
    """

    Settings = AccuracySettings

    metric: ClassVar[str] = "accuracy"

    def evaluate(
        self,
        condensed: CondensedSet,
        train: ImageSet,
        test: ImageSet,
        context: Context,
        settings: AccuracySettings,
    ) -> Evaluation:
        """Return both metrics, one value for each of ``context.seeds``.

        Raises:
            RequestError: the context holds no recipe.
        """
        if context.recipe is None:
            raise dcbench.RequestError("accuracy needs a protocol to train under; name one with --protocol")
        repeats = _Repeats(*training_images(condensed, train), test, context, context.recipe)
        curves = repeats.run(settings.network)
        return dcbench.Evaluation(
            {
                "accuracy": tuple(curve[-1] for curve in curves),
                "accuracy_best_epoch": tuple(max(curve) for curve in curves),
            }
        )


def training_images(condensed: CondensedSet, train: ImageSet) -> tuple[Tensor, Tensor]:
    """Return the images (N, C, H, W) that a network is trained on and their labels.

    A selection stays uint8, a quarter of the memory that pixels in [0, 1] take. The whole training set is not copied:
    it may be larger than the memory.
    """
    chosen = condensed.source_indices
    if chosen is not None and condensed.decoder.name == "identity":
        everything = torch.equal(chosen, torch.arange(len(train)))
        return train.images if everything else train.images[chosen], condensed.labels
    return condensed.decode(train)


class _Repeats:
    """Trains networks side by side on one condensed set; what they share lies on the device once, if there is room."""

    def __init__(
        self, images: Tensor, labels: Tensor, test: ImageSet, context: Context, recipe: TrainingRecipe
    ) -> None:
        device = context.device
        self._images, self._labels = moved_if_room(images, device), labels.to(device)
        self._test_images, self._test_labels = moved_if_room(test.images, device), test.labels.to(device)
        self._context, self._recipe = context, recipe
        self._done, self._latest = 0, dict[str, float]()
        self._reporting = Lock()

    def run(self, network_name: str) -> list[list[float]]:
        """Return the accuracies of each repeat in the order of their epochs; the last is that of the last epoch."""
        context, recipe = self._context, self._recipe
        networks = [context.network(network_name, seed) for seed in context.seeds]
        seeds = [dcbench.derive_seed(purpose="training", seed=seed) for seed in context.seeds]
        curves: list[list[float]] = [[] for _ in networks]

        def after_epoch(number: int, epoch: int) -> None:
            metrics: dict[str, float] = {}
            if epoch == recipe.epochs or epoch in recipe.best_of:
                metrics["accuracy"] = self._score(networks[number])
                curves[number].append(metrics["accuracy"])
            self._report(metrics)

        train_side_by_side(
            networks,
            self._images,
            self._labels,
            recipe,
            generators=[torch.Generator().manual_seed(seed) for seed in seeds],
            after_epoch=after_epoch,
            capture=context.capture,
        )
        return curves

    def _score(self, network: torch.nn.Module) -> float:
        recipe = self._recipe
        return accuracy(network, self._test_images, self._test_labels, recipe.mean, recipe.std, self._context.chunk)

    def _report(self, metrics: dict[str, float]) -> None:
        """Count one more epoch of some network; networks report from several threads."""
        with self._reporting:
            self._done += 1
            self._latest |= metrics
            self._context.progress(self._done, len(self._context.seeds) * self._recipe.epochs, **self._latest)
