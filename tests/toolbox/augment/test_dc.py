from __future__ import annotations

import pytest
import torch
from oracles import dc_augmentation as oracle

from dcbench.toolbox.augment.dc import OPERATIONS, DCAugmentation


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 9])
def test_each_image_gets_its_own_operation_as_the_oracle_applies_it(channels: int, size: int) -> None:
    generator = torch.Generator().manual_seed(size)
    images = torch.randn(40, channels, size, size, generator=generator, dtype=torch.float64)
    augmentation = DCAugmentation("crop_scale_rotate")
    draw = augmentation.draw(len(images), images.shape[-1], generator)
    assert set(draw.operation.tolist()) == {0, 1, 2}
    apply = [oracle.crop, oracle.scale, oracle.rotate]
    expected = [
        apply[int(operation)](image, float(first), float(second), images)
        for image, operation, (first, second) in zip(images, draw.operation, draw.uniforms, strict=True)
    ]
    torch.testing.assert_close(augmentation.apply(images, draw), torch.stack(expected), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("strategy", ["crop_scale_rotate", "scale_crop", "rotate"])
@pytest.mark.parametrize("channels", [1, 3])
def test_settled_parameters_give_what_the_draw_gives(channels: int, strategy: str) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(40, channels, 9, 9, generator=generator, dtype=torch.float64)
    augmentation = DCAugmentation(strategy)
    draw = augmentation.draw(len(images), images.shape[-1], generator)
    result = augmentation.apply_settled(images, augmentation.settle(draw))
    torch.testing.assert_close(result, augmentation.apply(images, draw), rtol=1e-9, atol=1e-9)


def test_images_are_left_as_they_were() -> None:
    images = torch.rand(9, 1, 8, 8)
    before = images.clone()
    augmentation = DCAugmentation("crop_scale_rotate")
    augmentation.apply(images, augmentation.draw(9, 6, torch.Generator().manual_seed(0)))
    assert torch.equal(images, before)


def test_only_named_operations_are_drawn() -> None:
    draw = DCAugmentation("rotate_crop").draw(50, 6, torch.Generator().manual_seed(0))
    assert set(draw.operation.tolist()) == {OPERATIONS.index("crop"), OPERATIONS.index("rotate")}


@pytest.mark.parametrize("strategy", ["", "crop_flip"])
def test_an_unknown_operation_is_refused(strategy: str) -> None:
    with pytest.raises(ValueError, match="known are crop, scale, rotate"):
        DCAugmentation(strategy)
