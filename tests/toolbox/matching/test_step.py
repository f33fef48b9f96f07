from __future__ import annotations

import pytest
import torch
from hypothesis import given as drawn
from hypothesis import strategies as st
from torch import Tensor, nn

from dcbench.toolbox.matching import embed
from dcbench.toolbox.matching.step import KEPT, chunks


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


def images(count: int = 7) -> Tensor:
    return torch.rand(
        (count, 1, 6, 6), generator=torch.Generator().manual_seed(0), dtype=torch.float64
    ).requires_grad_()


@pytest.mark.parametrize("norm", [nn.GroupNorm(4, 4), nn.BatchNorm2d(4)])
def test_chunks_change_neither_features_nor_gradients(norm: nn.Module) -> None:
    network, given = small(norm), images(3 * KEPT + 5)
    whole = embed(network, given, 100)
    expected = torch.autograd.grad(whole.square().sum(), given)[0]
    chunked = embed(network, given, 3)
    torch.testing.assert_close(chunked, whole)
    torch.testing.assert_close(torch.autograd.grad(chunked.square().sum(), given)[0], expected)


def test_no_forward_is_larger_than_a_chunk_unless_statistics_run_over_the_batch() -> None:
    network, given = small(nn.GroupNorm(4, 4)), images()
    embed(network, given.detach(), 3)
    assert network.batches == [3, 3, 1]
    embed(network, images(3 * KEPT), 3).sum().backward()
    embed(network, images(3 * KEPT + 1), 3).sum().backward()
    assert max(network.batches) == 3 * KEPT
    mixing = small(nn.BatchNorm2d(4))
    embed(mixing, given.detach(), 3)
    assert mixing.batches == [7]
    mixing.eval()
    embed(mixing, given.detach(), 3)
    assert mixing.batches == [7, 3, 3, 1]


@drawn(st.integers(1, 300), st.integers(1, 40))
def test_chunks_cover_all_rows_and_are_even_where_they_can_be(count: int, most: int) -> None:
    rows = list(chunks(nn.Identity(), count, most))
    assert [row for part in rows for row in range(count)[part]] == list(range(count))
    sizes = {part.stop - part.start for part in rows}
    assert max(sizes) <= most
    assert len(sizes) <= 2
    if count % most == 0:
        assert sizes == {most}


def test_an_uneven_number_is_cut_into_a_few_more_even_chunks() -> None:
    assert [part.stop for part in chunks(nn.Identity(), 1280, 512)] == [320, 640, 960, 1280]


def test_another_forward_may_take_the_place_of_embed() -> None:
    network, given = small(nn.GroupNorm(4, 4)), images()
    assert embed(network, given, 3, forward=lambda part: part.flatten(1)).shape == (7, 36)
    assert network.batches == []
