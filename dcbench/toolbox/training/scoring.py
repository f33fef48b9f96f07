"""Accuracy of a trained network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from dcbench.toolbox.devices import retry_with_smaller_chunk
from dcbench.toolbox.pixels import Normaliser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn


@torch.no_grad()
def accuracy(
    network: nn.Module, images: Tensor, labels: Tensor, mean: Sequence[float], std: Sequence[float], chunk: int
) -> float:
    """Return the share of *images* that the network classifies correctly, in percent.

    The network is in eval mode during the call and has its old mode back afterwards.

    Args:
        network: maps (N, C, H, W) to logits (N, classes).
        images: (N, C, H, W), uint8 or floating in [0, 1]; may lie on another device than the network.
        labels: (N,) int64.
        mean: of the normalisation, one per channel.
        std: of the normalisation, one per channel.
        chunk: images at once, halved when memory runs out; the result does not depend on it.
    """
    normaliser = Normaliser.for_network(mean, std, network)

    def correct(chunk: int) -> int:
        count = torch.zeros((), dtype=torch.int64, device=normaliser.device)
        for start in range(0, len(labels), chunk):
            rows = slice(start, start + chunk)
            count += (network(normaliser.normalise(images[rows])).argmax(1) == labels[rows].to(normaliser.device)).sum()
        return int(count)

    was_training = network.training
    network.eval()
    percent = 100 * retry_with_smaller_chunk(correct, chunk) / len(labels)
    network.train(was_training)
    return percent
