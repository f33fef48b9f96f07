from __future__ import annotations

import pytest
import torch
from fakes import info_of, made_up_set

from dcbench import RequestError
from dcbench.toolbox.selection import centred, check_ipc, first_least

ONE = torch.tensor(1.0, dtype=torch.float64)


def test_centred_rows_keep_distances_and_have_no_mean() -> None:
    features = torch.rand(7, 3) + 1000
    rows = centred(features)
    assert rows.dtype == torch.float64
    assert rows.mean(0).abs().max() < 1e-12
    assert torch.allclose(torch.cdist(rows, rows), torch.cdist(features.double(), features.double()))


def test_first_least_takes_the_lowest_index_of_a_tie() -> None:
    assert first_least(torch.tensor([3.0, 1.0, 2.0, 1.0], dtype=torch.float64), ONE) == 1


def test_first_least_counts_rounding_as_a_tie_and_nothing_more() -> None:
    assert first_least(torch.tensor([3.0, 1.0 + 1e-14, 1.0], dtype=torch.float64), ONE) == 1
    assert first_least(torch.tensor([3.0, 1.0 + 1e-9, 1.0], dtype=torch.float64), ONE) == 2
    assert first_least(torch.tensor([3.0, 1.0 + 1e-9, 1.0], dtype=torch.float64), 1e6 * ONE) == 1


@pytest.mark.parametrize("values", [[torch.inf, torch.inf], [1.0, torch.nan]])
def test_first_least_refuses_to_choose_from_nothing(values: list[float]) -> None:
    with pytest.raises(ValueError, match="no row can be chosen"):
        first_least(torch.tensor(values, dtype=torch.float64), ONE)


def test_ipc_beyond_the_smallest_class_is_refused_by_name() -> None:
    info = info_of(made_up_set(classes=3, per_class=5), train_counts=(5, 4, 5))
    check_ipc(info, 4)
    with pytest.raises(RequestError, match=r"class 1 has 4 training images.*--ipc 4"):
        check_ipc(info, 5)
