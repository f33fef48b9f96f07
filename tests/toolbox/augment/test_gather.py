from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from dcbench.toolbox.augment.gather import gather_pixels, sample_pixels


def images_of(height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(6, 2, height, width, generator=generator, dtype=torch.float64).requires_grad_()


def test_pixels_are_picked_by_image_row_and_column() -> None:
    images = images_of(4, 5)
    rows, columns = torch.tensor([3, 0, 3]), torch.tensor([1, 4])
    expected = images[:, :, rows][:, :, :, columns]
    assert torch.equal(gather_pixels(images, rows.view(1, 3, 1), columns.view(1, 1, 2)), expected)


@pytest.mark.parametrize("reach", [0.5, 1.0, 3.0])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 7), (1, 3)])
def test_sampling_is_that_of_torch_with_zeros_outside(height: int, width: int, reach: float) -> None:
    images = images_of(height, width)
    generator = torch.Generator().manual_seed(4)
    grid = reach * (2 * torch.rand(6, 9, 4, 2, generator=generator, dtype=torch.float64) - 1)
    weights = torch.randn(6, 2, 9, 4, generator=generator, dtype=torch.float64)
    ours, theirs = sample_pixels(images, grid), functional.grid_sample(images, grid, align_corners=False)
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(sampled, images, weights)[0] for sampled in (ours, theirs)]
    torch.testing.assert_close(*gradients)


def test_places_between_and_on_pixels_and_far_outside() -> None:
    images = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    grid = torch.tensor([[[[-0.5, -0.5], [0.0, 0.0], [1.0, 0.5], [9.0, -9.0]]]])
    assert sample_pixels(images, grid).flatten().tolist() == [1.0, 2.5, 2.0, 0.0]
