from __future__ import annotations

from typing import Any

import pytest
import torch
from oracles import training as oracle
from support.training_setup import RECIPES, data, network_of, recipe_of, seeded
from torch import nn

from dcbench.toolbox.training import train
from dcbench.toolbox.training.trainer import schedule


@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
@pytest.mark.parametrize("name", RECIPES)
def test_agrees_with_the_oracle(name: str, soft: bool) -> None:
    images, labels = data(soft=soft)
    fast, slow = network_of(), network_of()
    train(fast, images, labels, RECIPES[name], generator=seeded())
    oracle.train(slow, images, labels, RECIPES[name], seeded())
    for ours, theirs, start in zip(fast.parameters(), slow.parameters(), network_of().parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)
        assert not torch.allclose(ours, start, atol=1e-4)


@pytest.mark.parametrize("change", [{"milestones": (3,)}, {"reset_momentum": False}, {"gamma": 0.5}, {"cutmix": 0.5}])
def test_the_agreement_would_notice_another_recipe(change: dict[str, Any]) -> None:
    images, labels = data()
    recipe = recipe_of(milestones=(2,), reset_momentum=True)
    one, other = network_of(), network_of()
    train(one, images, labels, recipe, generator=seeded())
    train(other, images, labels, recipe.changed(change), generator=seeded())
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    assert max(float((ours - theirs).detach().abs().max()) for ours, theirs in pairs) > 1e-4


def test_bytes_and_floats_are_the_same_images() -> None:
    bytes_ = torch.randint(0, 256, (7, 3, 5, 5), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    one, other = network_of(), network_of()
    for network, images in ((one, bytes_), (other, bytes_.double() / 255)):
        train(network, images, data()[1], RECIPES["idc"], generator=seeded())
    for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_single_precision_soft_labels_train_a_double_precision_network() -> None:
    images, labels = data()
    soft = nn.functional.one_hot(labels, 3)
    one, other = network_of(), network_of()
    train(one, images.float().double(), labels, recipe_of(), generator=seeded())
    train(other, images.float(), soft.float(), recipe_of(), generator=seeded())
    for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_cutout_is_dropped_where_cutmix_is_on() -> None:
    images, labels = data()
    recipe = recipe_of(augmentation="diffaug", strategy="cutout", cutmix=0.01)
    one, other = network_of(), network_of()
    for network, chosen in ((one, recipe), (other, recipe.changed({"strategy": ""}))):
        train(network, images, labels, chosen, generator=seeded())
    for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_after_epoch_counts_from_one_and_may_change_the_mode() -> None:
    network, seen = network_of(), []

    def look(epoch: int) -> None:
        seen.append((epoch, network.training))
        network.eval()

    train(network, *data(), recipe_of(), generator=torch.Generator(), after_epoch=look)
    assert seen == [(1, True), (2, True), (3, True), (4, True)]


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    train(network_of(), *data(), RECIPES["idc"], generator=seeded(3))
    assert torch.equal(torch.get_rng_state(), before)


def test_images_and_labels_must_fit() -> None:
    images, labels = data()
    with pytest.raises(ValueError, match="7 images with 6 labels"):
        train(network_of(), images, labels[:6], recipe_of(), generator=torch.Generator())
    with pytest.raises(ValueError, match="0 images"):
        train(network_of(), images[:0], labels[:0], recipe_of(), generator=torch.Generator())


def test_the_rate_drops_at_every_milestone_and_stays_there() -> None:
    rates = list(schedule(recipe_of(epochs=5, lr=1.0, gamma=0.5, milestones=(1, 4))))
    assert [rate.lr for rate in rates] == pytest.approx([1, 0.5, 0.5, 0.5, 0.25])
    assert not any(rate.fresh for rate in rates)


def test_momentum_starts_anew_at_milestones_where_the_recipe_says_so() -> None:
    rates = schedule(recipe_of(epochs=4, milestones=(2, 9), reset_momentum=True))
    assert [rate.fresh for rate in rates] == [False, False, True, False]


def test_a_milestone_before_the_first_epoch_counts() -> None:
    assert next(schedule(recipe_of(lr=1.0, gamma=0.5, milestones=(0,)))).lr == pytest.approx(0.5)
