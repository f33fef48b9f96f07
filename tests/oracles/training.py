"""Training on a condensed set, step by step, with SGD and the cross-entropy written out.

The random draws are asked for in the documented order, so that the same generator gives the same training.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from oracles import augmentation, dc_augmentation, imagenet_augmentation
from torch import Generator, Tensor, nn

from dcbench.toolbox.augment import ImageNetAugmentation

if TYPE_CHECKING:
    from dcbench import TrainingRecipe


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    total = logits.new_zeros(())
    for row, label in zip(logits, labels, strict=True):
        log_probabilities = row - torch.log(torch.exp(row).sum())
        if label.ndim == 0:
            total = total - log_probabilities[int(label)]
        else:
            for probability, log_probability in zip(label, log_probabilities, strict=True):
                total = total - probability * log_probability
    return total / len(logits)


def normalised(image: Tensor, recipe: TrainingRecipe) -> Tensor:
    pixels = image.double() / 255 if image.dtype == torch.uint8 else image.double()
    return torch.stack([(pixels[c] - recipe.mean[c]) / recipe.std[c] for c in range(len(pixels))])


def dc_augmented(batch: Tensor, recipe: TrainingRecipe, named: list[str], generator: Generator) -> Tensor:
    spline = recipe.augmentation == "dc-spline"
    apply = {
        "crop": dc_augmentation.crop,
        "scale": dc_augmentation.scale,
        "rotate": dc_augmentation.rotate if spline else dc_augmentation.rotate_bilinearly,
    }
    numbers = torch.rand((len(batch), 3), generator=generator, dtype=torch.float64).tolist()
    values = batch[0].numel() if "noise" in named else 0
    noise = torch.randn((len(batch), values), generator=generator, dtype=torch.float64)
    changed = []
    for image, (choice, first, second), its_noise in zip(batch, numbers, noise, strict=True):
        name = named[int(choice * len(named))]
        if name == "noise":
            changed.append(image + 0.001 * its_noise.reshape(image.shape))
        else:
            changed.append(apply[name](image, first, second, batch))
    return torch.stack(changed)


def imagenet_augmented(batch: Tensor, recipe: TrainingRecipe, generator: Generator) -> Tensor:
    mean, std = (torch.tensor(metrics, dtype=torch.float64).view(-1, 1, 1) for metrics in (recipe.mean, recipe.std))
    rows = ImageNetAugmentation(recipe.mean, recipe.std).draw(len(batch), batch.shape[-1], generator).tolist()
    changed = [imagenet_augmentation.augment(image * std + mean, row) for image, row in zip(batch, rows, strict=True)]
    return (torch.stack(changed) - mean) / std


def batch_loss(
    network: nn.Module, batch: Tensor, labels: Tensor, recipe: TrainingRecipe, generator: Generator
) -> Tensor:
    named = [name for name in recipe.strategy.split("_") if name]
    if recipe.cutmix > 0:
        named = [name for name in named if name != "cutout"]
    if recipe.augmentation in ("dc", "dc-spline"):
        batch = dc_augmented(batch, recipe, named, generator)
    elif recipe.augmentation == "imagenet":
        batch = imagenet_augmented(batch, recipe, generator)
    elif recipe.augmentation != "none" and named:
        u = torch.rand((len(batch), 12), generator=generator, dtype=torch.float64).tolist()
        batch = augmentation.augment_batch(batch, recipe.augmentation, named, u, True)
    if recipe.cutmix > 0:
        decision, row, column = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
        if decision < recipe.cutmix:
            both = torch.full((2,), recipe.cutmix_beta, dtype=torch.float64)
            one, other = torch._standard_gamma(both, generator=generator).tolist()
            partners = torch.randperm(len(batch), generator=generator).tolist()
            *box, share = augmentation.cutmix_box(one / (one + other), row, column, batch.shape[-1])
            logits = network(augmentation.cutmix(batch, partners, (box[0], box[1], box[2], box[3])))
            theirs = torch.stack([labels[partner] for partner in partners])
            return share * cross_entropy(logits, labels) + (1 - share) * cross_entropy(logits, theirs)
    return cross_entropy(network(batch), labels)


def train(network: nn.Module, images: Tensor, labels: Tensor, recipe: TrainingRecipe, generator: Generator) -> None:
    weights = list(network.parameters())
    momentum: list[Tensor | None] = [None] * len(weights)
    lr = recipe.lr
    for epoch in range(recipe.epochs):
        if epoch in recipe.milestones:
            lr = lr * recipe.gamma
            if recipe.reset_momentum:
                momentum = [None] * len(weights)
        order = torch.randperm(len(images), generator=generator).tolist()
        for step in range(math.ceil(len(order) / recipe.batch_size)):
            chosen = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
            batch = torch.stack([normalised(images[i], recipe) for i in chosen])
            loss = batch_loss(network, batch, torch.stack([labels[i] for i in chosen]), recipe, generator)
            gradients = torch.autograd.grad(loss, weights)
            for k, weight in enumerate(weights):
                gradient = gradients[k] + recipe.weight_decay * weight.detach()
                before = momentum[k]
                velocity = gradient if before is None else recipe.momentum * before + gradient
                momentum[k] = velocity
                with torch.no_grad():
                    weight.sub_(lr * velocity)
