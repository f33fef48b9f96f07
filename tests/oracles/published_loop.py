"""The matching loops of M3D and DM as the published codes run them: class by class, in plain eager PyTorch.

For timing, and slow only where they are: each class goes through the network by itself, real images and synthetic ones
apart, the images lie on the device as float32, and every operation is a launch of its own. The draws are their own, so
results agree with the fast loop in distribution only; exact agreement is the business of `m3d` and `dm` next to this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class PublishedLoop:
    """One iteration after another of M3D (``kernel`` gaussian) or DM (``kernel`` mean)."""

    real: Tensor
    """(N, C, H, W) float32, normalised (DM) or in [0, 1] (M3D), on the device."""
    class_index: list[Tensor]
    """Positions of the images of each class."""
    synthetic: Tensor
    """(classes * ipc, C, H, W), a leaf with gradient."""
    make_network: Callable[[], nn.Module]
    """A new random network on the device, with `embed`."""
    augment: Callable[[Tensor], Tensor]
    """Normalises where that is left to do, and augments a batch with one draw of parameters."""
    kernel: str
    batch_real: int
    factor: int = 1
    lr: float = 1.0
    iterations_per_model: int = 1

    def __post_init__(self) -> None:
        self.optimiser = torch.optim.SGD([self.synthetic], lr=self.lr, momentum=0.5)
        self.iteration = 0

    def step(self) -> None:
        """Do one iteration over all classes."""
        if self.iteration % self.iterations_per_model == 0:
            self.network = self.make_network()
        self.iteration += 1
        if self.kernel == "gaussian":
            self.synthetic.data.clamp_(0, 1)
            for label in range(len(self.class_index)):
                self._descend(gaussian(*self._features(label)))
            return
        total = self.synthetic.new_zeros(())
        for label in range(len(self.class_index)):
            features, real = self._features(label)
            total = total + (real.mean(0) - features.mean(0)).square().sum()
        self._descend(total)

    def _descend(self, loss: Tensor) -> None:
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()

    def _features(self, label: int) -> tuple[Tensor, Tensor]:
        index = self.class_index[label]
        real = self.real[index[torch.randperm(len(index))[: self.batch_real]].to(self.real.device)]
        ipc = len(self.synthetic) // len(self.class_index)
        synthetic = decoded(self.synthetic[label * ipc : (label + 1) * ipc], self.factor)
        both = self.augment(torch.cat([real, synthetic]))
        with torch.no_grad():
            real_features = self.network.embed(both[: len(real)])
        return self.network.embed(both[len(real) :]), real_features


def decoded(images: Tensor, factor: int) -> Tensor:
    """Cut (N, C, H, W) into factor x factor tiles and enlarge each to the full side."""
    if factor == 1:
        return images
    side = images.shape[-1] // factor
    places = [(row * side, column * side) for row in range(factor) for column in range(factor)]
    tiles = torch.cat([images[..., top : top + side, left : left + side] for top, left in places])
    return functional.interpolate(tiles, size=images.shape[-2:], mode="bilinear")


def gaussian(synthetic: Tensor, real: Tensor) -> Tensor:
    """Squared MMD with the five kernels of M3D, from one matrix of distances of the pooled rows."""
    rows, count = torch.cat([synthetic, real]), len(synthetic)
    distances = torch.cdist(rows, rows).square()
    width = distances.detach().sum() / (len(rows) ** 2 - len(rows))
    kernel = torch.stack([torch.exp(-distances / (width * multiple)) for multiple in (0.25, 0.5, 1, 2, 4)]).sum(0)
    return kernel[:count, :count].mean() - 2 * kernel[:count, count:].mean() + kernel[count:, count:].mean()
