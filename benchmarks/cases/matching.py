"""Whole matching steps of M3D and DM, with the settings that the methods recommend for these images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from oracles.published_loop import PublishedLoop
from support.fakes import MemoryTask

from benchmarks.case import Call, Case, description, random_set
from benchmarks.counting import Cost, network_cost
from dcbench import DatasetInfo
from dcbench.toolbox.augment import Augmentation
from dcbench.toolbox.matching import Matching, MatchingSettings, gaussian_mmd, linear_mmd
from dcbench.toolbox.networks import ConvNet, ResNet
from dcbench.toolbox.pixels import Normaliser
from dcbench_plugins.methods.dm import DM
from dcbench_plugins.methods.m3d import M3D

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dcbench.engine.work.runtime import Runtime


@dataclass(frozen=True, kw_only=True)
class Step(Case):
    """One step over all classes."""

    method: Literal["m3d", "dm"]
    ipc: int
    classes: int = 10
    side: int = 32
    per_class: int = 5000
    batch_real: int | None = None
    """Real images per class, if other than recommended."""

    def fast(self, runtime: Runtime) -> Call:
        """Return a step of the toolbox."""
        task = MemoryTask(random_set(self._info), self._info, self.ipc, network=self._network)
        task.device, task.chunk = torch.device(runtime.device), runtime.chunk_of(self.side)
        task.precision, task.capture = runtime.precision, runtime.capture
        if self.method == "m3d":
            return Matching(task, self._settings, objective=gaussian_mmd, space="pixel", sequential=True).advance
        return Matching(task, self._settings, objective=linear_mmd, space="normalised", sequential=False).advance

    def literal(self, runtime: Runtime) -> Call:
        """Return a step of the loop over classes that the published codes run."""
        train, settings, device = random_set(self._info), self._settings, torch.device(runtime.device)
        m3d = self.method == "m3d"
        normalise = Normaliser(self._info.mean, self._info.std, device).normalise
        pixels = train.images.to(device).float().div_(255)
        real = pixels if m3d else normalise(pixels)
        augment = ClassAugmentation(settings, self.side)
        return PublishedLoop(
            real=real,
            class_index=list(train.class_index),
            synthetic=torch.cat([real[index[: self.ipc]] for index in train.class_index]).requires_grad_(),
            make_network=lambda: self._network(settings.network).requires_grad_(requires_grad=False).to(device),
            augment=(lambda images: augment(normalise(images))) if m3d else augment,
            kernel="gaussian" if m3d else "mean",
            batch_real=settings.batch_real,
            factor=settings.factor,
            lr=settings.lr,
            iterations_per_model=settings.iterations_per_model,
        ).step

    def cost(self) -> Cost:
        """Count the networks: real images forward, synthetic ones forward and back to their pixels."""
        settings, info = self._settings, self._info
        network = network_cost(self._network(settings.network), info.shape, lambda module: module.embed)
        real, synthetic = min(self.per_class, settings.batch_real), self.ipc * settings.factor**2
        if settings.batch_syn_max:
            synthetic = min(synthetic, settings.batch_syn_max)
        return self.classes * ((real + synthetic) * network.forward + synthetic * network.image_gradient)

    @property
    def _info(self) -> DatasetInfo:
        return description(self.classes, self.per_class, self.side)

    @property
    def _settings(self) -> MatchingSettings:
        settings = (M3D() if self.method == "m3d" else DM()).settings_for(self._info, self.ipc)
        return settings if self.batch_real is None else settings.changed({"batch_real": self.batch_real})

    def _network(self, name: str) -> nn.Module:
        if name == "resnetap10":
            return ResNet(self._info.shape, self.classes, norm="instance", average_pool=True)
        return ConvNet(self._info.shape, self.classes)


class ClassAugmentation:
    """Augments the images of one class with one draw, as the published loops do class by class."""

    def __init__(self, settings: MatchingSettings, side: int) -> None:
        """Take semantics and strategy from *settings*; images are *side* pixels wide."""
        self._augmentation = Augmentation(settings.augmentation, settings.strategy)
        self._side, self._generator = side, torch.Generator().manual_seed(0)

    def __call__(self, images: Tensor) -> Tensor:
        """Return *images* (N, C, H, W), augmented."""
        draw = self._augmentation.draw(1, self._side, self._generator, shared_operation=True)
        return self._augmentation.apply(images, draw.index(torch.zeros(len(images), dtype=torch.long)))


def _cifar10(method: Literal["m3d", "dm"], ipc: int) -> Step:
    return Step(name=f"{method}-ipc{ipc}", what=f"10 classes of 3x32x32, IPC {ipc}", method=method, ipc=ipc)


def _cifar100(method: Literal["m3d", "dm"], ipc: int) -> Step:
    return Step(
        name=f"{method}-100-classes-ipc{ipc}",
        what=f"100 classes of 3x32x32, IPC {ipc}",
        method=method,
        ipc=ipc,
        classes=100,
        per_class=500,
        cpu=False,
    )


def _small(method: Literal["m3d", "dm"]) -> Step:
    return Step(
        name=f"{method}-ipc1-16-real",
        what="10 classes of 3x32x32, IPC 1, 16 real images a class",
        method=method,
        ipc=1,
        per_class=500,
        batch_real=16,
        quick=True,
    )


_IMAGENET = Step(
    name="m3d-224px-ipc10",
    what="10 classes of 3x224x224, IPC 10, 64 real images a class, ResNetAP-10",
    method="m3d",
    ipc=10,
    side=224,
    per_class=100,
    cpu=False,
)

CASES = (
    *[_cifar10(method, ipc) for method in ("m3d", "dm") for ipc in (1, 10, 50)],
    *[_cifar100(method, ipc) for method in ("m3d", "dm") for ipc in (1, 10)],
    _IMAGENET,
    *[_small(method) for method in ("m3d", "dm")],
)
