from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import augmentation as oracle

from dcbench.toolbox.augment import operations
from dcbench.toolbox.augment.draws import OPERATIONS, Draw, parameters_of

REAL = {name: getattr(operations, name) for name in OPERATIONS}


def images_of(rows: int, channels: int, size: int) -> torch.Tensor:
    return torch.randn(rows, channels, size, size, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def uniforms_of(rows: int, seed: int = 5) -> torch.Tensor:
    return torch.rand((rows, 12), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("size", [5, 8, 11])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_its_formula(name: str, channels: int, size: int) -> None:
    images, uniforms = images_of(4, channels, size), uniforms_of(4)
    draw = Draw(torch.zeros(4, dtype=torch.int64), parameters_of(uniforms[:, 1:], size))
    expected = [
        oracle.apply(name, image, oracle.parameters(u, size))
        for image, u in zip(images, uniforms.tolist(), strict=True)
    ]
    torch.testing.assert_close(REAL[name](images, *draw.of(name)), torch.stack(expected))


@pytest.mark.parametrize("name", OPERATIONS)
def test_gradients_flow_and_are_right(name: str) -> None:
    images = images_of(3, 2, 6).requires_grad_()
    draw = Draw(torch.zeros(3, dtype=torch.int64), parameters_of(uniforms_of(3)[:, 1:], 6))
    assert torch.autograd.gradcheck(lambda x: REAL[name](x, *draw.of(name)), images)


def test_one_row_changes_no_other() -> None:
    images, uniforms = images_of(2, 1, 8), uniforms_of(2)
    for name in OPERATIONS:
        both = REAL[name](images, *Draw(torch.zeros(2), parameters_of(uniforms[:, 1:], 8)).of(name))
        alone = REAL[name](images[1:], *Draw(torch.zeros(1), parameters_of(uniforms[1:, 1:], 8)).of(name))
        torch.testing.assert_close(both[1:], alone)


@given(st.floats(0, 1, exclude_max=True), st.integers(4, 224))
def test_parameters_stay_in_their_ranges(u: float, size: int) -> None:
    values = parameters_of(torch.full((1, 11), u, dtype=torch.float64), size)
    draw = Draw(torch.zeros(1), values)
    reach, side = int(size * 0.125 + 0.5), int(size * 0.5 + 0.5)
    assert all(-reach <= int(shift) <= reach for shift in draw.of("crop"))
    assert all(0 <= int(centre) <= size - side % 2 for centre in draw.of("cutout"))
    assert all(1 / 1.2 - 1e-9 <= float(ratio) <= 1.2 for ratio in draw.of("scale"))
    assert abs(float(draw.of("rotate")[0])) <= 15 * torch.pi / 180 + 1e-9
    assert bool(draw.of("flip")[0]) == (u < 0.5)


def test_both_ends_of_the_whole_numbers_are_drawn() -> None:
    ends = parameters_of(torch.tensor([[0.0], [1 - 2**-53]], dtype=torch.float64).repeat(1, 11), 32)
    crops, centres = ends[:, 4:6].tolist(), ends[:, 6:8].tolist()
    assert crops == [[-4, -4], [4, 4]]
    assert centres == [[0, 0], [32, 32]]
