from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import mmd as oracle
from oracles import moments
from torch import Tensor, nn

from dcbench import RequestError
from dcbench.toolbox.matching import Objective, gaussian_mmd, linear_mmd, moment_distance, polynomial_mmd
from dcbench.toolbox.matching.objectives import ClassAwareRegularisation, bandwidth, squared_distances

OBJECTIVES: dict[str, Objective] = {"gaussian": gaussian_mmd, "linear": linear_mmd, "polynomial": polynomial_mmd}
shapes = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))


def features(shape: tuple[int, int, int, int], seed: int) -> tuple[Tensor, Tensor]:
    classes, synthetic, real, dimensions = shape
    generator = torch.Generator().manual_seed(seed)
    left = torch.randn((classes, synthetic, dimensions), generator=generator, dtype=torch.float64)
    return left, torch.randn((classes, real, dimensions), generator=generator, dtype=torch.float64) + 0.5


def gradient(loss: Tensor, of: Tensor) -> Tensor:
    return torch.autograd.grad(loss, of)[0]


@pytest.mark.parametrize("name", OBJECTIVES)
@given(shape=shapes, seed=st.integers(0, 2**31))
@settings(max_examples=15)
def test_value_and_gradient_are_those_of_the_literal_double_loop(
    name: str, shape: tuple[int, int, int, int], seed: int
) -> None:
    synthetic, real = features(shape, seed)
    synthetic.requires_grad_()
    fast = OBJECTIVES[name](synthetic, real, value=True)
    slow = torch.stack([oracle.mmd(name, own, other) for own, other in zip(synthetic, real, strict=True)])
    torch.testing.assert_close(fast, slow)
    expected = gradient(slow.sum(), synthetic)
    torch.testing.assert_close(gradient(fast.sum(), synthetic), expected)
    without_value = OBJECTIVES[name](synthetic, real, value=False)
    torch.testing.assert_close(gradient(without_value.sum(), synthetic), expected)


def test_bandwidth_is_the_mean_squared_distance_of_different_rows() -> None:
    synthetic, real = features((3, 4, 5, 6), 1)
    expected = torch.stack([oracle.bandwidth(own, other) for own, other in zip(synthetic, real, strict=True)])
    torch.testing.assert_close(bandwidth(synthetic, real).flatten(), expected)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_equal_samples_have_no_discrepancy_and_others_have(name: str) -> None:
    synthetic, _ = features((2, 4, 1, 3), 2)
    assert OBJECTIVES[name](synthetic, synthetic, value=True).abs().max() < 1e-12
    assert OBJECTIVES[name](synthetic, synthetic + 1, value=True).min() > 1e-3


def test_features_without_any_spread_give_a_finite_loss_and_gradient() -> None:
    synthetic = torch.ones((2, 3, 4)).requires_grad_()
    loss = gaussian_mmd(synthetic, torch.ones((2, 5, 4)), value=True)
    assert loss.abs().max() == 0
    assert gradient(loss.sum(), synthetic).isfinite().all()


def test_single_precision_survives_features_far_from_the_origin() -> None:
    synthetic, real = features((2, 5, 6, 8), 3)
    exact = gaussian_mmd(synthetic, real, value=True)
    shifted = gaussian_mmd((synthetic + 100).float(), (real + 100).float(), value=True)
    torch.testing.assert_close(shifted.double(), exact, rtol=1e-3, atol=1e-4)


def test_distances_are_never_negative() -> None:
    rows = torch.rand((1, 50, 3), generator=torch.Generator().manual_seed(0)) + 1000
    assert squared_distances(rows, rows).min() >= 0


@pytest.mark.parametrize("order", [1, 2, 3])
@given(shape=shapes, seed=st.integers(0, 2**31))
@settings(max_examples=15)
def test_moments_of_every_order_are_compared_as_written_out(
    order: int, shape: tuple[int, int, int, int], seed: int
) -> None:
    synthetic, real = features(shape, seed)
    fast = moment_distance(order)(synthetic, real, value=True)
    slow = [moments.loss(own, other, order) for own, other in zip(synthetic, real, strict=True)]
    torch.testing.assert_close(fast, torch.tensor(slow, dtype=torch.float64))
    if order == 1:
        torch.testing.assert_close(fast, linear_mmd(synthetic, real, value=True))


def test_a_single_image_has_a_gradient_under_all_moments() -> None:
    synthetic, real = features((2, 1, 4, 3), 5)
    synthetic.requires_grad_()
    assert gradient(moment_distance(3)(synthetic, real, value=True).sum(), synthetic).isfinite().all()


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(3, 5, dtype=torch.float64)


@settings(max_examples=20)
@given(st.integers(0, 4), st.integers(1, 5), st.integers(1, 4), st.floats(0, 3), st.floats(0, 100))
def test_regularisation_is_the_weighted_mean_cross_entropy_of_each_class(
    start: int, count: int, images: int, weight: float, accuracy: float
) -> None:
    classes = range(start, min(5, start + count))
    network, features = Network(), torch.randn(len(classes), images, 3, dtype=torch.float64)
    regularisation = ClassAwareRegularisation(weight, torch.tensor(accuracy, dtype=torch.float64), classes)
    found = regularisation(network, features).tolist()
    for row, label in enumerate(classes):
        total = 0.0
        for image in features[row]:
            logits = network.classifier(image).tolist()
            total += math.log(sum(math.exp(logit) for logit in logits)) - logits[label]
        assert found[row] == pytest.approx(weight * accuracy * total / images)


def test_a_change_of_the_accuracy_is_seen() -> None:
    network, accuracy = Network(), torch.zeros((), dtype=torch.float64)
    features = torch.randn(2, 1, 3, dtype=torch.float64, requires_grad=True)
    regularisation = ClassAwareRegularisation(0.5, accuracy, range(2))
    assert not regularisation(network, features).any()
    accuracy.fill_(80)
    losses = regularisation(network, features)
    assert (losses > 0).all()
    losses.sum().backward()
    assert features.grad is not None
    assert (features.grad != 0).all()


def test_a_network_in_half_precision_gets_half_and_gives_the_type_of_the_features() -> None:
    network = Network().to(torch.bfloat16)
    features = torch.randn(2, 3, 3)
    assert ClassAwareRegularisation(1.0, torch.ones(()), range(2))(network, features).dtype == torch.float32


def test_regularisation_refuses_a_network_without_a_classifier() -> None:
    regularisation = ClassAwareRegularisation(1.0, torch.ones(()), range(2))
    with pytest.raises(RequestError, match="Sequential has no layer named classifier"):
        regularisation(nn.Sequential(), torch.randn(2, 3, 3))
