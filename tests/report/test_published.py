from __future__ import annotations

import hashlib
from importlib.resources import files

import pytest

from dcbench.report.published import paper_table


@pytest.mark.parametrize(("number", "rows"), [(1, 4), (2, 5 * 3 * 11), (3, 2 * 2 * 6), (4, 2 * 3 * 3)])
def test_each_table_is_there_with_every_row(number: int, rows: int) -> None:
    table = paper_table(number)
    place = [name for name in ("dataset", "ipc", "method", "network") if name in table]
    assert len(table) == rows == len(table[place].drop_duplicates())
    assert table["accuracy"].dropna().between(0, 100).all()


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("table1_moments", "44aaf62802cbf4fc8f28617112856f7c0f513a7bd38ea374511d49e829d6ee75"),
        ("table2_low_resolution", "29095dbd2730f939bd5146f5dac92d14ecd77152a5d951a847aa77373310571b"),
        ("table3_imagenet_subsets", "4ad3fae53440cd1f8c7569076162d7df5a1b5839327394a9bfaf73f29fa2a7f0"),
        ("table4_cross_architecture", "a6727953bacfac16073faf1f4c548169119989ee3ec0509abc82aa2adbe148b3"),
    ],
)
def test_no_number_changes_unnoticed(name: str, digest: str) -> None:
    # What is printed in a paper stays; who corrects a slip, or adds a column, has looked at it and writes it here.
    text = files("dcbench.report.published").joinpath(f"{name}.csv").read_bytes()
    assert hashlib.sha256(text).hexdigest() == digest


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
