"""A tiny network for matching, and the draws of a matching run made in the open, for the literal oracles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from oracles import idm
from oracles.m3d import Draws
from torch import Tensor, nn

from dcbench import DatasetInfo, ImageSet, derive_seed
from dcbench.toolbox.augment import Augmentation
from dcbench.toolbox.matching import (
    ClassSampler,
    MatchingSettings,
    QueueSettings,
    gaussian_mmd,
    initial_pixels,
    linear_mmd,
)
from dcbench.toolbox.matching.sampling import subsets
from support.fakes import MemoryTask, info_of, made_up_set

_COMMON: dict[str, Any] = {"iterations": 12, "batch_real": 5, "factor": 2, "init": "mix", "batch_syn_max": 6}
_QUEUE: dict[str, Any] = {"queue_size": 5, "train_steps": 3, "train_batch": 8, "train_lr": 0.1}
_STRATEGY = "color_crop_cutout_scale_rotate"
MATCHED: dict[str, tuple[MatchingSettings, dict[str, Any]]] = {
    "m3d": (
        MatchingSettings(
            **_COMMON, lr=20.0, iterations_per_model=3, augmentation="diffaug", strategy="color_crop_cutout"
        ),
        {"objective": gaussian_mmd, "space": "pixel", "sequential": True},
    ),
    "dm": (
        MatchingSettings(**_COMMON, lr=1.0, augmentation="dsa", strategy=_STRATEGY),
        {"objective": linear_mmd, "space": "normalised", "sequential": False},
    ),
    "idm": (
        QueueSettings(**_COMMON, **_QUEUE, lr=0.3, iterations_per_model=2, augmentation="dsa", strategy=_STRATEGY),
        {"objective": linear_mmd, "space": "normalised", "sequential": True},
    ),
}
"""Settings and ways of `match` as the three methods use it, short: what a whole run of each is tested with."""


class TinyNetwork(nn.Module):
    """Convolution, instance norm, ReLU, pooling."""

    def __init__(self, channels: int = 2) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, 4, 3, padding=1), nn.GroupNorm(4, 4), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()
        )

    def embed(self, images: Tensor) -> Tensor:
        return self.body(images)


class TinyClassifier(TinyNetwork):
    """A `TinyNetwork` for images of 6 pixels that can be trained, with or without batch norm."""

    def __init__(self, classes: int = 3, *, batch_norm: bool = False) -> None:
        super().__init__()
        if batch_norm:
            self.body[1] = nn.BatchNorm2d(4)
        self.classifier = nn.Linear(36, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.embed(images))


def tiny_task(
    classes: int = 3,
    ipc: int = 2,
    seed: int = 7,
    per_class: int = 12,
    network: Callable[[str], nn.Module] = lambda _: TinyNetwork(),
) -> MemoryTask:
    """Return a task over two-channel images of 6 pixels whose networks are tiny."""
    train = made_up_set(classes=classes, per_class=per_class, channels=2, size=6)
    return MemoryTask(train, info_of(train), ipc, network=network, seed=seed)


def statistics(info: DatasetInfo) -> tuple[Tensor, Tensor]:
    """Return mean and std, (C, 1, 1), float64."""
    return tuple(torch.tensor(metrics, dtype=torch.float64).view(-1, 1, 1) for metrics in (info.mean, info.std))


def recorded(task: MemoryTask, settings: MatchingSettings) -> tuple[Tensor, list[Draws]]:
    """Return the initial pixels, float64, and what a run with the seed of *task* draws in each of its steps."""
    generator = torch.Generator().manual_seed(task.seed)
    initial = initial_pixels(task.train, task.ipc, init=settings.init, factor=settings.factor, generator=generator)
    augmentation = Augmentation(settings.augmentation, settings.strategy).without("flip")
    steps = range(settings.iterations)
    return initial.double(), [_step(task, settings, augmentation, step, generator) for step in steps]


def _step(
    task: MemoryTask, settings: MatchingSettings, augmentation: Augmentation, step: int, generator: torch.Generator
) -> Draws:
    pixels, chosen, augment = _matching(task, settings, augmentation, generator)
    index = step // settings.iterations_per_model
    return Draws(pixels, chosen, augment, _network(task, index))


def _matching(
    task: MemoryTask, settings: MatchingSettings, augmentation: Augmentation, generator: torch.Generator
) -> tuple[Tensor, Tensor | None, Callable[[Tensor, int], Tensor]]:
    train: ImageSet = task.train
    positions = ClassSampler(train.class_index, settings.batch_real).draw(generator)
    total, most = task.ipc * settings.factor**2, settings.batch_syn_max
    chosen = subsets(train.classes, total, most, generator) if 0 < most < total else None
    draw = augmentation.draw(train.classes, train.images.shape[-1], generator, shared_operation=False)

    def augment(images: Tensor, label: int) -> Tensor:
        return augmentation.apply(images, draw.index(torch.full((len(images),), label)))

    return train.images[positions].double() / 255, chosen, augment


def _network(task: MemoryTask, index: int) -> nn.Module:
    return task.network("tiny", derive_seed(purpose="matching network", seed=task.seed, index=index)).double()


def recorded_queue(task: MemoryTask, settings: QueueSettings) -> tuple[Tensor, list[idm.Draws], list[nn.Module]]:
    """Return the initial pixels, float64, what a run with a queue draws in its steps, and the networks that join."""
    generator = torch.Generator().manual_seed(task.seed)
    initial = initial_pixels(task.train, task.ipc, init=settings.init, factor=settings.factor, generator=generator)
    augmentation = Augmentation(settings.augmentation, settings.strategy).without("flip")
    draws = []
    for step in range(settings.iterations):
        length = min(settings.queue_size, 4 + step // settings.iterations_per_model)
        matched = int(torch.randint(length, (), generator=generator))
        pixels, _, augment = _matching(task, settings, augmentation, generator)
        trained = [
            (place, [_batch(task, settings, generator) for _ in range(settings.train_steps)])
            for place in torch.randperm(length, generator=generator)[: settings.networks_trained].tolist()
        ]
        draws.append(idm.Draws(matched, pixels, augment, trained))
    joined = 4 + settings.iterations // settings.iterations_per_model
    return initial.double(), draws, [_network(task, index) for index in range(joined)]


def _batch(task: MemoryTask, settings: QueueSettings, generator: torch.Generator) -> Tensor:
    return torch.randperm(len(task.train), generator=generator)[: settings.train_batch]
