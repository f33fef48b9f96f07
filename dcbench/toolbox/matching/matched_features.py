"""Features of the two sides of a matching step: the real images that were drawn, and the synthetic ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from dcbench.toolbox.augment import Draw
from dcbench.toolbox.matching.embedding import chunks, embed

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dcbench.toolbox.augment import Augmentation
    from dcbench.toolbox.matching.draws import Draws
    from dcbench.toolbox.matching.embedding import Forward
    from dcbench.toolbox.matching.sampling import RealImages


class MatchedFeatures:
    """Augments and embeds images, those of a class with the same parameters on either side.

    Networks that are given are frozen; features have the type of the images, whatever that of the weights.
    """

    def __init__(self, real: RealImages, augmentation: Augmentation, chunk: int, *, half: bool) -> None:
        """Take the parts.

        Args:
            real: where the real images come from.
            augmentation: what both sides go through.
            chunk: how many images go through a network at once.
            half: whether the network may convolve in bf16.
        """
        self.chunk = chunk
        """May be changed between steps."""
        self.forward: Forward | None = None
        """Called in the place of the network's ``embed``, if given."""
        self._real, self._augmentation, self._half = real, augmentation, half

    @torch.no_grad()
    def real(self, network: nn.Module, draws: Draws) -> Tensor:
        """Return features (classes, m, D) of the drawn real images, whose pixels exist one chunk at a time."""
        positions = draws.real.flatten()
        parts = [
            self._features(network, self._real.take(positions[rows]), draws, rows, total=len(positions))
            for rows in chunks(network, len(positions), self.chunk)
        ]
        return _by_class(torch.cat(parts), draws)

    def synthetic(self, network: nn.Module, images: Tensor, draws: Draws) -> Tensor:
        """Return features (classes, n, D) of *images* (classes * n, C, H, W), which are normalised."""
        return _by_class(self._features(network, images, draws, slice(None), total=len(images)), draws)

    def _features(self, network: nn.Module, images: Tensor, draws: Draws, rows: slice, *, total: int) -> Tensor:
        """Return features of *images*, the *rows* of *total* ones that belong to the classes in equal shares."""
        classes = len(draws.real)
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


def _by_class(features: Tensor, draws: Draws) -> Tensor:
    return features.view(len(draws.real), -1, features.shape[1])
