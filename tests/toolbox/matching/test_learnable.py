from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from oracles.patches import decode_class, mix
from support.fakes import info_of, made_up_set
from torch import Tensor
from torch.nn import functional

from dcbench.toolbox.matching import LearnableSet, Space, initial_pixels
from dcbench.toolbox.matching.learnable import mixed
from dcbench.toolbox.pixels import Normaliser

if TYPE_CHECKING:
    from dcbench import DatasetInfo


def info(channels: int = 2, size: int = 7) -> DatasetInfo:
    return info_of(made_up_set(channels=channels, size=size), mean=(0.4,) * channels, std=(0.2,) * channels)


def pixels(classes: int, ipc: int, size: int) -> Tensor:
    return torch.rand((classes, ipc, 2, size, size), generator=torch.Generator().manual_seed(size)).double()


@pytest.mark.parametrize("space", ["pixel", "normalised"])
@pytest.mark.parametrize(("factor", "size"), [(1, 7), (2, 8), (2, 7), (3, 8), (3, 7)])
def test_training_images_are_the_literal_decoding_of_each_class(space: Space, factor: int, size: int) -> None:
    images = pixels(3, 2, size)
    learnable = LearnableSet(images, space, factor, Normaliser(info().mean, info().std, dtype=torch.float64))
    decoded = learnable.training_images(learnable.images)
    expected = torch.stack([(decode_class(own, factor) - 0.4) / 0.2 for own in images])
    torch.testing.assert_close(decoded, expected)


def test_decoding_for_matching_and_for_training_give_the_same_images() -> None:
    learnable = LearnableSet(pixels(3, 2, 8), "pixel", 2, Normaliser(info().mean, info().std))
    matched = learnable.training_images(learnable.images) * 0.2 + 0.4
    decoded, labels = learnable.condensed().decode()
    for label in range(3):
        torch.testing.assert_close(decoded[labels == label], matched[label])


@pytest.mark.parametrize("space", ["pixel", "normalised"])
def test_the_condensed_set_holds_pixels_class_by_class(space: Space) -> None:
    images = pixels(3, 2, 8)
    condensed = LearnableSet(images, space, 1, Normaliser(info().mean, info().std)).condensed()
    assert condensed.labels.tolist() == [0, 0, 1, 1, 2, 2]
    torch.testing.assert_close(condensed.stored_images(), images.flatten(0, 1).float())


def test_only_pixels_are_clamped_and_a_set_leaves_as_it_is() -> None:
    images = 4 * pixels(3, 2, 7) - 2
    description = info()
    for space in ("pixel", "normalised"):
        learnable = LearnableSet(images, space, 1, Normaliser(description.mean, description.std, dtype=torch.float64))
        condensed = learnable.condensed()
        torch.testing.assert_close(condensed.stored_images(), images.flatten(0, 1).float())
        condensed.check(description, 2)
        before = learnable.images.clone()
        learnable.clamp()
        torch.testing.assert_close(learnable.images, before.clamp(0, 1) if space == "pixel" else before)


def test_the_given_pixels_are_left_alone() -> None:
    images = pixels(2, 1, 7)
    learnable = LearnableSet(images, "pixel", 1, Normaliser(info().mean, info().std, dtype=torch.float64))
    learnable.images.zero_()
    assert images.max() > 0.5


@pytest.mark.parametrize(("factor", "size"), [(1, 6), (2, 8), (2, 7), (3, 8), (3, 7)])
def test_mixed_images_are_made_as_the_literal_loop_makes_them(factor: int, size: int) -> None:
    images = pixels(2, 3 * factor**2, size)
    torch.testing.assert_close(mixed(images, factor), torch.stack([mix(own, 3, factor) for own in images]))


def test_bilinear_shrinking_by_two_averages_four_pixels() -> None:
    images = pixels(2, 8, 6)
    expected = functional.avg_pool2d(images.flatten(0, 1), 2).unflatten(0, (2, 8))
    tiles = mixed(images, 2, "bilinear").unfold(-2, 3, 3).unfold(-2, 3, 3)
    for place, (row, column) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        torch.testing.assert_close(tiles[:, :, :, row, column], expected[:, 2 * place : 2 * place + 2])


def test_random_images_are_different_training_images_of_their_class() -> None:
    train = made_up_set(per_class=6)
    images = initial_pixels(train, 4, init="random", factor=2, generator=torch.Generator().manual_seed(1))
    assert images.shape == (3, 4, 1, 8, 8)
    for label, own in enumerate(images):
        candidates = train.pixels(train.class_index[label]).flatten(1)
        found = [(candidates == image.flatten()).all(1).nonzero().item() for image in own]
        assert len(set(found)) == 4
    other = initial_pixels(train, 4, init="random", factor=2, generator=torch.Generator().manual_seed(2))
    assert not torch.equal(images, other)


def test_noise_is_centred_and_within_the_range() -> None:
    train = made_up_set(classes=4, size=16)
    images = initial_pixels(train, 5, init="noise", factor=1, generator=torch.Generator().manual_seed(1))
    assert images.shape == (4, 5, 1, 16, 16)
    assert images.min() == 0
    assert images.max() == 1
    assert abs(images.mean().item() - 0.5) < 0.02
    assert abs(images.std().item() - 0.24) < 0.02


def test_a_class_too_small_for_the_initialisation_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 16 images of each class, the smallest class has 12"):
        initial_pixels(made_up_set(), 4, init="mix", factor=2, generator=torch.Generator())
