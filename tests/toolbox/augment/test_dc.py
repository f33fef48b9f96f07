from __future__ import annotations

import pytest
import torch
from oracles import dc_augmentation as oracle

from dcbench.toolbox.augment.dc import OPERATIONS, DCAugmentation
from dcbench.toolbox.augment.splines import SplineRotation

ROTATIONS = {"bilinear": oracle.rotate_bilinearly, "spline": oracle.rotate}


def made(channels: int, size: int, rows: int = 40) -> tuple[torch.Tensor, torch.Generator]:
    generator = torch.Generator().manual_seed(size)
    return torch.randn(rows, channels, size, size, generator=generator, dtype=torch.float64), generator


@pytest.mark.parametrize("rotation", ROTATIONS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 9])
def test_each_image_gets_its_own_operation_as_the_oracle_applies_it(channels: int, size: int, rotation: str) -> None:
    images, generator = made(channels, size)
    augmentation = DCAugmentation("crop_scale_rotate", rotation)
    draw = augmentation.draw(len(images), images.shape[-1], generator)
    assert set(draw.operation.tolist()) == {0, 1, 2}
    apply = [oracle.crop, oracle.scale, ROTATIONS[rotation]]
    expected = [
        apply[int(operation)](image, float(first), float(second), images)
        for image, operation, (first, second) in zip(images, draw.operation, draw.uniforms, strict=True)
    ]
    torch.testing.assert_close(augmentation.apply(images, draw), torch.stack(expected), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [8, 9, 28, 32])
def test_all_angles_are_those_of_scipy_with_the_cut_of_the_published_code(size: int) -> None:
    images, _ = made(channels=2, size=size, rows=90)
    expected = [oracle.rotate(image, (place + 0.5) / 90, 0.0, images) for place, image in enumerate(images)]
    result = SplineRotation()(images, torch.arange(-45, 45), images.mean())
    torch.testing.assert_close(result, torch.stack(expected), rtol=1e-12, atol=1e-12)


def test_images_of_single_precision_are_rotated_to_its_rounding() -> None:
    images = made(channels=1, size=28, rows=90)[0].float()
    expected = [oracle.rotate(image, (place + 0.5) / 90, 0.0, images) for place, image in enumerate(images)]
    result = SplineRotation()(images, torch.arange(-45, 45), images.mean())
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, torch.stack(expected), rtol=1e-6, atol=1e-6)


def test_an_angle_of_zero_changes_nothing() -> None:
    images, _ = made(channels=1, size=28, rows=2)
    torch.testing.assert_close(SplineRotation()(images, torch.zeros(2), images.mean()), images, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rotation", ROTATIONS)
@pytest.mark.parametrize("strategy", ["crop_scale_rotate", "scale_crop", "rotate", "crop_noise", "noise_rotate"])
@pytest.mark.parametrize("channels", [1, 3])
def test_parameters_as_tensors_give_what_the_draw_gives(channels: int, strategy: str, rotation: str) -> None:
    images, generator = made(channels, size=9)
    augmentation = DCAugmentation(strategy, rotation, channels)
    draw = augmentation.draw(len(images), images.shape[-1], generator)
    result = augmentation.apply_tensors(images, augmentation.as_tensors(draw))
    torch.testing.assert_close(result, augmentation.apply(images, draw), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_has_the_published_strength_and_changes_its_own_images_alone(channels: int) -> None:
    images, generator = made(channels, size=16, rows=200)
    augmentation = DCAugmentation("crop_noise", "spline", channels)
    draw = augmentation.draw(len(images), 16, generator)
    change = (augmentation.apply(images, draw) - images)[draw.operation == OPERATIONS.index("noise")]
    assert 80 < len(change) < 120
    assert float(change.std()) == pytest.approx(0.001, rel=0.02)
    assert len(change.flatten().unique()) == change.numel()


def test_a_strategy_without_noise_draws_as_it_did_before_there_was_noise() -> None:
    draw = DCAugmentation("crop_scale_rotate").draw(5, 28, torch.Generator().manual_seed(1))
    expected = torch.rand((5, 3), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert torch.equal(draw.uniforms, expected[:, 1:])
    assert draw.noise.shape == (5, 0)


@pytest.mark.parametrize("rotation", ROTATIONS)
def test_images_are_left_as_they_were(rotation: str) -> None:
    images = torch.rand(9, 1, 8, 8)
    before = images.clone()
    augmentation = DCAugmentation("crop_scale_rotate", rotation)
    augmentation.apply(images, augmentation.draw(9, 6, torch.Generator().manual_seed(0)))
    assert torch.equal(images, before)


def test_only_named_operations_are_drawn() -> None:
    draw = DCAugmentation("rotate_crop").draw(50, 6, torch.Generator().manual_seed(0))
    assert set(draw.operation.tolist()) == {OPERATIONS.index("crop"), OPERATIONS.index("rotate")}


@pytest.mark.parametrize("strategy", ["", "crop_flip"])
def test_an_unknown_operation_is_refused(strategy: str) -> None:
    with pytest.raises(ValueError, match="known are crop, scale, rotate, noise"):
        DCAugmentation(strategy)
