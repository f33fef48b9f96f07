"""A tiny training set, networks in double precision, and recipes, for tests of training."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from dcbench import TrainingRecipe

FULL = "color_crop_cutout_flip_scale_rotate"


def recipe_of(**changes: Any) -> TrainingRecipe:
    values: dict[str, Any] = {"epochs": 4, "batch_size": 3, "lr": 0.1}
    statistics: dict[str, Any] = {"mean": (0.4, 0.5, 0.45), "std": (0.2, 0.3, 0.25)}
    return TrainingRecipe(**{**values, **statistics, **changes})


RECIPES = {
    "plain": recipe_of(),
    "dc-spline": recipe_of(augmentation="dc-spline", strategy="crop_scale_rotate_noise"),
    "dc": recipe_of(milestones=(2,), gamma=0.1, reset_momentum=True, augmentation="dc", strategy="crop_scale_rotate"),
    "dsa": recipe_of(milestones=(2, 3), gamma=0.1, reset_momentum=True, augmentation="dsa", strategy=FULL),
    "kept momentum": recipe_of(milestones=(2, 3), gamma=0.2, augmentation="diffaug", strategy="crop_scale_rotate"),
    "idc": recipe_of(milestones=(2,), gamma=0.2, augmentation="diffaug", strategy=FULL, cutmix=0.7),
    "idc-imagenet": recipe_of(milestones=(2,), gamma=0.2, augmentation="imagenet", cutmix=1.0),
    "cutmix alone": recipe_of(cutmix=1.0, cutmix_beta=0.4, weight_decay=0.1, momentum=0.5),
    "without momentum": recipe_of(momentum=0, weight_decay=0, batch_size=100),
}


def network_of(seed: int = 0, *, batch_norm: bool = False) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        norm = nn.BatchNorm1d(6) if batch_norm else nn.Identity()
        return nn.Sequential(nn.Flatten(), nn.Linear(75, 6), nn.Tanh(), norm, nn.Linear(6, 3)).double()


def data(*, soft: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Seven images of 5 x 5 pixels and three channels, of three classes."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(7, 3, 5, 5, generator=generator, dtype=torch.float64)
    labels = torch.rand(7, 3, generator=generator, dtype=torch.float64).softmax(1) if soft else torch.arange(7) % 3
    return images, labels


def seeded(seed: int = 9) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
