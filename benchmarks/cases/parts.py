"""The parts of a matching step other than the network: discrepancy, augmentation, and decoding of patches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from oracles.published_loop import decoded, gaussian

from benchmarks.case import Call, Case, random_pixels
from benchmarks.cases.matching import ClassAugmentation
from benchmarks.counting import Cost
from dcbench import decode_patches
from dcbench.toolbox.augment import Augmentation
from dcbench.toolbox.devices import to_device_async
from dcbench.toolbox.matching import MatchingSettings, gaussian_mmd
from dcbench_plugins.methods.dm import DMSettings
from dcbench_plugins.methods.m3d import M3DSettings

if TYPE_CHECKING:
    from dcbench.engine.work.runtime import Runtime

_FLOAT32 = 4


@dataclass(frozen=True, kw_only=True)
class GaussianMMD(Case):
    """The gradient of the discrepancy of given features, without its value, which the loop seldom computes."""

    classes: int
    synthetic: int
    real: int
    width: int

    def fast(self, runtime: Runtime) -> Call:
        """Return the batched products."""
        synthetic, real = self._features(runtime)

        def step() -> None:
            loss = gaussian_mmd(synthetic, real, value=False).sum()
            torch.autograd.grad(loss, synthetic)

        return step

    def literal(self, runtime: Runtime) -> Call:
        """Return the loop over classes."""
        synthetic, real = self._features(runtime)

        def step() -> None:
            for label in range(self.classes):
                mine = synthetic[label].detach().requires_grad_()
                torch.autograd.grad(gaussian(mine, real[label]), mine)

        return step

    def cost(self) -> Cost:
        """Count a product of n x D with D x (n + m), and one back; features and gradients move once."""
        n, m, rows = self.synthetic, self.real, self.classes * self.width
        return Cost(2 * 2 * rows * n * (n + m), _FLOAT32 * rows * (n + m + n))

    def _features(self, runtime: Runtime) -> tuple[torch.Tensor, torch.Tensor]:
        features = random_pixels(self.classes, self.synthetic + self.real, self.width).to(runtime.device)
        synthetic, real = torch.split(features, [self.synthetic, self.real], 1)
        return synthetic.clone().requires_grad_(), real.clone()


@dataclass(frozen=True, kw_only=True)
class ClassBatchAugmentation(Case):
    """One draw of parameters for each class, applied to all its images."""

    method: Literal["m3d", "dm"]
    classes: int
    per_class: int
    side: int = 32

    def fast(self, runtime: Runtime) -> Call:
        """Return all classes in chunks, as they go through a network; on a GPU from draws as tensors."""
        images, settings = self._images(runtime), self._settings
        augmentation = Augmentation(settings.augmentation, settings.strategy)
        generator = torch.Generator().manual_seed(0)
        owners = torch.arange(self.classes).repeat_interleave(self.per_class).to(images.device)
        size = runtime.chunk_of(self.side)
        chunks = list(zip(torch.split(images, size), torch.split(owners, size), strict=True))

        def step() -> None:
            draw = augmentation.draw(self.classes, self.side, generator, shared_operation=False)
            tensors = to_device_async(augmentation.as_tensors(draw), images.device) if images.is_cuda else None
            for chunk, of_class in chunks:
                if tensors is None:
                    augmentation.apply(chunk, draw.index(of_class))
                else:
                    augmentation.apply_tensors(chunk, tensors[of_class])

        return step

    def literal(self, runtime: Runtime) -> Call:
        """Return the loop over classes."""
        classes = torch.split(self._images(runtime), self.per_class)
        augment = ClassAugmentation(self._settings, self.side)

        def step() -> None:
            for images in classes:
                augment(images)

        return step

    def cost(self) -> Cost:
        """Count each pixel as read and written once; the arithmetic is negligible."""
        return Cost(0, 2 * _FLOAT32 * self.classes * self.per_class * 3 * self.side**2)

    @property
    def _settings(self) -> MatchingSettings:
        return M3DSettings() if self.method == "m3d" else DMSettings()

    def _images(self, runtime: Runtime) -> torch.Tensor:
        return random_pixels(self.classes * self.per_class, 3, self.side, self.side).to(runtime.device)


@dataclass(frozen=True, kw_only=True)
class PatchDecoding(Case):
    """Stored images to training images, and the gradient back."""

    classes: int
    ipc: int
    factor: int
    side: int

    def fast(self, runtime: Runtime) -> Call:
        """Return two matrix products for all classes."""
        images = self._images(runtime).requires_grad_()
        gradient = self._gradient(self.classes, runtime)
        return lambda: torch.autograd.grad(decode_patches(images, self.factor), images, gradient)

    def literal(self, runtime: Runtime) -> Call:
        """Return the loop over classes, with torch's interpolation."""
        classes = [images.clone().requires_grad_() for images in torch.split(self._images(runtime), self.ipc)]
        gradient = self._gradient(1, runtime)

        def step() -> None:
            for images in classes:
                torch.autograd.grad(decoded(images, self.factor), images, gradient)

        return step

    def cost(self) -> Cost:
        """Count both products and their gradients; stored and training images and their gradients move once."""
        stored = 3 * self.classes * self.ipc
        tile = -(-self.side // self.factor)
        products = 2 * tile * self.side * (tile + self.side) * stored * self.factor**2
        return Cost(2 * products, 2 * _FLOAT32 * stored * self.side**2 * (1 + self.factor**2))

    def _images(self, runtime: Runtime) -> torch.Tensor:
        return random_pixels(self.classes * self.ipc, 3, self.side, self.side).to(runtime.device)

    def _gradient(self, classes: int, runtime: Runtime) -> torch.Tensor:
        return random_pixels(classes * self.ipc * self.factor**2, 3, self.side, self.side).to(runtime.device)


CASES = (
    GaussianMMD(
        name="gaussian-mmd",
        what="10 classes, 40 synthetic and 128 real features of 2048, with gradient",
        classes=10,
        synthetic=40,
        real=128,
        width=2048,
    ),
    ClassBatchAugmentation(
        name="augment-m3d", what="10 classes, 168 images of 3x32x32 each", method="m3d", classes=10, per_class=168
    ),
    ClassBatchAugmentation(
        name="augment-dm", what="10 classes, 266 images of 3x32x32 each", method="dm", classes=10, per_class=266
    ),
    PatchDecoding(
        name="decode",
        what="10 classes of 3x32x32, IPC 10, factor 2, with gradient",
        classes=10,
        ipc=10,
        factor=2,
        side=32,
    ),
    PatchDecoding(
        name="decode-224px",
        what="10 classes of 3x224x224, IPC 10, factor 3, with gradient",
        classes=10,
        ipc=10,
        factor=3,
        side=224,
    ),
    GaussianMMD(
        name="gaussian-mmd-32-real",
        what="10 classes, 4 synthetic and 32 real features of 2048, with gradient",
        classes=10,
        synthetic=4,
        real=32,
        width=2048,
        quick=True,
    ),
    ClassBatchAugmentation(
        name="augment-m3d-36-images",
        what="10 classes, 36 images of 3x32x32 each",
        method="m3d",
        classes=10,
        per_class=36,
        quick=True,
    ),
    PatchDecoding(
        name="decode-ipc1",
        what="10 classes of 3x32x32, IPC 1, factor 2, with gradient",
        classes=10,
        ipc=1,
        factor=2,
        side=32,
        quick=True,
    ),
)
