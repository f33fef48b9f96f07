from __future__ import annotations

import pytest

from dcbench.report.published import paper_table


@pytest.mark.parametrize(("number", "rows"), [(1, 4), (2, 5 * 3 * 11), (3, 2 * 2 * 6), (4, 2 * 3 * 3)])
def test_each_table_is_there_with_every_row(number: int, rows: int) -> None:
    table = paper_table(number)
    place = [name for name in ("dataset", "ipc", "method", "network") if name in table]
    assert len(table) == rows == len(table[place].drop_duplicates())
    assert table["accuracy"].dropna().between(0, 100).all()


def test_a_number_comes_with_what_is_known_of_it() -> None:
    table = paper_table(2).set_index(["dataset", "ipc", "method"])
    known = ["accuracy", "std", "protocol", "network", "selection", "sets", "networks_per_set"]
    assert table.loc[("mnist", 1, "dm"), known].tolist() == [89.7, 0.6, "dsa", "convnet3", "last", 5, 5]
    assert table.loc[("cifar10", 10, "m3d"), known].tolist() == [63.5, 0.2, "m3d", "convnet3", "best on test", 1, 10]
    assert table.loc[("mnist", 1, "whole"), ["protocol", "selection", "sets", "networks_per_set"]].isna().all()


def test_what_is_not_reported_has_no_accuracy_and_says_so() -> None:
    table = paper_table(2)
    missing = table[table["accuracy"].isna()]
    assert set(missing["method"]) == {"idm", "dc"}
    assert (missing["note"] == "not reported").all()


def test_convnet_rows_of_table_4_are_those_of_table_2() -> None:
    fourth = paper_table(4)
    rows = fourth[fourth["network"] == "convnet3"].merge(paper_table(2), on=["dataset", "ipc", "method"])
    assert len(rows) == 6
    assert (rows["accuracy_x"] == rows["accuracy_y"]).all()


@pytest.mark.parametrize("number", [0, 5])
def test_another_table_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=f"no published table {number}; there are 1, 2, 3, 4"):
        paper_table(number)
