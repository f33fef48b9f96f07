from __future__ import annotations

import pytest
import torch
from torch import nn

from dcbench.toolbox.training import accuracy


class Brightest(nn.Module):
    """Classifies by the brightest channel; records the size and mode of each call."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[int, bool]] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append((len(images), self.training))
        assert not torch.is_grad_enabled()
        return images.mean((2, 3))


class Hungry(Brightest):
    """Has memory for three images at once."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if len(images) > 3:
            raise torch.OutOfMemoryError("the device is full")
        return super().forward(images)


def images_and_labels() -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.zeros(10, 3, 4, 4, dtype=torch.uint8)
    labels = torch.arange(10) % 3
    images[torch.arange(10), labels] = 200
    return images, labels


@pytest.mark.parametrize("chunk", [1, 4, 10, 100])
def test_counts_in_percent_whatever_the_chunk(chunk: int) -> None:
    images, labels = images_and_labels()
    wrong = labels.clone()
    wrong[:3] = (wrong[:3] + 1) % 3
    network = Brightest()
    assert accuracy(network, images, wrong, (0.0,) * 3, (1.0,) * 3, chunk) == pytest.approx(70)
    assert max(count for count, _ in network.seen) <= chunk


def test_where_memory_runs_out_it_counts_in_smaller_chunks() -> None:
    network = Hungry()
    assert accuracy(network, *images_and_labels(), (0.0,) * 3, (1.0,) * 3, 10) == 100
    assert sum(count for count, _ in network.seen) == 10
    assert network.training


def test_the_images_are_normalised() -> None:
    images, labels = images_and_labels()
    # With this mean the first channel is always the darkest, and with this one the third always the brightest.
    result = accuracy(Brightest(), images.float() / 255, labels, (9.0, 0.0, -9.0), (1.0,) * 3, 4)
    assert result == pytest.approx(30)
    assert accuracy(Brightest(), images, labels, (0.5,) * 3, (1.0, 1.0, 1.0), 4) == 100


@pytest.mark.parametrize("training", [True, False])
def test_looks_in_eval_mode_and_gives_the_mode_back(training: bool) -> None:
    network = Brightest().train(training)
    accuracy(network, *images_and_labels(), (0.0,) * 3, (1.0,) * 3, 4)
    assert [mode for _, mode in network.seen] == [False] * 3
    assert network.training is training
