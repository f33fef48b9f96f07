from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from support.fakes import info_of, made_up_set

from dcbench import CondensedSet, RequestError
from dcbench.engine.exchange.adapting import Adapted, Meaning, adapt
from dcbench.engine.exchange.portable import PortableSet

TRAIN = made_up_set()
INFO = info_of(TRAIN)
IMAGES = torch.randint(0, 256, (3, 1, 8, 8), generator=torch.Generator().manual_seed(0)).float() / 255
LABELS = torch.tensor([1, 2, 0])
SOFT = torch.tensor([[0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [1.0, 0.0, 0.0]])
CENTRED = torch.tensor([[-0.3, 0.7, -0.4], [-0.2, 0.1, 0.5], [2 / 3, -1 / 3, -1 / 3]])
LOGITS = torch.tensor([[0.0, 3.0, -1.0], [-2.0, 0.0, 1.5], [4.0, 0.0, 0.0]])


def adapted(images: torch.Tensor = IMAGES, labels: torch.Tensor = LABELS, **meaning: Any) -> Adapted:
    return adapt(PortableSet(images, labels), 1, Meaning(**meaning), INFO, lambda: TRAIN, "x.pt")


def pixels(made: Adapted) -> torch.Tensor:
    assert made.condensed.images is not None
    return made.condensed.images


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8, torch.int16, torch.int64])
def test_numbers_from_0_to_255_are_pixels_if_one_says_so(dtype: torch.dtype) -> None:
    made = adapted((IMAGES * 255).round().to(dtype), space="bytes")
    torch.testing.assert_close(pixels(made), IMAGES)
    assert (made.facts["space"], made.condensed.unbounded) == ("bytes", False)


def test_normalised_images_go_back_by_the_numbers_that_one_gives() -> None:
    made = adapted((IMAGES - 0.4) / 0.2, space="normalised", mean=(0.4,), std=(0.2,))
    torch.testing.assert_close(pixels(made), IMAGES)
    assert (made.facts["mean"], made.facts["std"]) == ([0.4], [0.2])
    with pytest.raises(RequestError, match=r"x\.pt: --mean has 3 numbers, and made-up 1 channels"):
        adapted(IMAGES - 1, space="normalised", mean=(0.4, 0.4, 0.4))


@pytest.mark.parametrize("space", ["zca", "zca-normalised"])
def test_whitened_images_go_back_by_the_training_images(space: Any) -> None:
    rows = TRAIN.images.flatten(1).double() / 255
    mean, std = (0.4, 0.2) if space == "zca-normalised" else (0.0, 1.0)
    rows = (rows - mean) / std
    covariance = torch.cov(rows.mT)
    left, values, _ = torch.linalg.svd(covariance)
    matrix = left @ torch.diag((values + 0.1) ** -0.5) @ left.mT
    white = (((IMAGES.flatten(1).double() - mean) / std - rows.mean(0)) @ matrix).view_as(IMAGES).float()
    chosen = {"mean": (mean,), "std": (std,)} if space == "zca-normalised" else {}
    made = adapted(white, space=space, **chosen)
    torch.testing.assert_close(pixels(made), IMAGES, rtol=0, atol=1e-5)
    assert made.condensed.unbounded
    assert "epsilon 0.1" in made.facts["whitening"]


MISTAKEN: dict[str, tuple[torch.Tensor, Mapping[str, Any], str]] = {
    "bytes as pixels": (
        IMAGES * 255,
        {},
        r"reach from 0 to 254, as pixels from 0 to 255 do; say --space bytes, or say --any",
    ),
    "bytes, clipped": (IMAGES * 255, {"clip": True}, "say --space bytes"),
    "bytes as normalised": (IMAGES * 255, {"space": "normalised"}, "say --space bytes"),
    "bytes as whitened": (IMAGES * 255, {"space": "zca"}, "say --space bytes"),
    "pixels as normalised": (
        IMAGES,
        {"space": "normalised"},
        r"from 0 to 0.996, as pixels in \[0, 1\] do; .*leave it out",
    ),
    "pixels learnt a little outside": (IMAGES * 1.1 - 0.05, {"space": "normalised"}, "leave it out"),
    "pixels as whitened": (IMAGES, {"space": "zca"}, "leave it out"),
    "pixels as bytes": (IMAGES, {"space": "bytes"}, "not bytes; leave out --space bytes"),
    "divided twice": (IMAGES / 255, {}, "divided by 255 twice; save them times 255"),
    "zeros and ones": ((IMAGES > 0.5).byte(), {}, "not bytes; save them as floating point"),
    "normalised as bytes": (IMAGES * 1000 - 500, {"space": "bytes"}, "those of --space bytes from 0 to 255"),
    "normalised as pixels": (
        (IMAGES - 0.5) / 0.2,
        {},
        r"add --space normalised; .*whitened.*--space zca; --clip .*--any-range",
    ),
}


@pytest.mark.parametrize("case", MISTAKEN)
def test_numbers_that_cannot_be_what_they_are_said_to_be_are_refused_with_what_to_type(case: str) -> None:
    images, meaning, message = MISTAKEN[case]
    with pytest.raises(RequestError, match=message) as caught:
        adapted(images, **meaning)
    assert "\n" not in str(caught.value)
    if "clip" not in meaning:
        assert "--any-range" in str(caught.value)
        assert adapted(images, **meaning, any_range=True).condensed.unbounded


@pytest.mark.parametrize("low", [-0.42, -1.0, -2.4])
def test_normalised_images_of_dark_data_are_taken_as_such(low: float) -> None:
    adapted(IMAGES * (1 - low) + low, space="normalised")


def test_black_images_say_nothing_of_their_space() -> None:
    for space in ("pixel", "bytes", "normalised"):
        adapted(torch.zeros(3, 1, 8, 8), space=space)


@pytest.mark.parametrize(
    ("images", "hint"),
    [
        (IMAGES.permute(0, 2, 3, 1), r"its axes stand in another order, save images\.permute\(0, 3, 1, 2\)"),
        (IMAGES.permute(2, 3, 1, 0), r"save images\.permute\(3, 2, 0, 1\)"),
        (IMAGES.permute(1, 0, 2, 3), r"save images\.permute\(1, 0, 2, 3\)"),
        (IMAGES[:, 0], r"the axis of the channels is missing, save images\.unsqueeze\(1\)"),
        (IMAGES.flatten(1), r"its images are flat, save images\.reshape\(-1, 1, 8, 8\)"),
        (IMAGES[..., :4], r"\(N, 1, 8, 8\) with N labels$"),
    ],
)
def test_axes_in_another_order_say_which(images: torch.Tensor, hint: str) -> None:
    with pytest.raises(RequestError, match=hint):
        adapted(images)


def test_labels_that_count_from_1_say_so() -> None:
    with pytest.raises(
        RequestError, match=r"labels must lie in 0\.\.2, found 1\.\.3: they count from 1, save labels - 1"
    ):
        adapted(labels=LABELS + 1)
    with pytest.raises(RequestError, match=r"found 0\.\.3$"):
        adapted(labels=torch.tensor([0, 1, 3]))


def test_a_column_of_classes_is_classes() -> None:
    assert adapted(labels=LABELS.view(3, 1)).condensed.labels.tolist() == [1, 2, 0]


def told(labels: torch.Tensor, choice: Any) -> Adapted:
    return adapt(PortableSet(IMAGES, labels), 1, Meaning(labels=choice), INFO, lambda: TRAIN, "x.pt")


def test_probabilities_stay_and_classes_are_kept_without_a_word() -> None:
    for choice in (None, "soft"):
        made = told(SOFT, choice)
        assert torch.equal(made.condensed.labels, SOFT)
        assert made.notes == []
    assert adapted().notes == []


@pytest.mark.parametrize(("labels", "choice"), [(SOFT, "hard"), (CENTRED, "centred")])
def test_what_is_dropped_of_soft_labels_is_said_and_kept(labels: torch.Tensor, choice: str) -> None:
    made = told(labels, choice)
    assert made.condensed.labels.tolist() == [1, 2, 0]
    assert made.notes == [
        "soft labels dropped: each image counts for its likeliest class alone; 1 of 3 said no more than that"
    ]
    assert made.facts["labels"] == choice
    assert made.facts["labels_dropped"] == {"images": 3, "one_hot": 1}


def test_logits_become_probabilities() -> None:
    made = told(LOGITS, "logits")
    expected = LOGITS.exp() / LOGITS.exp().sum(1, keepdim=True)
    torch.testing.assert_close(made.condensed.labels, expected)
    made.condensed.check(INFO, 2)
    assert made.notes == []


@pytest.mark.parametrize("labels", [LOGITS, CENTRED, SOFT * 1.5])
@pytest.mark.parametrize("choice", [None, "soft"])
def test_numbers_that_are_no_probabilities_are_refused_with_the_choices(labels: torch.Tensor, choice: Any) -> None:
    with pytest.raises(RequestError, match=r"--labels logits .*, centred .*, or hard ") as caught:
        told(labels, choice)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("choice", ["soft", "logits", "centred"])
def test_classes_are_nothing_but_classes(choice: Any) -> None:
    with pytest.raises(
        RequestError, match=f"--labels {choice}: it has one number for each image, a class; leave it out"
    ):
        told(LABELS, choice)
    assert isinstance(told(LABELS, "hard").condensed, CondensedSet)


@pytest.mark.parametrize("choice", ["hard", "logits", "centred", None])
def test_labels_that_are_no_numbers_are_refused(choice: Any) -> None:
    with pytest.raises(RequestError, match="its labels hold NaN"):
        told(torch.full((3, 3), torch.nan), choice)


def test_what_dcbench_wrote_may_be_as_dark_as_it_is() -> None:
    held = PortableSet(IMAGES / 255, LABELS, facts={"digest": "0"})
    assert torch.equal(pixels(adapt(held, 1, Meaning(), INFO, lambda: TRAIN, "x.pt")), IMAGES / 255)
    with pytest.raises(RequestError, match="leave it out"):
        adapt(held, 1, Meaning("normalised"), INFO, lambda: TRAIN, "x.pt")
