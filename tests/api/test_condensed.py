from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.patches import decode_class
from support.fakes import info_of, made_up_set

from dcbench import CondensedSet, InvalidCondensedSetError, decode_patches

TRAIN = made_up_set(classes=3, size=8)
INFO = info_of(TRAIN)
LABELS = torch.arange(3).repeat_interleave(2)
IMAGES = torch.linspace(0, 1, 6 * 64).reshape(6, 1, 8, 8)
SOFT = torch.full((6, 3), 1 / 3)


@settings(max_examples=25)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(4, 9), st.integers(1, 4))
def test_decoding_is_that_of_the_formulas(count: int, channels: int, size: int, factor: int) -> None:
    images = torch.rand(count, channels, size, size, dtype=torch.float64)
    torch.testing.assert_close(decode_patches(images, factor), decode_class(images, factor))


@given(st.integers(1, 4), st.booleans())
def test_every_decoded_image_has_its_label(factor: int, soft: bool) -> None:
    flat = LABELS.view(-1, 1, 1, 1).float().div(2).expand(6, 1, 8, 8)
    labels = torch.nn.functional.one_hot(LABELS).float() if soft else LABELS
    images, decoded = CondensedSet.of_images(flat, labels, factor).decode()
    assert images.shape == (6 * factor**2, 1, 8, 8)
    found = decoded.argmax(1) if soft else decoded
    centre = images[:, 0, 0, 0].mul(2).round().long()
    assert torch.equal(found, centre)


def test_decoding_is_differentiable() -> None:
    images = IMAGES.clone().requires_grad_()
    decode_patches(images, 2).sum().backward()
    assert images.grad is not None
    assert bool((images.grad > 0).all())


def test_a_set_of_images_lets_go_of_the_graph() -> None:
    condensed = CondensedSet.of_images(IMAGES.double().requires_grad_(), LABELS)
    assert condensed.images is not None
    assert (condensed.images.dtype, condensed.images.requires_grad) == (torch.float32, False)


def test_a_set_of_images_is_not_moved_by_further_learning() -> None:
    images = IMAGES.clone()
    condensed = CondensedSet.of_images(images, LABELS)
    images.zero_()
    assert torch.equal(condensed.stored_images(), IMAGES)


def test_the_images_of_some_classes() -> None:
    held = CondensedSet.of_images(IMAGES, LABELS, factor=2, unbounded=True).of_classes(range(1, 3))
    assert torch.equal(held.stored_images(), IMAGES[2:])
    assert held.labels.tolist() == [1, 1, 2, 2]
    assert (held.decoder.factor, held.unbounded) == (2, True)


def test_a_selection_takes_pixels_and_labels_from_the_training_split() -> None:
    indices = torch.tensor([5, 0, 9])
    images, labels = CondensedSet.selection(indices, TRAIN).decode(TRAIN)
    torch.testing.assert_close(images, TRAIN.images[indices].float() / 255)
    assert torch.equal(labels, TRAIN.labels[indices])


def test_a_selection_is_not_decoded_without_the_training_split() -> None:
    with pytest.raises(ValueError, match="training split"):
        CondensedSet.selection(torch.tensor([0]), TRAIN).decode()


@pytest.mark.parametrize(
    "condensed",
    [
        CondensedSet.of_images(IMAGES, LABELS),
        CondensedSet.of_images(IMAGES, LABELS, factor=2),
        CondensedSet.of_images(IMAGES * 2 - 0.5, LABELS),
        CondensedSet.of_images(9 * IMAGES - 4, LABELS, unbounded=True),
        CondensedSet.of_images(IMAGES[:5], SOFT[:5]),
        CondensedSet.selection(torch.cat([index[:2] for index in TRAIN.class_index]), TRAIN),
    ],
    ids=[
        "images",
        "patches",
        "a little outside",
        "far outside, unbounded",
        "soft labels within the budget",
        "selection",
    ],
)
def test_a_good_set_passes(condensed: CondensedSet) -> None:
    condensed.check(INFO, 2)


@pytest.mark.parametrize(
    ("condensed", "reason"),
    [
        (CondensedSet(LABELS), "either images or source_indices"),
        (CondensedSet(LABELS, IMAGES, torch.arange(6)), "either images or source_indices"),
        (CondensedSet.of_images(IMAGES[:0], LABELS[:0]), "empty"),
        (CondensedSet.of_images(IMAGES[:5], LABELS), "have shape"),
        (CondensedSet.of_images(IMAGES[..., :7], LABELS), "have shape"),
        (CondensedSet(LABELS, None, torch.arange(5)), "differ in length"),
        (CondensedSet(LABELS, None, torch.arange(6) + 31), "beyond the 36 training images"),
        (CondensedSet(LABELS, None, torch.arange(6) - 1), "beyond the 36 training images"),
        (CondensedSet.of_images(IMAGES, LABELS.int()), "must be int64"),
        (CondensedSet.of_images(IMAGES, LABELS - 1), r"must lie in 0\.\.2, found -1\.\.1"),
        (CondensedSet.of_images(IMAGES, LABELS + 1), r"must lie in 0\.\.2, found 1\.\.3"),
        (CondensedSet.of_images(IMAGES, LABELS.clamp(max=1)), "no image for class 2"),
        (CondensedSet.of_images(IMAGES[:5], SOFT[:5] * 1.1), "probabilities over 3 classes"),
        (CondensedSet.of_images(IMAGES[:5], SOFT[:5, :2] * 1.5), "probabilities over 3 classes"),
        (CondensedSet.of_images(IMAGES[:5], SOFT[:5] + torch.tensor([1.0, -1.0, 0.0])), "probabilities"),
        (CondensedSet.of_images(IMAGES[:5], SOFT[:5] * torch.nan), "probabilities"),
        (CondensedSet.of_images(IMAGES, torch.eye(3, dtype=torch.bool)[LABELS]), "probabilities"),
        (
            CondensedSet.of_images(IMAGES.repeat(2, 1, 1, 1), LABELS.repeat(2)),
            "768 numbers; 3 classes at IPC 2 may hold 384",
        ),
        (CondensedSet.of_images(IMAGES, SOFT), "18 of them soft labels"),
        (CondensedSet(LABELS.repeat(2), None, torch.arange(12)), "over budget"),
        (CondensedSet.of_images(IMAGES.where(IMAGES > 0, torch.nan), LABELS), "NaN"),
        (CondensedSet.of_images(IMAGES.where(IMAGES > 0, -torch.inf), LABELS), "NaN or infinite"),
        (CondensedSet.of_images(IMAGES.where(IMAGES > 0, torch.nan), LABELS, unbounded=True), "NaN"),
        (CondensedSet.of_images(IMAGES * 1.6, LABELS), r"0\.\.1\.6"),
        (CondensedSet.of_images(IMAGES - 0.6, LABELS), r"-0\.6\.\.0\.4"),
    ],
)
def test_a_set_that_breaks_the_contract_is_refused_with_the_reason(condensed: CondensedSet, reason: str) -> None:
    with pytest.raises(InvalidCondensedSetError, match=reason):
        condensed.check(INFO, 2)


def test_the_factor_is_the_one_that_the_method_announced() -> None:
    condensed = CondensedSet.of_images(IMAGES, LABELS, factor=2)
    condensed.check(INFO, 2, factor=2)
    with pytest.raises(InvalidCondensedSetError, match=r"2 tiles per side, but factor\(settings\) gives 1"):
        condensed.check(INFO, 2, factor=1)


def test_a_part_holds_its_classes_and_their_share_of_the_budget() -> None:
    CondensedSet.of_images(IMAGES[2:], LABELS[2:]).check(INFO, 2, classes=range(1, 3))
    CondensedSet.of_images(IMAGES[2:4], LABELS[2:4]).check(INFO, 2, classes=range(1, 2))


@pytest.mark.parametrize(
    ("condensed", "reason"),
    [
        (CondensedSet.of_images(IMAGES, LABELS), r"labels must lie in 1\.\.2, found 0\.\.2"),
        (CondensedSet.of_images(IMAGES[2:4], LABELS[2:4]), "no image for class 2"),
        (CondensedSet.of_images(IMAGES[1:], LABELS[1:].clamp(min=1)), "320 numbers; 2 classes at IPC 2 may hold 256"),
        (CondensedSet.of_images(IMAGES[2:5], SOFT[2:5]), "a part of a condensed set has hard labels"),
    ],
    ids=["all classes", "too few", "over budget", "soft labels"],
)
def test_another_part_is_refused_with_the_reason(condensed: CondensedSet, reason: str) -> None:
    with pytest.raises(InvalidCondensedSetError, match=reason):
        condensed.check(INFO, 2, classes=range(1, 3))


def test_a_reference_row_may_hold_everything() -> None:
    CondensedSet.selection(torch.arange(len(TRAIN)), TRAIN).check(INFO, 1, budget_exempt=True)


def test_patches_hold_no_more_numbers_than_plain_images() -> None:
    plain, patches = CondensedSet.of_images(IMAGES, LABELS), CondensedSet.of_images(IMAGES, LABELS, factor=3)
    assert plain.numbers(INFO) == patches.numbers(INFO) == INFO.budget(2)
