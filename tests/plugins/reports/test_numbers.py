from __future__ import annotations

import hashlib
from importlib.resources import files

import pandas as pd
import pytest

from dcbench_plugins.reports.m3d_paper.numbers import paper_table


@pytest.mark.parametrize(("number", "rows"), [(1, 4), (2, 5 * 3 * 11), (3, 2 * 2 * 6), (4, 2 * 3 * 3)])
def test_each_table_is_there_with_every_row(number: int, rows: int) -> None:
    table = paper_table(number)
    place = [name for name in ("dataset", "ipc", "method", "network") if name in table]
    assert len(table) == rows == len(table[place].drop_duplicates())
    assert table["accuracy"].dropna().between(0, 100).all()


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("table1_moments", "2516b4937b471c75693972c69cbbc1a9d618f70b8f56d4f6d5f55252da0d21be"),
        ("table2_low_resolution", "c20e20e2946561d52f44b8c62615897869833a26af05b553f7337143199c93ab"),
        ("table3_imagenet_subsets", "ae78fd82532859d384a38a8ffff447af59df494f04d6eadceebfd58b891faa6d"),
        ("table4_cross_architecture", "eb78fbf5f84f7f2c324faa4e31dab7f1e36edc380d9bc21f1790399488bc8545"),
    ],
)
def test_no_number_changes_unnoticed(name: str, digest: str) -> None:
    # What is printed in a paper stays; a change is looked at and written here.
    text = files("dcbench_plugins.reports.m3d_paper").joinpath(f"{name}.csv").read_bytes()
    assert hashlib.sha256(text).hexdigest() == digest


def test_a_number_comes_with_what_is_known_of_it() -> None:
    table = paper_table(2).set_index(["dataset", "ipc", "method"])
    known = ["accuracy", "std", "protocol", "network", "selection", "sets", "networks_per_set"]
    assert table.loc[("mnist", 1, "dm"), known].tolist() == [89.7, 0.6, "dsa", "convnet3", "last", 5, 5]
    assert table.loc[("cifar10", 10, "m3d"), known].tolist() == [63.5, 0.2, "m3d", "convnet3", "best on test", 1, 10]
    assert table.loc[("mnist", 1, "whole"), ["protocol", "selection", "sets", "networks_per_set"]].isna().all()


ITERATIONS = {
    **{("m3d", name): 10_000 for name in ("mnist", "fashion-mnist", "svhn", "cifar10", "cifar100")},
    **{("m3d", name): 1000 for name in ("imagenet10", "imagenet100")},
    **{("dm", name): 20_000 for name in ("mnist", "fashion-mnist", "svhn", "cifar10", "cifar100")},
    **{("idm", name): 20_000 for name in ("cifar10", "cifar100")},
}


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_iterations_stand_only_where_a_paper_or_its_code_has_them(number: int) -> None:
    table = paper_table(number).dropna(subset="accuracy")
    known = table[["method", "dataset", "iterations"]].itertuples(index=False, name=None)
    assert [(*place, found) for *place, found in known if not pd.isna(found)] == [
        (*place, ITERATIONS[place])
        for place in zip(table["method"], table["dataset"], strict=True)
        if place in ITERATIONS
    ]


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
