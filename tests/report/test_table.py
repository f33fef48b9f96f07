from __future__ import annotations

from typing import TYPE_CHECKING

from support.made_reports import grid_tables
from support.made_results import add, add_sets

from dcbench.api.report import Table
from dcbench.report.results import frame
from dcbench.report.summary import summarise
from dcbench.report.table import Wanted

if TYPE_CHECKING:
    from pathlib import Path


FAILED = {"dataset": "toy", "ipc": 1, "split": "test", "job": "condense"}


def _table(results: Path, *labels: str) -> Table:
    (table,) = grid_tables(summarise(frame(results)), Wanted(labels))
    return table


def test_rows_are_dataset_and_ipc_in_order_of_size(tmp_path: Path) -> None:
    for dataset, ipc in (("toy", 10), ("toy", 2), ("mnist", 50), ("toy", 1)):
        add(tmp_path, "dm", [1.0], dataset=dataset, ipc=ipc)
    assert [row.names for row in _table(tmp_path).rows] == [
        ("mnist", "50"),
        ("toy", "1"),
        ("toy", "2"),
        ("toy", "10"),
    ]


def test_a_missing_number_leaves_its_place_empty(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0], ipc=1)
    add(tmp_path, "m3d", [2.0], ipc=10)
    table = _table(tmp_path)
    assert table.columns == ("dm", "m3d")
    assert [[number and number.mean for number in numbers] for numbers in (row.numbers for row in table.rows)] == [
        [1.0, None],
        [None, 2.0],
    ]
    assert table.notes == ("mean ± std (sets x repeats) · 2 cells",)


def test_the_best_of_each_row_is_marked_and_the_whole_set_does_not_compete(tmp_path: Path) -> None:
    for method, value in {"whole": 99.0, "random": 10.0, "dm": 30.0, "m3d": 31.0}.items():
        add_sets(tmp_path, method, value)
    table = _table(tmp_path)
    ranks = {label: number.rank for label, number in zip(table.columns, table.rows[0].numbers, strict=True) if number}
    assert ranks == {"random": "", "dm": "second", "m3d": "best", "whole": ""}


def test_a_number_says_over_how_many_sets_and_repeats_of_each_it_is(tmp_path: Path) -> None:
    for seed in range(3):
        add(tmp_path, "dm", [50.0, 52.0], replicate=seed)
    add(tmp_path, "m3d", [60.0], replicate=0)
    add(tmp_path, "m3d", [60.0] * 9, replicate=1)
    numbers = _table(tmp_path).rows[0].numbers
    assert [str(number) for number in numbers] == ["51.0 ± 1.0 (3x2)", "60.0 ± 0.0 (2x1-9)"]


def test_a_row_with_nothing_but_the_whole_set_has_no_best(tmp_path: Path) -> None:
    add(tmp_path, "whole", [99.0])
    assert not _table(tmp_path).rows[0].numbers[0].rank  # type: ignore[union-attr]


def test_columns_come_as_asked_then_as_usual_then_by_name(tmp_path: Path) -> None:
    for method in ("zeta", "m3d", "alpha", "random", "dm"):
        add(tmp_path, method, [1.0])
    add(tmp_path, "m3d", [1.0], label="m3d[factor=1]", settings={"factor": 1})
    assert _table(tmp_path).columns == ("random", "dm", "m3d", "m3d[factor=1]", "alpha", "zeta")
    assert _table(tmp_path, "m3d[factor=1]", "zeta", "not-there").columns == (
        "m3d[factor=1]",
        "zeta",
        "random",
        "dm",
        "m3d",
        "alpha",
    )


def test_protocol_network_and_split_each_get_a_table_whose_title_names_them(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0])
    add(tmp_path, "dm", [2.0], protocol="idc")
    add(tmp_path, "dm", [3.0], network="resnet10")
    add(tmp_path, "dm", [4.0], split="validation")
    add(tmp_path, "dm", [5.0], evaluator="other", protocol="", network="")
    assert {table.title: table.rows[0].numbers[0].mean for table in grid_tables(summarise(frame(tmp_path)))} == {  # type: ignore[union-attr]
        "last-epoch accuracy, test split, protocol dc, network convnet3": 1.0,
        "last-epoch accuracy, test split, protocol idc, network convnet3": 2.0,
        "last-epoch accuracy, test split, protocol dc, network resnet10": 3.0,
        "last-epoch accuracy, validation split, protocol dc, network convnet3": 4.0,
        "other, last-epoch accuracy, test split": 5.0,
    }


def test_best_epoch_accuracy_stands_in_a_table_of_its_own_that_says_so(tmp_path: Path) -> None:
    add(tmp_path, "dm", [50.0], best=[60.0])
    last, best = grid_tables(summarise(frame(tmp_path)))
    assert last.title.startswith("last-epoch accuracy, ")
    assert best.title.startswith("best-epoch accuracy (picked on the evaluated split), ")
    assert (str(last.rows[0].numbers[0]), str(best.rows[0].numbers[0])) == ("50.0 (1x1)", "60.0 (1x1)")


def test_cells_are_counted_by_seeds_and_only_a_plan_says_how_many_there_should_be(tmp_path: Path) -> None:
    for seed in range(3):
        add(tmp_path, "dm", [1.0, 2.0], replicate=seed)
    add(tmp_path, "m3d", [1.0])
    assert _table(tmp_path).notes[0] == "mean ± std (sets x repeats) · 4 cells"


def test_the_coverage_of_a_run_is_told_by_what_was_planned(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0])
    names = ("accuracy", "accuracy", "dc", "convnet3", "test")
    (table,) = grid_tables(summarise(frame(tmp_path)), Wanted(cells={names: 15}, failed=[FAILED] * 2))
    assert table.notes == ("mean ± std (sets x repeats) · 1/15 cells · 2 failed",)


def test_what_a_run_wanted_and_did_not_get_is_missing_and_not_gone(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0], ipc=10)
    names = ("accuracy", "accuracy", "dc", "convnet3", "test")
    wanted = Wanted(
        ("m3d", "dm"),
        (("toy", 1), ("toy", 10)),
        {names: 4, ("accuracy", "accuracy", "dsa", "x", "test"): 4},
        failed=[FAILED],
    )
    first, second = grid_tables(summarise(frame(tmp_path)), wanted)
    assert first.columns == second.columns == ("m3d", "dm")
    assert [(row.names, [number is not None for number in row.numbers]) for row in first.rows] == [
        (("toy", "1"), [False, False]),
        (("toy", "10"), [False, True]),
    ]
    assert [row.numbers for row in second.rows] == [(None, None), (None, None)]
    assert second.notes == ("mean ± std (sets x repeats) · 0/4 cells · 1 failed",)


def test_results_left_out_are_mentioned(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0], settings={"lr": 1})
    add(tmp_path, "dm", [2.0], settings={"lr": 2}, finished="2026-02-02T00:00:00+00:00")
    assert _table(tmp_path).notes[1].startswith("1 older, ")


def test_nothing_gives_no_table(tmp_path: Path) -> None:
    assert grid_tables(summarise(frame(tmp_path))) == []


def test_of_distances_the_least_is_the_best_and_three_digits_are_shown(tmp_path: Path) -> None:
    for seed in range(6):
        add(tmp_path, "dm", [0.0849282, 0.0841], unit="distance", replicate=seed)
        add(tmp_path, "m3d", [0.0625], unit="distance", replicate=seed)
    numbers = _table(tmp_path).rows[0].numbers
    assert [(str(number), number.rank) for number in numbers if number] == [
        ("0.0845 ± 0.00041 (6x2)", "second"),
        ("0.0625 ± 0 (6x1)", "best"),
    ]
