from __future__ import annotations

from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import augmentation as oracle

from dcbench.toolbox.augment import OPERATIONS, Augmentation

FULL = "color_crop_cutout_flip_scale_rotate"
STRATEGIES = [FULL, "color_crop_cutout", "crop_scale_rotate", "flip", "cutout", "color_crop_flip_scale_rotate", ""]
Semantic = Literal["dsa", "diffaug"]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images_of(rows: int, size: int = 6) -> torch.Tensor:
    return torch.randn(rows, 2, size, size, generator=seeded(3), dtype=torch.float64)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("semantic", ["dsa", "diffaug"])
def test_agrees_with_the_oracle(semantic: Semantic, strategy: str, shared: bool, seed: int) -> None:
    images = images_of(5)
    augmentation = Augmentation(semantic, strategy)
    result = augmentation.apply(images, augmentation.draw(5, 6, seeded(seed), shared_operation=shared))
    uniforms = torch.rand((5, 12), generator=seeded(seed), dtype=torch.float64).tolist()
    expected = oracle.augment_batch(images, semantic, [n for n in strategy.split("_") if n], uniforms, shared)
    torch.testing.assert_close(result, expected)


@settings(max_examples=25)
@given(st.sets(st.sampled_from(OPERATIONS)), st.sampled_from(["dsa", "diffaug"]), st.booleans(), st.integers(0, 10**6))
def test_any_strategy_agrees_with_the_oracle(named: set[str], semantic: Semantic, shared: bool, seed: int) -> None:
    images = images_of(3, 5)
    augmentation = Augmentation(semantic, "_".join(named))
    result = augmentation.apply(images, augmentation.draw(3, 5, seeded(seed), shared_operation=shared))
    uniforms = torch.rand((3, 12), generator=seeded(seed), dtype=torch.float64).tolist()
    torch.testing.assert_close(result, oracle.augment_batch(images, semantic, list(named), uniforms, shared))


@settings(max_examples=25)
@given(st.sets(st.sampled_from(OPERATIONS)), st.sampled_from(["dsa", "diffaug"]), st.booleans(), st.integers(0, 10**6))
def test_parameters_as_tensors_give_what_the_draw_gives(
    named: set[str], semantic: Semantic, shared: bool, seed: int
) -> None:
    images = images_of(6, 5).requires_grad_()
    augmentation = Augmentation(semantic, "_".join(named))
    draw = augmentation.draw(6, 5, seeded(seed), shared_operation=shared)
    expected, result = (
        augmentation.apply(images, draw),
        augmentation.apply_tensors(images, augmentation.as_tensors(draw)),
    )
    torch.testing.assert_close(result, expected)
    weights = torch.randn(expected.shape, generator=seeded(9), dtype=torch.float64)
    gradients = [torch.autograd.grad((out * weights).sum(), images)[0] for out in (result, expected)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("semantic", ["dsa", "diffaug"])
def test_gradient_of_rows_with_different_operations(semantic: Semantic) -> None:
    images = images_of(8, 5).requires_grad_()
    augmentation = Augmentation(semantic, FULL)
    draw = augmentation.draw(8, 5, seeded(), shared_operation=False)
    assert len(set(draw.operation.tolist())) > 2
    assert torch.autograd.gradcheck(lambda x: augmentation.apply(x, draw), images, fast_mode=True)


def test_every_operation_is_drawn_about_equally_often() -> None:
    for augmentation, drawable in ((Augmentation("dsa", FULL), 6), (Augmentation("diffaug", FULL), 3)):
        draw = augmentation.draw(6000, 8, seeded(), shared_operation=False)
        counts = torch.bincount(draw.operation)
        counts = counts[counts > 0]
        assert len(counts) == drawable
        assert (counts - 6000 / drawable).abs().max() < 200


def test_a_shared_operation_is_one_and_its_parameters_are_not() -> None:
    draw = Augmentation("diffaug", FULL).draw(20, 8, seeded(), shared_operation=True)
    assert len(set(draw.operation.tolist())) == 1
    assert len(set(map(tuple, draw.parameters.tolist()))) == 20


def test_a_real_and_a_synthetic_batch_share_the_row_of_their_class() -> None:
    augmentation = Augmentation("diffaug", FULL)
    draw = augmentation.draw(2, 6, seeded(1), shared_operation=False)
    image = images_of(1)
    classes = torch.tensor([1, 0, 1, 1])
    result = augmentation.apply(image.expand(4, -1, -1, -1), draw.index(classes))
    torch.testing.assert_close(result[0], result[2])
    torch.testing.assert_close(result[0], result[3])
    assert not torch.allclose(result[0], result[1])
    torch.testing.assert_close(result[1:2], augmentation.apply(image, draw.index(torch.tensor([0]))))


def test_every_call_takes_the_same_numbers_from_the_generator() -> None:
    after: set[float] = set()
    for augmentation in (Augmentation("dsa", FULL), Augmentation("diffaug", "crop"), Augmentation("none", "")):
        generator = seeded()
        augmentation.draw(3, 8, generator, shared_operation=not after)
        after.add(float(torch.rand((), generator=generator)))
    assert len(after) == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_type_of_the_images_is_kept(dtype: torch.dtype) -> None:
    augmentation = Augmentation("diffaug", FULL)
    draw = augmentation.draw(12, 6, seeded(), shared_operation=False)
    images = images_of(12)
    result = augmentation.apply(images.to(dtype), draw)
    assert result.dtype == dtype
    torch.testing.assert_close(result.double(), augmentation.apply(images, draw), atol=0.2, rtol=0.2)


def test_nothing_is_done_where_nothing_is_named() -> None:
    images = images_of(3)
    for augmentation in (Augmentation("none", FULL), Augmentation("dsa", "")):
        assert not augmentation
        assert augmentation.apply(images, augmentation.draw(3, 6, seeded(), shared_operation=True)) is images


def test_without_drops_operations() -> None:
    augmentation = Augmentation("diffaug", FULL).without("flip", "cutout")
    assert augmentation.operations == ("color", "crop", "scale", "rotate")
    assert augmentation.semantic == "diffaug"
    assert "color_crop_scale_rotate" in repr(augmentation)


def test_an_unknown_operation_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'colour'.*known are flip, color, crop, cutout, scale, rotate"):
        Augmentation("dsa", "colour_crop")
    with pytest.raises(ValueError, match="'mirror'"):
        Augmentation("dsa", "crop").without("mirror")


def test_rows_must_fit_the_images() -> None:
    augmentation = Augmentation("dsa", "crop")
    with pytest.raises(ValueError, match="2 rows for 3 images"):
        augmentation.apply(images_of(3), augmentation.draw(2, 6, seeded(), shared_operation=True))


def test_a_draw_moves_its_parameters_only() -> None:
    draw = Augmentation("dsa", FULL).draw(2, 8, seeded(), shared_operation=False).to("meta", torch.float32)
    assert draw.parameters.device.type == "meta"
    assert draw.parameters.dtype == torch.float32
    assert draw.operation.device.type == "cpu"
