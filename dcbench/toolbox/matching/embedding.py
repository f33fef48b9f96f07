"""Features of many images, in chunks that bound the memory and change no result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

Forward = Callable[["Tensor"], "Tensor"]
"""From images (N, C, H, W) to features (N, D)."""

KEPT = 8
"""Where a gradient is wanted, the activations of so many chunks are kept at once; beyond, they are computed again."""


def embed(network: nn.Module, images: Tensor, chunk: int, *, forward: Forward | None = None) -> Tensor:
    """Return ``network.embed`` of *images*.

    Where a gradient is wanted and there are more images than `KEPT` chunks, activations are computed again on the way
    back instead of being kept. A network whose statistics run over the batch is given all images at once, as the DM
    code does: chunks would change what it computes.

    Args:
        network: a module with ``embed``.
        images: (N, C, H, W), normalised.
        chunk: images per forward.
        forward: called in the place of ``network.embed``, which it computes faster.

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
    return checkpoint(forward, part, use_reentrant=False, preserve_rng_state=False)
