"""Every protocol, as it is for each of its datasets, against the literal trainer, step by step."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
import torch
from oracles import training as oracle
from support.fakes import info_of, made_up_set
from torch import nn

from dcbench import NetworkChoice, Protocol
from dcbench.toolbox.training import train
from dcbench_plugins import protocols

GREY, DIGITS = {"channels": 1}, {"mnist", "svhn"}
LOW_RESOLUTION = {"mnist": GREY, "fashion-mnist": GREY, "svhn": {}, "cifar10": {}, "cifar100": {}}
PLACES = [
    *((name, dataset, ipc, factor) for name in ("dc", "dsa", "idc", "m3d") for dataset in LOW_RESOLUTION
      for ipc, factor in ((1, 1), (1, 2), (10, 2))),
    ("idc-imagenet", "imagenet10", 10, 3),
    ("idc-imagenet", "imagenet100", 10, 3),
    ("short", "digits", 1, 1),
]  # fmt: skip
STEPS = 6


def made(
    name: str, dataset: str, ipc: int, factor: int, trained: Any = ("convnet3", {})
) -> tuple[Any, torch.Tensor, torch.Tensor]:
    """Return the recipe with few epochs, of one batch each, and images in double precision with their labels."""
    record = next(record for record in protocols.dcbench_protocols() if record.name == name)
    module, _, attribute = record.target.partition(":")
    protocol: Protocol = getattr(import_module(module), attribute)()
    classes = 100 if dataset.endswith("100") else 10
    real = made_up_set(classes=classes, per_class=2, channels=LOW_RESOLUTION.get(dataset, {}).get("channels", 3))
    info = info_of(real, name=dataset, mirror_ok=dataset not in DIGITS | {"digits"})
    recipe = protocol.recipe_on(NetworkChoice(*trained), info, ipc, factor)
    drops = tuple(range(2, 2 + 2 * len(recipe.milestones), 2))
    count = min(12, recipe.batch_size)
    images = real.images[:count].double() / 255
    return recipe.changed({"epochs": STEPS, "milestones": drops, "best_of": ()}), images, real.labels[:count]


def network(images: torch.Tensor, classes: int) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(images[0].numel(), 6), nn.Tanh(), nn.Linear(6, classes)).double()


@pytest.mark.parametrize(("name", "dataset", "ipc", "factor"), PLACES)
def test_a_protocol_trains_as_the_literal_trainer_does(name: str, dataset: str, ipc: int, factor: int) -> None:
    check(*made(name, dataset, ipc, factor))


@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_dc_on_batch_norm_trains_as_the_literal_trainer_does(dataset: str) -> None:
    recipe, images, labels = made("dc", dataset, 1, 1, ("convnet3", {"norm": "batch"}))
    assert recipe.strategy == "crop_noise"
    check(recipe, images, labels)


def check(recipe: Any, images: torch.Tensor, labels: torch.Tensor) -> None:
    before = list(network(images, 100).parameters())
    for steps in range(1, STEPS + 1):
        some = recipe.changed({"epochs": steps, "milestones": tuple(m for m in recipe.milestones if m < steps)})
        fast, slow = network(images, 100), network(images, 100)
        train(fast, images, labels, some, generator=torch.Generator().manual_seed(3))
        oracle.train(slow, images, labels, some, torch.Generator().manual_seed(3))
        for ours, theirs, earlier in zip(fast.parameters(), slow.parameters(), before, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)
            assert not torch.equal(ours, earlier), f"step {steps} changed nothing"
        before = list(fast.parameters())
