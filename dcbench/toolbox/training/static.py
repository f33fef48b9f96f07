"""One training step of one network as arithmetic on tensors that never move: what can be captured and replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from dcbench.toolbox.training.loss import mixed_cross_entropy

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dcbench.api.protocol import TrainingRecipe
    from dcbench.toolbox.training.draws import SettledDraw
    from dcbench.toolbox.training.preparation import Preparation
    from dcbench.toolbox.training.training_set import TrainingSet


class StaticStep:
    """The training of one network, a step at a time, without anything that only the host knows.

    Which images, how they are augmented and mixed, and the learning rate are values of tensors; weights, momentum and
    running statistics change in place. Nothing waits for an accelerator.

    Args:
        network: trained in place.
        data: on the device of the network.
        preparation: of the same recipe.
        recipe: gives momentum and weight decay.
        lr: () of the type of the weights, on their device: the learning rate, read at every step.
    """

    def __init__(
        self, network: nn.Module, data: TrainingSet, preparation: Preparation, recipe: TrainingRecipe, lr: Tensor
    ) -> None:
        self._network = network
        self._data, self._preparation, self._mixes, self._lr = data, preparation, recipe.cutmix > 0, lr
        self._optimiser = StaticSGD(list(network.parameters()), recipe)

    def __call__(self, draw: SettledDraw) -> None:
        """Do one step on the batch of *draw*, whose tensors are on the device of the network."""
        images, labels = self._data.batch(draw.rows)
        logits = self._network(self._preparation.apply_settled(images, draw))
        self._optimiser.step(self._loss(logits, labels, draw), self._lr)

    def _loss(self, logits: Tensor, labels: Tensor, draw: SettledDraw) -> Tensor:
        if not self._mixes:
            return functional.cross_entropy(logits, labels)
        return mixed_cross_entropy(logits, labels, draw.partners, draw.share.to(logits.dtype))

    def begin_epoch(self, *, fresh: bool) -> None:
        """Put the network into train mode, and let the momentum start from nothing if *fresh*."""
        self._network.train()
        if fresh:
            self._optimiser.forget()

    def state(self) -> list[Tensor]:
        """Return every tensor that a step changes, itself."""
        own = (*self._network.parameters(), *self._network.buffers())
        return [*(tensor.detach() for tensor in own), *self._optimiser.momentum]


class StaticSGD:
    """SGD with momentum in a few kernels for all weights, all of it in place.

    A momentum of zero gives at the first step what torch's optimiser, which has none yet, gives.

    Args:
        weights: what is learnt.
        recipe: gives momentum and weight decay.
    """

    def __init__(self, weights: list[nn.Parameter], recipe: TrainingRecipe) -> None:
        self._weights: list[Tensor] = [weight for weight in weights if weight.requires_grad]
        self._recipe = recipe
        self.momentum = [torch.zeros_like(weight) for weight in self._weights]
        """One buffer for each weight."""

    def step(self, loss: Tensor, lr: Tensor) -> None:
        """Move the weights against the gradient of *loss* (), by *lr* ()."""
        # Not backward(): gradients that belong to nobody but this step need no buffers that must be kept and cleared.
        gradients = torch.autograd.grad(loss, self._weights, materialize_grads=True)
        with torch.no_grad():
            torch._foreach_mul_(self.momentum, self._recipe.momentum)
            torch._foreach_add_(self.momentum, gradients)
            torch._foreach_add_(self.momentum, self._weights, alpha=self._recipe.weight_decay)
            torch._foreach_sub_(self._weights, list(torch._foreach_mul(self.momentum, lr)))

    def forget(self) -> None:
        """Set the momentum to zero."""
        torch._foreach_zero_(self.momentum)
