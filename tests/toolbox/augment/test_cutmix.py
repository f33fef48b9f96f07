from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import augmentation as oracle

from dcbench.toolbox.augment import CutMix


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([0.3, 1.0, 4.0]), st.integers(4, 9))
def test_agrees_with_the_oracle(seed: int, beta: float, size: int) -> None:
    images = torch.randn(4, 2, size, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    mix = CutMix(1.0, beta).draw(4, size, torch.Generator().manual_seed(seed))
    generator = torch.Generator().manual_seed(seed)
    _, row, column = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
    one, other = torch._standard_gamma(torch.full((2,), beta, dtype=torch.float64), generator=generator).tolist()
    *box, share = oracle.cutmix_box(one / (one + other), row, column, size)
    partners = torch.randperm(4, generator=generator).tolist()
    assert mix is not None
    assert (list(mix.box), mix.partners.tolist()) == (box, partners)
    assert mix.share == pytest.approx(share)
    torch.testing.assert_close(mix.images(images), oracle.cutmix(images, partners, (box[0], box[1], box[2], box[3])))


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.floats(0, 1), st.integers(4, 9))
def test_tensors_give_what_the_draw_gives(seed: int, probability: float, size: int) -> None:
    images = torch.randn(4, 2, size, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    cutmix = CutMix(probability)
    mix = cutmix.draw(4, size, torch.Generator().manual_seed(seed))
    partners, box, share = cutmix.as_tensors(mix, 4)
    assert (partners.shape, box.shape, share.shape) == ((4,), (4,), ())
    assert float(share) == (1 if mix is None else mix.share)
    assert torch.equal(cutmix.apply_tensors(images, partners, box), images if mix is None else mix.images(images))


def test_share_is_the_part_that_was_not_replaced_and_the_batch_stays() -> None:
    images = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 1, 8, 8).contiguous()
    before = images.clone()
    mixes = [CutMix(1.0).draw(6, 8, torch.Generator().manual_seed(seed)) for seed in range(20)]
    for mix in mixes:
        assert mix is not None
        own = (mix.images(images) == before).double().mean((1, 2, 3))
        moved = mix.partners != torch.arange(6)
        torch.testing.assert_close(own[moved], torch.full((int(moved.sum()),), mix.share, dtype=torch.float64))
    torch.testing.assert_close(images, before)


def test_a_batch_is_mixed_with_the_given_probability() -> None:
    generator = torch.Generator().manual_seed(0)
    mixed = sum(CutMix(0.3).draw(2, 8, generator) is not None for _ in range(1000))
    assert 240 < mixed < 360


def test_the_area_that_stays_follows_the_beta_distribution() -> None:
    generator = torch.Generator().manual_seed(0)
    from dcbench.toolbox.augment import cutmix

    for beta, variance in ((1.0, 1 / 12), (0.5, 1 / 8), (3.0, 1 / 28)):
        shares = torch.tensor([cutmix._beta(beta, generator) for _ in range(2000)])
        assert abs(float(shares.mean()) - 0.5) < 0.03
        assert abs(float(shares.var()) / variance - 1) < 0.12
