from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dcbench.toolbox.networks.instance_norm import InstanceNorm, slow_through_torch

CHANNELS_LAST = torch.channels_last


def images(size: int = 6, channels: int = 5) -> Tensor:
    drawn = torch.randn((4, channels, size, size), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return (drawn * 3 + 7).contiguous(memory_format=CHANNELS_LAST)


def both(channels: int = 5) -> tuple[InstanceNorm, nn.GroupNorm]:
    ours, theirs = InstanceNorm(channels).double(), nn.GroupNorm(channels, channels).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            own.copy_(torch.rand(own.shape, generator=generator, dtype=torch.float64) + 0.5)
            other.copy_(own)
    return ours, theirs


def gradients(norm: nn.Module, given: Tensor, weights: Tensor) -> list[Tensor]:
    leaf = given.detach().clone(memory_format=CHANNELS_LAST).requires_grad_()
    return list(torch.autograd.grad((norm(leaf) * weights).sum(), [leaf, *norm.parameters()]))


def test_the_other_way_is_taken_in_channels_last_alone() -> None:
    assert slow_through_torch(images())
    assert not slow_through_torch(images().contiguous())
    assert not slow_through_torch(images(1)), "a single pixel lies the same in both formats"


@pytest.mark.parametrize("size", [1, 2, 6, 31, 32, 33])
def test_values_and_gradients_are_those_of_group_norm(size: int) -> None:
    ours, theirs = both()
    given = images(size)
    torch.testing.assert_close(ours(given), theirs(given))
    weights = torch.randn(given.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for own, other in zip(gradients(ours, given, weights), gradients(theirs, given, weights), strict=True):
        torch.testing.assert_close(own, other)


def test_frozen_weights_need_no_gradient() -> None:
    ours, theirs = (norm.requires_grad_(requires_grad=False) for norm in both())
    results = []
    for norm in (ours, theirs):
        leaf = images().requires_grad_()
        results.append(torch.autograd.grad(norm(leaf).pow(3).sum(), leaf)[0])
    torch.testing.assert_close(*results)


def test_the_layout_stays_channels_last() -> None:
    assert InstanceNorm(5).double()(images()).is_contiguous(memory_format=CHANNELS_LAST)


@pytest.mark.parametrize("size", [3, 32])
def test_gradients_have_gradients(size: int) -> None:
    ours, _ = both(2)
    given = images(size, 2)[:2].clone(memory_format=CHANNELS_LAST).requires_grad_()
    assert torch.autograd.gradgradcheck(ours, given, fast_mode=True)


def test_the_weights_have_the_names_of_group_norm() -> None:
    assert list(InstanceNorm(3).state_dict()) == list(nn.GroupNorm(3, 3).state_dict())
