from __future__ import annotations

import pytest
import torch

from dcbench import RequestError
from dcbench.engine.exchange.layouts import tidy_labels


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64, torch.float32, torch.float64])
def test_classes_may_have_any_type_and_any_order(dtype: torch.dtype) -> None:
    tidy = tidy_labels(torch.tensor([2, 0, 1, 0], dtype=dtype))
    assert tidy.dtype == torch.int64
    assert tidy.tolist() == [2, 0, 1, 0]


def test_one_hot_rows_are_classes_and_cost_nothing() -> None:
    assert tidy_labels(torch.eye(3)[[2, 0]]).tolist() == [2, 0]


def test_soft_labels_stay() -> None:
    soft = torch.tensor([[0.9, 0.1], [0.5, 0.5]], dtype=torch.float64)
    assert torch.equal(tidy_labels(soft), soft.float())


@pytest.mark.parametrize("labels", [1, [[[0, 1]]], [0.5, 1.0], [float("nan")]])
def test_anything_else_is_refused(labels: object) -> None:
    with pytest.raises(RequestError, match="labels"):
        tidy_labels(torch.tensor(labels))
