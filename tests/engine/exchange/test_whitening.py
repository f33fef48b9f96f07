from __future__ import annotations

import numpy as np
import pytest
import torch

from dcbench import ImageSet, RequestError
from dcbench.engine.exchange import whitening
from dcbench.engine.exchange.whitening import unwhitened

TRAIN = ImageSet(
    torch.randint(0, 256, (50, 3, 4, 4), generator=torch.Generator().manual_seed(0), dtype=torch.uint8),
    torch.arange(50) % 2,
    2,
)
IMAGES = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(1))


def whitened(images: torch.Tensor, fitted_on: np.ndarray) -> torch.Tensor:
    """Whiten as kornia's code does, one image at a time: by the singular values of the covariance over N - 1."""
    rows = fitted_on.reshape(len(fitted_on), -1)
    mean = sum(rows) / len(rows)
    covariance = sum(np.outer(row - mean, row - mean) for row in rows) / (len(rows) - 1)
    left, values, _ = np.linalg.svd(covariance)
    matrix = left @ np.diag((values + 0.1) ** -0.5) @ left.T
    made = [((image.numpy().ravel() - mean) @ matrix).reshape(image.shape) for image in images]
    return torch.from_numpy(np.stack(made)).float()


@pytest.mark.parametrize("block", [7, 50, 1000])
def test_whitening_is_undone(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(whitening, "_BLOCK", block)
    made = whitened(IMAGES, TRAIN.images.numpy() / 255.0)
    assert (made - IMAGES).abs().max() > 0.5, "there is something to undo"
    torch.testing.assert_close(unwhitened(made, TRAIN), IMAGES, rtol=0, atol=1e-5)


def test_whitening_of_normalised_images_gives_normalised_images() -> None:
    mean, std = torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1), torch.tensor([0.2, 0.3, 0.25]).view(3, 1, 1)
    normalised = (TRAIN.images.numpy() / 255.0 - mean.numpy()) / std.numpy()
    wanted = (IMAGES - mean) / std
    torch.testing.assert_close(unwhitened(whitened(wanted, normalised), TRAIN, (mean, std)), wanted, rtol=0, atol=1e-5)


def test_images_that_are_too_large_for_it_are_refused_before_anything_is_computed() -> None:
    with pytest.raises(RequestError, match=r"needs a matrix of 150,528 x 150,528; .*undo it where the set was made"):
        unwhitened(torch.zeros(1, 3, 224, 224), TRAIN)
