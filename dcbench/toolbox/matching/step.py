"""One matching step: what it draws on the CPU, and what it computes on the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from dcbench.toolbox.augment import Draw
from dcbench.toolbox.devices import send
from dcbench.toolbox.matching.embedding import chunks, embed
from dcbench.toolbox.matching.sampling import subsets

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dcbench.toolbox.augment import Augmentation
    from dcbench.toolbox.matching.embedding import Forward
    from dcbench.toolbox.matching.kernels import Objective
    from dcbench.toolbox.matching.learnable import LearnableSet
    from dcbench.toolbox.matching.optimiser import MatchingSGD
    from dcbench.toolbox.matching.regularisation import ClassAwareRegularisation
    from dcbench.toolbox.matching.sampling import RealImages


@dataclass(frozen=True, eq=False)
class Draws:
    """The random numbers of one step, for the classes that are condensed."""

    real: Tensor
    """(classes, m) int64: positions of the real images in the training split."""
    augmentation: Draw | Tensor
    """One row per class, shared by its real and its synthetic images; a tensor if settled."""
    chosen: Tensor | None
    """(classes * n,) int64: which of all training images are matched, class by class; None for all."""

    def settled(self, augmentation: Augmentation, device: torch.device) -> Draws:
        """Return the same draws as tensors on *device* whose values nobody on the CPU needs to know."""
        draw = self.augmentation
        parameters = augmentation.settle(draw) if isinstance(draw, Draw) else draw
        chosen = None if self.chosen is None else send(self.chosen, device)
        return Draws(send(self.real, device), send(parameters, device), chosen)

    def copy_(self, other: Draws) -> None:
        """Overwrite settled draws with *other* ones, settled and of the same shapes."""
        for mine, theirs in zip(self._tensors(), other._tensors(), strict=True):
            mine.copy_(theirs, non_blocking=True)

    def _tensors(self) -> list[Tensor]:
        return [one for one in (self.real, self.augmentation, self.chosen) if isinstance(one, torch.Tensor)]


class Drawer:
    """Makes the `Draws` of each step. It draws for all classes, so that a part of them sees what the whole would."""

    def __init__(
        self, real: RealImages, augmentation: Augmentation, *, size: int, synthetic: int, most: int, classes: range
    ) -> None:
        """Prepare the draws.

        Args:
            real: says how many real images there are to choose from.
            augmentation: what parameters are drawn for.
            size: side of the images in pixels.
            synthetic: training images per class.
            most: how many of those are matched at most; 0 for all.
            classes: which classes are kept of each draw.
        """
        self._real, self._augmentation, self._size = real, augmentation, size
        self._synthetic, self._most = synthetic, most
        self._own = torch.arange(classes.start, classes.stop)

    def draw(self, generator: torch.Generator) -> Draws:
        """Draw for one step from *generator*: real images, then the subset, then the augmentation."""
        real, chosen = self._real.draw(generator), None
        if 0 < self._most < self._synthetic:
            within = subsets(len(real), self._synthetic, self._most, generator)[self._own]
            starts = torch.arange(len(within)) * self._synthetic
            chosen = (starts.unsqueeze(1) + within).flatten()
        draw = self._augmentation.draw(len(real), self._size, generator, shared_operation=False)
        return Draws(real[self._own], draw.index(self._own), chosen)


class MatchingStep:
    """Moves the images of a `LearnableSet` by one step; holds no random state."""

    def __init__(
        self,
        learnable: LearnableSet,
        optimiser: MatchingSGD,
        real: RealImages,
        augmentation: Augmentation,
        objective: Objective,
        regularisation: ClassAwareRegularisation | None,
        chunk: int,
        *,
        half: bool = False,
    ) -> None:
        """Take the parts; *chunk* is how many images go through a network at once, *half* lets it convolve in bf16."""
        self.chunk = chunk
        """May be changed between steps."""
        self.forward: Forward | None = None
        """Called in the place of the network's ``embed``, if given."""
        self._learnable, self._optimiser, self._real = learnable, optimiser, real
        self._augmentation, self._objective, self._regularisation = augmentation, objective, regularisation
        self._half = half

    def __call__(self, network: nn.Module, draws: Draws, *, value: bool) -> Tensor:
        """Do the step. If it raises, nothing was changed but pixels brought back into [0, 1].

        Args:
            network: frozen; what it computes is of the type of its weights, everything else of that of the images.
            draws: as `Drawer` makes them, settled or not.
            value: whether the returned loss must be the whole loss; otherwise terms without gradient may be missing.

        Returns:
            the loss before the step, summed over classes; a scalar on the device.
        """
        self._learnable.clamp()
        position = self._optimiser.visit()
        training = self._learnable.training_images(position).flatten(0, 1)
        if draws.chosen is not None:
            training = training.index_select(0, draws.chosen)

        def by_class(features: Tensor) -> Tensor:
            return features.view(len(position), -1, features.shape[1])

        real = by_class(self._real_features(network, draws))
        synthetic = by_class(self._features(network, training, draws, slice(None)))
        losses = self._objective(synthetic, real, value=value)
        if self._regularisation is not None:
            losses = losses + self._regularisation(network, synthetic)
        loss = losses.sum()
        torch.autograd.backward(loss)
        self._optimiser.step()
        return loss.detach()

    @torch.no_grad()
    def _real_features(self, network: nn.Module, draws: Draws) -> Tensor:
        """Return features (classes * m, D) of the drawn images, whose pixels exist one chunk at a time."""
        positions = draws.real.flatten()
        return torch.cat(
            [
                self._features(network, self._real.take(positions[rows]), draws, rows, total=len(positions))
                for rows in chunks(network, len(positions), self.chunk)
            ]
        )

    def _features(
        self, network: nn.Module, images: Tensor, draws: Draws, rows: slice, *, total: int | None = None
    ) -> Tensor:
        """Return features of *images*, the *rows* of *total* ones that belong to the classes in equal shares."""
        classes, total = len(draws.real), total or len(images)
        owners = torch.arange(classes, device=draws.real.device).unsqueeze(1).expand(-1, total // classes)
        augmented = self._augmented(images, draws.augmentation, owners.reshape(-1)[rows])
        # Half precision is for convolutions alone: features that were rounded would blur distances between them.
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self._half, cache_enabled=False):
            features = embed(network, augmented, self.chunk, forward=self.forward)
        return features.to(images.dtype)

    def _augmented(self, images: Tensor, draw: Draw | Tensor, owners: Tensor) -> Tensor:
        if isinstance(draw, Draw):
            return self._augmentation.apply(images, draw.index(owners))
        return self._augmentation.apply_settled(images, draw[owners])
