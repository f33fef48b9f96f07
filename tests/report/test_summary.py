from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from support.made_results import add

from dcbench.report.results import frame
from dcbench.report.summary import COORDINATES, summarise

if TYPE_CHECKING:
    from pathlib import Path


def test_mean_and_population_deviation_are_over_seeds_and_repeats(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0, 2.0], replicate=0)
    add(tmp_path, "dm", [3.0, 6.0], replicate=1)
    (row,) = summarise(frame(tmp_path)).to_dict("records")
    assert row["mean"] == 3.0
    assert row["std"] == pytest.approx(3.5**0.5)  # ((2² + 1² + 0² + 3²) / 4) ** 0.5
    assert (row["n"], row["cells"], row["older"]) == (4, 2, 0)
    assert (row["fewest"], row["most"]) == (2, 2)
    assert len(row["digests"].split()) == 2


def test_sets_with_unequal_numbers_of_repeats_are_told_by_fewest_and_most(tmp_path: Path) -> None:
    for seed, repeats in enumerate((3, 1, 9)):
        add(tmp_path, "dm", [1.0] * repeats, replicate=seed)
    (row,) = summarise(frame(tmp_path)).to_dict("records")
    assert (row["n"], row["cells"], row["fewest"], row["most"]) == (13, 3, 1, 9)


def test_snapshots_are_left_out(tmp_path: Path) -> None:
    for step, value in ((None, 9.0), (0, 1.0), (10, 5.0)):
        add(tmp_path, "dm", [value], step=step)
    assert summarise(frame(tmp_path))[["mean", "n"]].to_numpy().tolist() == [[9.0, 1]]


def test_one_value_has_no_deviation(tmp_path: Path) -> None:
    add(tmp_path, "dm", [42.0])
    (row,) = summarise(frame(tmp_path)).to_dict("records")
    assert (row["mean"], row["std"], row["n"]) == (42.0, 0.0, 1)


def test_different_settings_under_one_label_never_pool(tmp_path: Path) -> None:
    add(tmp_path, "dm", [90.0, 92.0], settings={"lr": 2}, finished="2026-01-02T00:00:00+00:00")
    add(tmp_path, "dm", [10.0], settings={"lr": 1}, finished="2026-01-01T00:00:00+00:00")
    add(tmp_path, "dm", [20.0], settings={"lr": 3}, finished="2026-01-01T00:00:00+00:00")
    (row,) = summarise(frame(tmp_path)).to_dict("records")
    assert (row["mean"], row["n"], row["cells"], row["older"]) == (91.0, 2, 1, 2)


def test_revisions_of_an_evaluator_never_pool(tmp_path: Path) -> None:
    add(tmp_path, "dm", [50.0, 50.0, 50.0], revision=1, finished="2026-01-01T00:00:00+00:00")
    add(tmp_path, "dm", [80.0, 80.0], revision=2, finished="2026-01-02T00:00:00+00:00")
    (row,) = summarise(frame(tmp_path)).to_dict("records")
    assert (row["mean"], row["std"], row["n"], row["older"]) == (80.0, 0.0, 2, 1)


def test_repeats_of_one_trial_pool_however_many_a_protocol_asks_for(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0, 2.0, 3.0], repeats=3)
    add(tmp_path, "dm", [4.0, 5.0], first=3, repeats=5)
    (row,) = summarise(frame(tmp_path)).to_dict("records")
    assert (row["mean"], row["n"], row["older"]) == (3.0, 5, 0)


def test_a_metric_that_is_no_number_is_not_left_out_in_silence(tmp_path: Path) -> None:
    add(tmp_path, "dm", [float("nan"), 10.0, 20.0])
    (row,) = summarise(frame(tmp_path)).to_dict("records")
    assert math.isnan(row["mean"])
    assert math.isnan(row["std"])
    assert row["n"] == 3


@pytest.mark.parametrize(
    "other",
    [
        {"protocol": "idc"},
        {"network": "resnet10"},
        {"split": "validation"},
        {"dataset": "mnist"},
        {"ipc": 10},
        {"label": "dm[lr=9]", "settings": {"lr": 9}},
        {"evaluator": "other"},
        {"evaluator_label": "accuracy[weights=1]", "revision": 2},
    ],
    ids=lambda other: next(iter(other)),
)
def test_numbers_that_differ_in_place_stay_apart(tmp_path: Path, other: dict[str, object]) -> None:
    add(tmp_path, "dm", [1.0])
    add(tmp_path, "dm", [3.0], **other)  # type: ignore[arg-type]
    summary = summarise(frame(tmp_path))
    assert sorted(summary["mean"]) == [1.0, 3.0]
    assert summary["older"].tolist() == [0, 0]


def test_a_network_without_protocol_is_not_lost(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0], protocol="", network="")
    assert summarise(frame(tmp_path))["mean"].tolist() == [1.0]


def test_the_summary_of_nothing_has_the_columns_of_any_other(tmp_path: Path) -> None:
    empty = summarise(frame(tmp_path))
    add(tmp_path, "dm", [1.0])
    assert empty.empty
    assert set(empty.columns) == set(summarise(frame(tmp_path)).columns) >= set(COORDINATES)
