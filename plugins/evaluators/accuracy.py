"""Test accuracy of networks trained on the condensed set from scratch: the usual measure of dataset condensation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from pydantic import Field

import dcbench
from dcbench.toolbox.training import accuracy, train

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench import CondensedSet, Context, Evaluation, ImageSet, TrainingRecipe


class Accuracy(dcbench.Evaluator):
    """Trains one network per seed and looks at the test set.

    Figures, in percent: ``accuracy`` after the last epoch, and ``accuracy_best_epoch``, the best of that and of the
    epochs that the protocol names, which is picked on the test set as many papers do.
    """

    class Settings(dcbench.Settings):
        """How to train, and what."""

        protocol: str = Field("m3d", description="protocol that networks are trained under")
        network: str = Field("convnet3", description="architecture that is trained")

    figure: ClassVar[str] = "accuracy"

    def evaluate(
        self,
        condensed: CondensedSet,
        train: ImageSet,
        test: ImageSet,
        context: Context,
        settings: Any,
    ) -> Evaluation:
        """Return both figures, one value for each of ``context.seeds``.

        Raises:
            RequestError: the context holds no recipe.
        """
        if context.recipe is None:
            raise dcbench.RequestError("accuracy needs a protocol to train under; name one with --protocol")
        images, labels = training_images(condensed, train)
        repeats = _Repeats(
            images.to(context.device),
            labels.to(context.device),
            test.images.to(context.device),
            test.labels.to(context.device),
            context,
            context.recipe,
        )
        curves = [repeats.run(number, settings.network) for number in range(len(context.seeds))]
        return dcbench.Evaluation(
            {
                "accuracy": tuple(curve[-1] for curve in curves),
                "accuracy_best_epoch": tuple(max(curve) for curve in curves),
            }
        )


def training_images(condensed: CondensedSet, train: ImageSet) -> tuple[Tensor, Tensor]:
    """Return the images (N, C, H, W) that a network is trained on and their labels.

    A selection stays uint8, a quarter of the memory that pixels in [0, 1] take: it may be the whole training set.
    """
    if condensed.source_indices is not None and condensed.decoder.name == "identity":
        return train.images[condensed.source_indices], condensed.labels
    return condensed.decode(train)


class _Repeats:
    """Trains networks on one condensed set; everything they share lies on the device once."""

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        test_images: Tensor,
        test_labels: Tensor,
        context: Context,
        recipe: TrainingRecipe,
    ) -> None:
        self._images, self._labels = images, labels
        self._test_images, self._test_labels = test_images, test_labels
        self._context, self._recipe = context, recipe
        self._latest: dict[str, float] = {}

    def run(self, number: int, network_name: str) -> list[float]:
        """Return the accuracies of repeat *number* in the order of their epochs; the last is that of the last epoch."""
        context, recipe = self._context, self._recipe
        seed = context.seeds[number]
        network = context.network(network_name, seed)
        curve: list[float] = []

        def after_epoch(epoch: int) -> None:
            if epoch == recipe.epochs or epoch in recipe.best_of:
                curve.append(self._score(network))
                self._latest = {"accuracy": curve[-1]}
            done = number * recipe.epochs + epoch
            context.progress(done, len(context.seeds) * recipe.epochs, **self._latest)

        generator = torch.Generator().manual_seed(dcbench.derive_seed(purpose="training", seed=seed))
        train(network, self._images, self._labels, recipe, generator=generator, after_epoch=after_epoch)
        return curve

    def _score(self, network: torch.nn.Module) -> float:
        recipe = self._recipe
        return accuracy(network, self._test_images, self._test_labels, recipe.mean, recipe.std, self._context.chunk)
