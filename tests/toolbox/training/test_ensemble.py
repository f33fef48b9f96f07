"""The arithmetic of captured steps, without a capture and on a GPU with one: equal to `train` on the same draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from support.fake_gpu import GPU, Sent, fake_gpu
from support.fakes import info_of, made_up_set
from support.training_setup import FULL, RECIPES, data, network_of, recipe_of, seeded
from torch import nn

from dcbench.toolbox.augment import imagenet
from dcbench.toolbox.training import ensemble as module
from dcbench.toolbox.training import train
from dcbench.toolbox.training.batches import BatchTensorDraw, Preparation
from dcbench.toolbox.training.ensemble import Ensemble
from dcbench_plugins.protocols import DC, DSA, IDC, M3D, IDCImageNet, Short

if TYPE_CHECKING:
    from dcbench import TrainingRecipe


from dcbench.toolbox.training import train_side_by_side

SHORTENED = {"epochs": 4, "batch_size": 3, "milestones": (2,), "lr": 0.1}
INFO = info_of(made_up_set(seed=0, channels=3), mirror_ok=True)
PROTOCOLS = {
    protocol.__name__: protocol().recipe(INFO, 1, 1).changed(SHORTENED)
    for protocol in (DC, DSA, IDC, IDCImageNet, M3D, Short)
}


def assert_same(ours: nn.Module, theirs: nn.Module) -> None:
    for name, tensor in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], tensor, rtol=1e-9, atol=1e-11)


def train_as_ensemble(networks: list[nn.Sequential], recipe: TrainingRecipe, *, soft: bool = False) -> list[int]:
    generators = [seeded(number) for number in range(len(networks))]
    epochs: list[int] = []
    training = Ensemble(networks, *data(soft=soft), recipe, generators)
    training.run(training.one_by_one, epochs.append)
    return epochs


@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch norm"])
@pytest.mark.parametrize("recipe", [*RECIPES.values(), *PROTOCOLS.values()], ids=[*RECIPES, *PROTOCOLS])
def test_every_network_is_trained_as_alone(recipe: TrainingRecipe, batch_norm: bool, soft: bool) -> None:
    if batch_norm:
        recipe = recipe.changed({"batch_size": 4})  # a last batch of one image has no variance
    networks = [network_of(number, batch_norm=batch_norm) for number in range(3)]
    assert train_as_ensemble(networks, recipe, soft=soft) == [1, 2, 3, 4]
    for number, network in enumerate(networks):
        alone = network_of(number, batch_norm=batch_norm)
        train(alone, *data(soft=soft), recipe, generator=seeded(number))
        assert_same(network, alone)


def test_batches_drawn_in_several_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = [network_of(0), network_of(1)], [network_of(0), network_of(1)]
    recipe = RECIPES["idc"].changed({"batch_size": 1})
    train_as_ensemble(whole, recipe)
    monkeypatch.setattr(module, "_AHEAD", 2)
    train_as_ensemble(parts, recipe)
    for one, other in zip(whole, parts, strict=True):
        assert_same(one, other)


def test_bytes_are_trained_on_as_floats_are() -> None:
    bytes_ = torch.randint(0, 256, (7, 3, 5, 5), generator=seeded(), dtype=torch.uint8)
    networks = [network_of(), network_of()]
    for network, images in zip(networks, (bytes_, bytes_.double() / 255), strict=True):
        training = Ensemble([network], images, data()[1], RECIPES["idc"], [seeded()])
        training.run(training.one_by_one, lambda epoch: None)
    assert_same(*networks)


def test_weights_that_are_frozen_or_unused_do_no_harm() -> None:
    class Odd(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(*network_of())
            self[1].bias.requires_grad_(requires_grad=False)
            self.unused = nn.Parameter(torch.ones(2, dtype=torch.float64))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return nn.Sequential(*list(self)[:5])(images)

    ours, theirs = Odd(), Odd()
    train_as_ensemble([ours], RECIPES["idc"])
    train(theirs, *data(), RECIPES["idc"], generator=seeded(0))
    for name in ("1.weight", "1.bias", "4.weight", "4.bias"):
        torch.testing.assert_close(ours.state_dict()[name], theirs.state_dict()[name])
    assert torch.equal(ours[1].bias, network_of()[1].bias)


def test_examples_have_every_size_of_batch_and_change_no_draw() -> None:
    recipe = recipe_of(augmentation="diffaug", strategy=FULL, cutmix=0.5)
    generators = [seeded(0), seeded(1)]
    before = [generator.get_state() for generator in generators]
    training = Ensemble([network_of(), network_of()], *data(), recipe, generators)
    examples = training.examples()
    assert {size: draw.rows.shape for size, draw in examples.items()} == {3: (2, 3), 1: (2, 1)}
    for size, draw in examples.items():
        assert draw.parameters.shape == (2, size, 11)
        assert (draw.partners.shape, draw.box.shape, draw.share.shape) == ((2, size), (2, 4), (2,))
        training.one_by_one(draw)
    assert all(torch.equal(one, other.get_state()) for one, other in zip(before, generators, strict=True))


def test_modes_are_those_of_training_at_the_start_of_every_epoch() -> None:
    networks = [network_of(batch_norm=True)]
    training = Ensemble(networks, *data(), recipe_of(batch_size=4), [seeded()])
    training.run(training.one_by_one, lambda epoch: [network.eval() for network in networks] and None)
    alone = network_of(batch_norm=True)
    train(alone, *data(), recipe_of(batch_size=4), generator=seeded())
    assert_same(networks[0], alone)


@pytest.mark.parametrize("name", RECIPES)
def test_preparing_a_batch_on_a_gpu_copies_nothing_there_as_a_captured_step_must_not(name: str) -> None:
    preparation = Preparation(RECIPES[name], 5)
    tensors = preparation.as_tensors(next(preparation.epoch(7, seeded())))
    with fake_gpu():
        images = torch.zeros(len(tensors.rows), 3, 5, 5, device=GPU)
        draw = BatchTensorDraw(*(torch.zeros_like(tensor, device=GPU) for tensor in tensors.tensors()))
        preparation.apply_tensors(images, draw)  # as a warm-up does, which makes what is made once
        with Sent() as sent:
            preparation.apply_tensors(images, draw)
    imagenet._made_once.cache_clear()  # its tensors are fake
    assert sent.types == []


@pytest.mark.gpu
@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch norm"])
@pytest.mark.parametrize("name", RECIPES)
def test_every_network_is_trained_as_alone_by_captured_steps(name: str, batch_norm: bool) -> None:
    recipe = RECIPES[name].changed({"batch_size": 4})
    networks: list[nn.Module] = [network_of(number, batch_norm=batch_norm).cuda() for number in range(3)]
    done: list[tuple[int, int]] = []
    train_side_by_side(
        networks,
        *data(),
        recipe,
        generators=[seeded(number) for number in range(3)],
        after_epoch=lambda number, epoch: done.append((number, epoch)),
        capture=True,
    )
    assert done == [(number, epoch) for epoch in range(1, recipe.epochs + 1) for number in range(3)]
    for number, network in enumerate(networks):
        alone = network_of(number, batch_norm=batch_norm).cuda()
        train(alone, *data(), recipe, generator=seeded(number))
        for key, tensor in alone.state_dict().items():
            torch.testing.assert_close(network.state_dict()[key], tensor, rtol=1e-8, atol=1e-10)
