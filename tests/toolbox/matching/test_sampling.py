from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import info_of, made_up_set
from torch import Tensor

from dcbench.api.ran import recording
from dcbench.toolbox.matching import ClassSampler, RealImages, sampling
from dcbench.toolbox.matching.sampling import subsets
from dcbench.toolbox.pixels import Normaliser


def index_of(counts: list[int]) -> tuple[Tensor, ...]:
    return tuple(100 * label + torch.arange(count) for label, count in enumerate(counts))


@given(counts=st.lists(st.integers(1, 9), min_size=1, max_size=4), wanted=st.integers(1, 12), seed=st.integers(0, 99))
def test_draws_are_different_images_of_the_right_class(counts: list[int], wanted: int, seed: int) -> None:
    drawn = ClassSampler(index_of(counts), wanted).draw(torch.Generator().manual_seed(seed))
    assert drawn.shape == (len(counts), min(wanted, *counts))
    for label, row in enumerate(drawn.tolist()):
        assert len(set(row)) == len(row)
        assert all(100 * label <= position < 100 * label + counts[label] for position in row)


def test_every_image_and_every_order_is_equally_likely() -> None:
    sampler, generator = ClassSampler(index_of([4, 6]), 2), torch.Generator().manual_seed(0)
    draws = torch.stack([sampler.draw(generator) for _ in range(3000)])
    for label, count in ((0, 4), (1, 6)):
        for place in range(2):
            share = torch.bincount(draws[:, label, place] - 100 * label, minlength=count) / 3000
            assert (share - 1 / count).abs().max() < 0.04


def test_a_seed_decides_the_draws() -> None:
    sampler = ClassSampler(index_of([30, 30]), 10)
    first, again, other = (sampler.draw(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_class_without_images_is_refused() -> None:
    with pytest.raises(ValueError, match="without images"):
        ClassSampler(index_of([3, 0]), 2)


def test_subsets_are_different_numbers_below_the_total() -> None:
    drawn = subsets(5, 8, 6, torch.Generator().manual_seed(0))
    assert drawn.shape == (5, 6)
    assert all(len(set(row)) == 6 and max(row) < 8 for row in drawn.tolist())
    assert len({tuple(row) for row in drawn.tolist()}) > 1


@pytest.mark.parametrize(("device", "resident"), [("cuda:1", False), ("cpu", True)])
def test_a_training_set_is_kept_where_half_of_the_memory_holds_it(
    device: str, resident: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = made_up_set(classes=3, per_class=5)
    memory = {torch.device("cuda:1"): SimpleNamespace(total_memory=2 * train.images.numel() - 1)}
    monkeypatch.setattr(torch.cuda, "get_device_properties", memory.__getitem__)
    info = info_of(train)
    with recording() as ran:
        assert RealImages(train, 4, Normaliser(info.mean, info.std), torch.device(device)).resident is resident
    assert ran.fallbacks == [], "that follows from the data and the device"


def test_a_training_set_that_finds_no_room_stays_and_the_record_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    train, info = made_up_set(classes=3, per_class=5), info_of(made_up_set())
    monkeypatch.setattr(sampling, "fits", lambda *_: True)
    monkeypatch.setattr(sampling, "moved_if_room", lambda images, _: images)
    with recording() as ran, pytest.warns(UserWarning, match="find no room on the GPU"):
        images = RealImages(train, 4, Normaliser(info.mean, info.std), torch.device("cuda:1"))
    assert not images.resident
    assert ran.fallbacks == [
        "steps are not captured: the training images find no room on the GPU, which others use too"
    ]


def test_real_images_are_normalised_and_stand_class_by_class() -> None:
    train = made_up_set(classes=3, per_class=5, channels=3)
    info = info_of(train)
    normaliser = Normaliser(info.mean, info.std, dtype=torch.float64)
    real = RealImages(train, 4, normaliser, torch.device("cpu"))
    positions = real.draw(torch.Generator().manual_seed(4)).flatten()
    images = real.take(positions)
    assert train.labels[positions].tolist() == [0] * 4 + [1] * 4 + [2] * 4
    for image, position in zip(images, positions, strict=True):
        for channel in range(3):
            pixels = train.images[position, channel].double() / 255
            torch.testing.assert_close(image[channel], (pixels - info.mean[channel]) / info.std[channel])
