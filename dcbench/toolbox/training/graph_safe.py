"""One training step of one network in a form that can be captured in a CUDA graph and replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from dcbench.toolbox.training.trainer import mixed_cross_entropy

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dcbench.api.protocol import TrainingRecipe
    from dcbench.toolbox.training.batches import BatchTensorDraw, Preparation, TrainingSet


class GraphSafeStep:
    """The training of one network, a step at a time, with every changing number in a tensor of fixed address.

    A graph replays kernels on the addresses that it was captured with. So the rows of the batch, their augmentation and
    mixing, and the learning rate are values of tensors. Weights, momentum and running statistics change in place.
    Nothing is read back to the host, which would block it and is not allowed in a capture.

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
        self._optimiser = GraphSafeSGD(list(network.parameters()), recipe)

    def __call__(self, draw: BatchTensorDraw) -> None:
        """Do one step on the batch of *draw*, whose tensors are on the device of the network."""
        images, labels = self._data.batch(draw.rows)
        logits = self._network(self._preparation.apply_tensors(images, draw))
        self._optimiser.step(self._loss(logits, labels, draw), self._lr)

    def _loss(self, logits: Tensor, labels: Tensor, draw: BatchTensorDraw) -> Tensor:
        if not self._mixes:
            return functional.cross_entropy(logits, labels)
        return mixed_cross_entropy(logits, labels, draw.partners, draw.share.to(logits.dtype))

    def begin_epoch(self, *, fresh: bool) -> None:
        """Put the network into train mode, and set the momentum to zero if *fresh*."""
        self._network.train()
        if fresh:
            self._optimiser.reset()

    def state(self) -> list[Tensor]:
        """Return every tensor that a step changes, itself."""
        own = (*self._network.parameters(), *self._network.buffers())
        return [*(tensor.detach() for tensor in own), *self._optimiser.momentum]


class GraphSafeSGD:
    """SGD with momentum in a few kernels for all weights, all of it in place.

    With a momentum buffer of zeros the first step is that of torch's optimiser, which starts without a buffer.

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
        # Not backward(): it adds to buffers in ``.grad``, which would have to keep their addresses and be cleared.
        gradients = torch.autograd.grad(loss, self._weights, materialize_grads=True)
        with torch.no_grad():
            torch._foreach_mul_(self.momentum, self._recipe.momentum)
            torch._foreach_add_(self.momentum, gradients)
            torch._foreach_add_(self.momentum, self._weights, alpha=self._recipe.weight_decay)
            torch._foreach_sub_(self._weights, list(torch._foreach_mul(self.momentum, lr)))

    def reset(self) -> None:
        """Set the momentum to zero."""
        torch._foreach_zero_(self.momentum)
