from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_results import add

from dcbench.report.beside import beside
from dcbench.report.frame import frame
from dcbench.report.names import TABLES
from dcbench.report.render import records
from dcbench.report.summary import main_figures, summarise
from dcbench.report.tables import Table, Wanted, completed, make_tables, usual
from dcbench.report.tables.model import duration

DISTANCES = ("mean_distance", "variance_distance", "skewness_distance")
MOMENTS: dict[str, Any] = {"evaluator": "moments", "kind": "distance", "protocol": ""}


def _tables(name: str, results: Path, sets: pd.DataFrame | None = None, *labels: str) -> list[Table]:
    given = pd.DataFrame(columns=["digest", "seconds", "device"]) if sets is None else sets
    return make_tables(name, completed(name, summarise(frame(results)), lambda: given), Wanted(labels))


def _texts(table: Table) -> dict[tuple[str, ...], list[str]]:
    return {row.names: ["-" if number is None else str(number) for number in row.numbers] for row in table.rows}


def test_table_two_says_which_share_of_the_data_a_row_has_and_the_whole_dataset_stands_last(tmp_path: Path) -> None:
    size = {"dataset": "mnist", "class_names": tuple("0123456789"), "train_images": 60_000}
    for ipc in (1, 50):
        add(tmp_path, "whole", [99.6], ipc=ipc, **size)
        add(tmp_path, "dm", [89.7], ipc=ipc, **size)
    add(tmp_path, "dm", [50.0], dataset="unknown-size")
    (table,) = _tables("table2", tmp_path)
    assert (table.heads, table.columns) == (("dataset", "IPC", "ratio %"), ("dm", "whole"))
    assert _texts(table) == {
        ("mnist", "1", "0.017"): ["89.7 ± 0.0 (1)", "99.6 ± 0.0 (1)"],
        ("mnist", "50", "0.83"): ["89.7 ± 0.0 (1)", "99.6 ± 0.0 (1)"],
        ("unknown-size", "1", "-"): ["50.0 ± 0.0 (1)", "-"],
    }


def test_table_three_shows_the_time_below_the_accuracy_and_names_the_device(tmp_path: Path) -> None:
    for seed in (0, 1):
        add(tmp_path, "m3d", [73.0, 74.0], dataset="imagenet10", ipc=10, network="resnetap10", seed=seed)
    add(tmp_path, "random", [46.0], dataset="imagenet10", ipc=10, network="resnetap10")
    digests = frame(tmp_path).drop_duplicates("digest").set_index("seed").query("method == 'm3d'")["digest"]
    sets = pd.DataFrame(
        [
            {"digest": digests[0], "seconds": 3600.0, "device": "NVIDIA H200"},
            {"digest": digests[1], "seconds": 7200.0, "device": "NVIDIA H200"},
        ]
    )
    (table,) = _tables("table3", tmp_path, sets)
    assert _texts(table) == {
        ("imagenet10", "10", "accuracy %"): ["46.0 ± 0.0 (1)", "73.5 ± 0.5 (4)"],
        ("imagenet10", "10", "time"): ["-", "1.5 h"],
    }
    assert table.notes[-1] == "time: to condense one set, mean over sets, on NVIDIA H200"


def test_table_three_says_which_method_ran_on_which_device_and_how_long_the_paper_took(tmp_path: Path) -> None:
    place = {"dataset": "imagenet10", "ipc": 10, "network": "resnetap10", "protocol": "idc-imagenet"}
    for method in ("dm", "m3d"):
        add(tmp_path, method, [70.0], **place)
    digests = frame(tmp_path).set_index("method")["digest"]
    sets = pd.DataFrame(
        [
            {"digest": digests["dm"], "seconds": 30.0, "device": "a processor"},
            {"digest": digests["m3d"], "seconds": 600.0, "device": "a GPU"},
        ]
    )
    (table,) = make_tables("table3", completed("table3", beside(summarise(frame(tmp_path))), lambda: sets))
    assert [(str(number), number.published) for number in table.rows[1].numbers if number] == [
        ("30.0 s", "1.4 h"),
        ("10.0 min", "1.1 h"),
    ]
    assert table.notes[-2] == "time: to condense one set, mean over sets, on a processor (dm); a GPU (m3d)"
    assert "RTX A6000" in table.notes[-1]


def test_table_four_has_networks_in_columns_and_says_what_was_condensed_on(tmp_path: Path) -> None:
    for network, accuracy in (("densenet121", 54.6), ("convnet3", 63.5), ("resnet10", 56.7)):
        add(tmp_path, "m3d", [accuracy], network=network, settings={"network": "convnet3"})
    add(tmp_path, "random", [26.0])
    (table,) = _tables("table4", tmp_path)
    assert table.columns == ("convnet3", "densenet121", "resnet10")
    assert _texts(table) == {
        ("toy", "1", "random"): ["26.0 ± 0.0 (1)", "-", "-"],
        ("toy", "1", "m3d"): ["63.5 ± 0.0 (1)", "54.6 ± 0.0 (1)", "56.7 ± 0.0 (1)"],
    }
    assert table.rows[1].numbers[0].place == "best"  # type: ignore[union-attr]
    assert table.rows[1].numbers[1].place == "", "alone in its column"  # type: ignore[union-attr]
    assert table.notes[-1] == "condensed on convnet3 (m3d)"


def test_table_one_has_the_distances_and_the_accuracy_of_the_same_sets(tmp_path: Path) -> None:
    for method, values in (("dm", (4.91, 7.37, 6.76)), ("m3d", (0.82, 1.23, 1.64))):
        figures = {name: [value] for name, value in zip(DISTANCES, values, strict=True)}
        add(tmp_path, method, [], figures=figures, dataset="cifar10", ipc=10, **MOMENTS)
        add(tmp_path, method, [values[0]], best=[99.0], dataset="cifar10", ipc=10, protocol="m3d")
    add(tmp_path, "dm", [1.0], dataset="without-distances")
    (table,) = _tables("table1", tmp_path)
    assert table.title == "moments, cifar10 ipc 10, test split"
    assert table.columns == (
        "mean (convnet3)",
        "variance (convnet3)",
        "skewness (convnet3)",
        "accuracy (m3d, convnet3)",
    )
    assert _texts(table)["dm",] == ["4.91 ± 0 (1)", "7.37 ± 0 (1)", "6.76 ± 0 (1)", "4.9 ± 0.0 (1)"]
    places = {row.names: [number and number.place for number in row.numbers] for row in table.rows}
    assert places == {("dm",): ["second"] * 3 + ["best"], ("m3d",): ["best"] * 3 + ["second"]}


def test_a_cell_counts_once_however_many_of_its_numbers_a_table_shows(tmp_path: Path) -> None:
    figures = {name: [1.0] for name in DISTANCES}
    for seed in (0, 1):
        add(tmp_path, "dm", [], figures=figures, seed=seed, **MOMENTS)
        add(tmp_path, "dm", [50.0], seed=seed)
        add(tmp_path, "dm", [40.0], seed=seed, network="resnet10")
    add(tmp_path, "m3d", [], figures=figures, **MOMENTS)
    add(tmp_path, "m3d", [60.0])
    shown = [*_tables("table1", tmp_path), *_tables("table4", tmp_path)]
    assert [len(table.columns) for table in shown] == [5, 2, 1, 1, 1]
    assert all("3/4 cells" in table.notes[0] for table in shown)


def test_an_evaluator_with_settings_is_still_that_evaluator(tmp_path: Path) -> None:
    figures = {name: [1.0] for name in DISTANCES}
    add(tmp_path, "dm", [], figures=figures, evaluator_label="moments[draws=1]", **MOMENTS)
    add(tmp_path, "dm", [50.0], network="resnet10", evaluator_label="accuracy[network=resnet10]")
    summary = summarise(frame(tmp_path))
    assert set(main_figures(summary, whole=["moments"])["figure"]) == {*DISTANCES, "accuracy"}
    assert usual("table4", summary)["evaluator_label"].tolist() == ["accuracy[network=resnet10]"]
    (table,) = _tables("table1", tmp_path)
    assert [column.partition(" ")[0] for column in table.columns] == ["mean", "variance", "skewness", "accuracy"]


def test_the_distances_of_the_paper_stand_below_without_a_difference(tmp_path: Path) -> None:
    figures = {name: [1.0] for name in DISTANCES}
    changed = {"settings": {"order": 2}, "departures": {"order": 1}, "label": "dm[order=2]"}
    add(tmp_path, "dm", [], figures=figures, dataset="cifar10", ipc=10, **MOMENTS, **changed)
    (table,) = make_tables("table1", beside(summarise(frame(tmp_path))))
    numbers = [number for number in table.rows[0].numbers if number]
    assert [(number.published, number.difference) for number in numbers] == [
        ("4.51", None),
        ("6.96", None),
        ("6.35", None),
    ]
    assert any("compare their order only" in note for note in table.notes)


@pytest.mark.parametrize("name", TABLES)
def test_of_nothing_there_is_no_table(tmp_path: Path, name: str) -> None:
    assert _tables(name, tmp_path) == []
    assert usual(name, summarise(frame(tmp_path))).empty


def test_without_a_choice_each_table_shows_what_the_papers_is_about(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0], protocol="idc-imagenet")
    add(tmp_path, "dm", [1.0], protocol="dc")
    add(tmp_path, "dm", [1.0], evaluator="moments", protocol="")
    summary = summarise(frame(tmp_path))
    shown = {
        name: sorted(usual(name, summary)["protocol"]) for name in ("grid", "table1", "table2", "table3", "table4")
    }
    everything = ["", "dc", "idc-imagenet"]
    assert shown == {
        "grid": everything,
        "table1": everything,
        "table2": ["dc"],
        "table3": ["idc-imagenet"],
        "table4": ["dc", "idc-imagenet"],
    }


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (119.9, "119.9 s"), (120, "2.0 min"), (3599, "60.0 min"), (5400, "1.5 h")]
)
def test_a_duration_is_shown_in_the_unit_that_reads_best(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_records_hold_the_ratio_and_the_times_too(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0], class_names=("a", "b"), train_images=50)
    summary = summarise(frame(tmp_path))
    (digest,) = summary["digests"]
    made = pd.DataFrame([{"digest": digest, "seconds": 2.5, "device": "a GPU"}])
    (row,) = records(completed("table2", summary, lambda: made)).to_dict("records")
    assert row["ratio"] == 4.0
    (row,) = records(completed("table3", summary, lambda: made)).to_dict("records")
    assert (row["seconds"], row["device"]) == (2.5, "a GPU")
    assert pd.isna(row["published_seconds"])
