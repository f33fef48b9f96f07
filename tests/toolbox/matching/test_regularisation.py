from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dcbench import RequestError
from dcbench.toolbox.matching.regularisation import ClassAwareRegularisation


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(3, 5, dtype=torch.float64)


@settings(max_examples=20)
@given(st.integers(0, 4), st.integers(1, 5), st.integers(1, 4), st.floats(0, 3), st.floats(0, 100))
def test_it_is_the_weighted_mean_cross_entropy_of_each_class(
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


def test_a_network_without_a_classifier_is_refused() -> None:
    regularisation = ClassAwareRegularisation(1.0, torch.ones(()), range(2))
    with pytest.raises(RequestError, match="Sequential has no layer named classifier"):
        regularisation(nn.Sequential(), torch.randn(2, 3, 3))
