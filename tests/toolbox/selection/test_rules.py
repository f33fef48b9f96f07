from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fakes import info_of, made_up_set
from torch import Tensor

from dcbench import RequestError
from dcbench.toolbox.selection import check_ipc, class_blocks, first_least, inner_products, squared_norms

ONE = torch.ones(1, 1, dtype=torch.float64)


def least(values: list[float], scale: Tensor = ONE) -> int:
    return int(first_least(torch.tensor([values], dtype=torch.float64), scale))


def test_rows_of_a_block_are_centred_float64_and_zero_where_a_class_has_no_image() -> None:
    features = [torch.rand(7, 3) + 1000, torch.rand(4, 3) - 50]
    ((rows, present),) = class_blocks(features, [7, 4], 10**6)
    assert (rows.dtype, rows.shape) == (torch.float64, (2, 7, 3))
    assert present.tolist() == [[True] * 7, [True] * 4 + [False] * 3]
    assert not rows[~present].any()
    for centred, one_class in zip(rows, features, strict=True):
        own = centred[: len(one_class)]
        assert own.mean(0).abs().max() < 1e-12
        assert torch.allclose(torch.cdist(own, own), torch.cdist(one_class.double(), one_class.double()))


@settings(max_examples=50)
@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=9), room=st.integers(0, 40))
def test_blocks_keep_their_limit_and_hold_every_class_once_in_order(sizes: list[int], room: int) -> None:
    # Their means are zero without rounding, so they come back as they were.
    features = [(torch.arange(size) - (size - 1) / 2)[:, None] * label for label, size in enumerate(sizes, 1)]
    limit = room * torch.float64.itemsize
    seen: list[list[float]] = []
    for rows, present in class_blocks(iter(features), sizes, limit):
        assert rows.nbytes <= limit or len(rows) == 1
        assert not rows[~present].any()
        seen += [own[there].flatten().tolist() for own, there in zip(rows, present, strict=True)]
    assert seen == [one_class.flatten().tolist() for one_class in features]


def test_products_and_norms_are_those_of_each_class() -> None:
    rows, vectors = torch.randn(3, 5, 4, dtype=torch.float64), torch.randn(3, 1, 4, dtype=torch.float64)
    torch.testing.assert_close(inner_products(rows, vectors), (rows * vectors).sum(2))
    torch.testing.assert_close(squared_norms(rows), (rows * rows).sum(2))


def test_first_least_takes_the_lowest_position_of_a_tie_in_each_class() -> None:
    values = torch.tensor([[3, 1, 2, 1], [0, 5, 0, 0], [torch.inf, 7, 8, 7]], dtype=torch.float64)
    assert first_least(values, ONE.expand(3, 1)).tolist() == [[1], [0], [1]]


def test_first_least_counts_rounding_as_a_tie_and_nothing_more() -> None:
    assert least([3.0, 1.0 + 1e-14, 1.0]) == 1
    assert least([3.0, 1.0 + 1e-9, 1.0]) == 2
    assert least([3.0, 1.0 + 1e-9, 1.0], 1e6 * ONE) == 1


def test_the_scale_of_a_tie_is_that_of_the_class() -> None:
    values = torch.tensor([[3.0, 1.0 + 1e-9, 1.0]] * 2, dtype=torch.float64)
    assert first_least(values, torch.tensor([[1.0], [1e6]], dtype=torch.float64)).tolist() == [[2], [1]]


def test_ipc_beyond_the_smallest_class_is_refused_by_name() -> None:
    info = info_of(made_up_set(classes=3, per_class=5), train_counts=(5, 4, 5))
    check_ipc(info, 4)
    with pytest.raises(RequestError, match=r"class 1 has 4 training images.*--ipc 4"):
        check_ipc(info, 5)
