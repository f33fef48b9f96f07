from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dcbench.toolbox.matching import embed


class Small(nn.Module):
    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), norm, nn.ReLU(), nn.AvgPool2d(2), nn.Flatten())
        self.batches: list[int] = []

    def embed(self, images: Tensor) -> Tensor:
        self.batches.append(len(images))
        return self.body(images)


def small(norm: nn.Module) -> Small:
    return Small(norm).double().requires_grad_(False)


def images() -> Tensor:
    return torch.rand((7, 1, 6, 6), generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()


@pytest.mark.parametrize("norm", [nn.GroupNorm(4, 4), nn.BatchNorm2d(4)])
def test_chunks_change_neither_features_nor_gradients(norm: nn.Module) -> None:
    network, given = small(norm), images()
    whole = embed(network, given, 100)
    expected = torch.autograd.grad(whole.square().sum(), given)[0]
    chunked = embed(network, given, 3)
    torch.testing.assert_close(chunked, whole)
    torch.testing.assert_close(torch.autograd.grad(chunked.square().sum(), given)[0], expected)


def test_no_forward_is_larger_than_a_chunk_unless_statistics_run_over_the_batch() -> None:
    network, given = small(nn.GroupNorm(4, 4)), images()
    embed(network, given.detach(), 3)
    assert network.batches == [3, 3, 1]
    embed(network, given, 3).sum().backward()
    assert max(network.batches) == 3
    mixing = small(nn.BatchNorm2d(4))
    embed(mixing, given.detach(), 3)
    assert mixing.batches == [7]
    mixing.eval()
    embed(mixing, given.detach(), 3)
    assert mixing.batches == [7, 3, 3, 1]
