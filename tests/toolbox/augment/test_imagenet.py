from __future__ import annotations

import math

import pytest
import torch
from oracles import imagenet_augmentation as oracle

from dcbench.toolbox.augment.imagenet import ImageNetAugmentation, _crop_sides

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normalised(pixels: torch.Tensor) -> torch.Tensor:
    return (pixels - torch.tensor(MEAN).view(-1, 1, 1)) / torch.tensor(STD).view(-1, 1, 1)


@pytest.mark.parametrize("size", [7, 16, 33])
def test_every_image_is_changed_as_the_literal_one(size: int) -> None:
    pixels = torch.rand((9, 3, size, size), generator=seeded(1), dtype=torch.float64)
    augmentation = ImageNetAugmentation(MEAN, STD)
    draw = augmentation.draw(9, size, seeded(2))
    result = augmentation.apply(normalised(pixels), draw)
    expected = torch.stack([oracle.augment(image, row) for image, row in zip(pixels, draw.tolist(), strict=True)])
    torch.testing.assert_close(result, normalised(expected), rtol=1e-5, atol=1e-6)


def test_draws_lie_where_they_should_and_vary() -> None:
    size = 224
    draw = ImageNetAugmentation(MEAN, STD).draw(4000, size, seeded())
    top, left, height, width, flipped, *factors = draw[:, :8].unbind(1)
    assert ((top >= 0) & (left >= 0) & (top + height <= size) & (left + width <= size)).all()
    share = height * width / size**2
    assert 0.49 < share.min() < 0.52
    assert 0.98 < share.max() <= 1
    ratio = (width / height).log()
    assert ratio.abs().max() < math.log(4 / 3) + 0.01
    assert ratio.mean().abs() < 0.01
    assert 0.47 < flipped.mean() < 0.53
    for factor in factors:
        assert 0.6 <= factor.min() < 0.61
        assert 1.39 < factor.max() <= 1.4
    orders = {tuple(row) for row in draw[:, 8:11].tolist()}
    assert len(orders) == 6
    assert draw[:, 11:].std(0).tolist() == pytest.approx([0.1] * 3, rel=0.05)


def test_an_image_for_which_no_crop_fits_stays_whole() -> None:
    # Nearly all of the area at an extreme shape is wider than the image.
    never = torch.full((1, 10, 2), 0.999, dtype=torch.float64)
    assert _crop_sides(never, 32).tolist() == [[32.0, 32.0]]
    at_last = never.clone()
    at_last[0, 9] = torch.tensor([0.0, 0.5])
    assert _crop_sides(at_last, 32).tolist() == [[23.0, 23.0]]


def test_grey_images_are_refused() -> None:
    with pytest.raises(ValueError, match="3 channels, not 1"):
        ImageNetAugmentation((0.5,), (0.2,))
