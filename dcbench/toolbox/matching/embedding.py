"""Features of many images, in chunks that bound the memory and change no result."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def embed(network: nn.Module, images: Tensor, chunk: int) -> Tensor:
    """Return ``network.embed`` of *images*.

    Where a gradient is wanted and there is more than one chunk, activations are computed again on the way back instead
    of being kept. A network whose statistics run over the batch is given all images at once, as the DM code does:
    chunks would change what it computes.

    Args:
        network: a module with ``embed``.
        images: (N, C, H, W), normalised.
        chunk: images per forward.

    Returns:
        (N, D)
    """
    forward = cast("Callable[[Tensor], Tensor]", network.embed)
    size = len(images) if mixes_images(network) else chunk
    parts = [images[start : start + size] for start in range(0, len(images), size)]
    if len(parts) == 1:
        return forward(images)
    if torch.is_grad_enabled() and images.requires_grad:
        return torch.cat([_recomputed(forward, part) for part in parts])
    return torch.cat([forward(part) for part in parts])


def mixes_images(network: nn.Module) -> bool:
    """Return whether the features of an image depend on its batch: batch norm in train mode."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) and module.training for module in network.modules())


def _recomputed(forward: Callable[[Tensor], Tensor], part: Tensor) -> Tensor:
    return checkpoint(forward, part, use_reentrant=False, preserve_rng_state=False)
