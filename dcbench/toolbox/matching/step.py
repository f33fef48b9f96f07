"""One matching step: from what was drawn, through the features of both sides, to images that have moved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from dcbench.toolbox.augment import Augmentation
    from dcbench.toolbox.matching.learnable import LearnableSet
    from dcbench.toolbox.matching.objectives import Objective, Term
    from dcbench.toolbox.matching.optimiser import MatchingSGD
    from dcbench.toolbox.matching.sampling import RealImages, StepInput

Forward = Callable[["Tensor"], "Tensor"]
"""From images (N, C, H, W) to features (N, D)."""

KEPT = 8
"""Chunks whose activations are kept at once where a gradient is wanted; beyond, activations are computed again."""


class MatchingStep:
    """Moves the images of a `LearnableSet` by one step; holds no random state."""

    def __init__(
        self,
        learnable: LearnableSet,
        optimiser: MatchingSGD,
        signal: Signal,
        objective: Objective,
        term: Term | None,
    ) -> None:
        """Take the parts.

        Args:
            learnable: the images.
            optimiser: moves them.
            signal: what of the real and of the synthetic images is compared.
            objective: how it is compared.
            term: what is added to the objective, if anything.
        """
        self.signal = signal
        """Its ``chunk`` and ``forward`` may be changed between steps."""
        self._learnable, self._optimiser = learnable, optimiser
        self._objective, self._term = objective, term

    def __call__(self, network: nn.Module, draw: StepInput, *, value: bool) -> Tensor:
        """Do the step. If it raises, nothing has changed but pixels that were clamped to [0, 1].

        Args:
            network: frozen; it computes in the type of its weights, everything else in the type of the images.
            draw: what was drawn for this step.
            value: whether the returned loss must be the whole loss; otherwise terms without gradient may be missing.

        Returns:
            the loss before the step, summed over classes; a scalar on the device.
        """
        self._learnable.clamp()
        position = self._optimiser.visit()
        training = self._learnable.training_images(position).flatten(0, 1)
        if draw.chosen is not None:
            # Not index_select: under deterministic algorithms its backward synchronises with the GPU.
            training = training[draw.chosen]
        real = self.signal.real(network, draw)
        synthetic = self.signal.synthetic(network, training, draw)
        losses = self._objective(synthetic, real, value=value)
        if self._term is not None:
            losses = losses + self._term(network, synthetic)
        loss = losses.sum()
        torch.autograd.backward(loss)
        self._optimiser.step()
        return loss.detach()


class Signal(ABC):
    """What of the real and of the synthetic images is compared, for all classes at once."""

    chunk: int
    """Images that go through a network at once; may be changed between steps."""
    forward: Forward | None = None
    """Called in the place of the network's ``embed`` if given, such as a compiled one."""

    @abstractmethod
    def real(self, network: nn.Module, draw: StepInput) -> Tensor:
        """Return the signal (classes, m, D) of the real images that *draw* names, without gradient."""

    @abstractmethod
    def synthetic(self, network: nn.Module, images: Tensor, draw: StepInput) -> Tensor:
        """Return the signal (classes, n, D) of *images* (classes * n, C, H, W), normalised, with gradient."""


class FeatureSignal(Signal):
    """Features of augmented images; real and synthetic images of a class are augmented with the same parameters.

    Features have the type of the images, whatever the type of the weights.
    """

    def __init__(self, images: RealImages, augmentation: Augmentation, chunk: int, *, half: bool) -> None:
        """Take the parts.

        Args:
            images: the real images.
            augmentation: applied to both sides.
            chunk: images that go through a network at once.
            half: whether the network may convolve in bf16.
        """
        self.chunk = chunk
        self._real, self._augmentation, self._half = images, augmentation, half

    @torch.no_grad()
    def real(self, network: nn.Module, draw: StepInput) -> Tensor:
        """See `Signal.real`. The pixels of one chunk exist at a time."""
        positions = draw.real.flatten()
        parts = [
            self._features(network, self._real.take(positions[rows]), draw, rows, total=len(positions))
            for rows in chunks(network, len(positions), self.chunk)
        ]
        return _by_class(torch.cat(parts), draw)

    def synthetic(self, network: nn.Module, images: Tensor, draw: StepInput) -> Tensor:
        """See `Signal.synthetic`."""
        return _by_class(self._features(network, images, draw, slice(None), total=len(images)), draw)

    def _features(self, network: nn.Module, images: Tensor, draw: StepInput, rows: slice, *, total: int) -> Tensor:
        """Return features of *images*: the *rows* of *total* ones, of which each class has an equal share."""
        count = len(draw.real)
        classes = torch.arange(count, device=draw.real.device).unsqueeze(1).expand(-1, total // count)
        augmented = draw.augmented(self._augmentation, images, classes.reshape(-1)[rows])
        # bf16 is for convolutions alone: rounded features would blur the distances between them. Without the cache of
        # cast weights: weights change in place between steps, and each replay of a captured step must cast them anew.
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self._half, cache_enabled=False):
            features = embed(network, augmented, self.chunk, forward=self.forward)
        return features.to(images.dtype)


def _by_class(features: Tensor, draw: StepInput) -> Tensor:
    return features.view(len(draw.real), -1, features.shape[1])


def embed(network: nn.Module, images: Tensor, chunk: int, *, forward: Forward | None = None) -> Tensor:
    """Return ``network.embed`` of *images*, in chunks that bound the memory and do not change the result.

    Where a gradient is wanted and there are more images than `KEPT` chunks, activations are computed again in the
    backward pass instead of being kept. A network whose statistics run over the batch gets all images at once, as in
    the DM code: chunks would change its features.

    Args:
        network: a module with ``embed``.
        images: (N, C, H, W), normalised.
        chunk: images per forward pass.
        forward: a faster function with the results of ``network.embed``, called in its place.

    Returns:
        (N, D)
    """
    forward = forward or cast("Forward", network.embed)
    learning = torch.is_grad_enabled() and images.requires_grad
    parts = [images[rows] for rows in chunks(network, len(images), KEPT * chunk if learning else chunk)]
    if len(parts) == 1:
        return forward(images)
    return torch.cat([_recomputed(forward, part) if learning else forward(part) for part in parts])


def chunks(network: nn.Module, count: int, most: int) -> Iterator[slice]:
    """Yield the rows of *count* images that go through *network* together: *most*, or all if it mixes images.

    If some number of chunks, up to twice the least, comes out even, all chunks are equally long: fewer shapes to
    compile for.
    """
    if mixes_images(network) or count <= most:
        yield slice(0, count)
        return
    least = -(-count // most)
    even = next((number for number in range(least, 2 * least + 1) if count % number == 0), None)
    size = count // even if even else most
    for start in range(0, count, size):
        yield slice(start, min(count, start + size))


def mixes_images(network: nn.Module) -> bool:
    """Return whether the features of an image depend on its batch: batch norm in train mode."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) and module.training for module in network.modules())


def _recomputed(forward: Forward, part: Tensor) -> Tensor:
    # A matched network draws nothing, so the states of the random generators need not be saved and restored.
    return checkpoint(forward, part, use_reentrant=False, preserve_rng_state=False)
