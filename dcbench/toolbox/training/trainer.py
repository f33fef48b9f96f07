"""Training a network on a condensed set, as a `TrainingRecipe` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from dcbench.toolbox.augment import Augmentation, CutMix, DCAugmentation, Mix
from dcbench.toolbox.pixels import Normaliser

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from dcbench.api.protocol import TrainingRecipe


def train(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    recipe: TrainingRecipe,
    *,
    generator: torch.Generator,
    after_epoch: Callable[[int], None] | None = None,
) -> None:
    """Train *network* in place.

    Each epoch draws a permutation; each batch draws an augmentation (if there is one) and then CutMix (if its
    probability is above 0), in which case cutout is left out of the strategy, as in the IDC code (``train.py``).

    Args:
        network: maps (N, C, H, W) to logits (N, classes).
        images: (N, C, H, W), uint8 or floating in [0, 1]; moved to the network's device batch by batch.
        labels: (N,) int64, or class probabilities (N, classes).
        recipe: everything else.
        generator: on the CPU, so that the draws are the same on every device.
        after_epoch: called with the number of epochs done, 1 after the first.

    Raises:
        ValueError: there are no images, or not as many labels.
    """
    if len(images) == 0 or len(images) != len(labels):
        raise ValueError(f"cannot train on {len(images)} images with {len(labels)} labels")
    prepare = _Preparation(network, recipe, generator)
    labels = labels.to(images.device)
    if labels.is_floating_point():
        labels = labels.to(prepare.normaliser.dtype)
    schedule = _Schedule(network, recipe)
    for epoch in range(recipe.epochs):
        network.train()
        optimiser = schedule.optimiser(epoch)
        order = torch.randperm(len(images), generator=generator).to(images.device)
        for start in range(0, len(order), recipe.batch_size):
            rows = order[start : start + recipe.batch_size]
            batch, mix = prepare(images[rows])
            loss = _loss(network(batch), labels[rows].to(batch.device), mix)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
        if after_epoch is not None:
            after_epoch(epoch + 1)


class _Preparation:
    """What happens to a batch before the network sees it."""

    def __init__(self, network: nn.Module, recipe: TrainingRecipe, generator: torch.Generator) -> None:
        self.normaliser = Normaliser.for_network(recipe.mean, recipe.std, network)
        self._generator = generator
        self._augment = self._augmentation(recipe)
        self._cutmix = CutMix(recipe.cutmix, recipe.cutmix_beta) if recipe.cutmix > 0 else None

    def _augmentation(self, recipe: TrainingRecipe) -> Callable[[Tensor], Tensor]:
        if recipe.augmentation == "dc":
            strong = DCAugmentation(recipe.strategy)
            return lambda batch: strong.apply(batch, strong.draw(len(batch), self._generator))
        named = Augmentation(recipe.augmentation, recipe.strategy)
        chosen = named.without("cutout") if recipe.cutmix > 0 else named
        if not chosen:
            return lambda batch: batch
        return lambda batch: chosen.apply(
            batch, chosen.draw(len(batch), batch.shape[-1], self._generator, shared_operation=True)
        )

    def __call__(self, batch: Tensor) -> tuple[Tensor, Mix | None]:
        batch = self.normaliser.normalise(batch)
        rows, size = len(batch), batch.shape[-1]
        batch = self._augment(batch)
        mix = self._cutmix.draw(rows, size, self._generator) if self._cutmix else None
        return (batch if mix is None else mix.images(batch)), mix


class _Schedule:
    """SGD whose learning rate drops at the milestones."""

    def __init__(self, network: nn.Module, recipe: TrainingRecipe) -> None:
        self._network, self._recipe = network, recipe
        self._lr = recipe.lr
        self._optimiser = self._fresh()

    def _fresh(self) -> torch.optim.SGD:
        recipe = self._recipe
        return torch.optim.SGD(
            self._network.parameters(), lr=self._lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
        )

    def optimiser(self, epoch: int) -> torch.optim.SGD:
        """Return the optimiser for *epoch*, counted from 0 and asked for in order."""
        if epoch in self._recipe.milestones:
            self._lr *= self._recipe.gamma
            if self._recipe.reset_momentum:
                self._optimiser = self._fresh()
            for group in self._optimiser.param_groups:
                group["lr"] = self._lr
        return self._optimiser


def _loss(logits: Tensor, labels: Tensor, mix: Mix | None) -> Tensor:
    own = functional.cross_entropy(logits, labels)
    if mix is None:
        return own
    others = functional.cross_entropy(logits, labels[mix.partners.to(labels.device)])
    return mix.share * own + (1 - mix.share) * others
