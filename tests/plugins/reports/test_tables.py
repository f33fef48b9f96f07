from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.made_reports import prepared, tables_of, with_published
from support.made_results import add

from dcbench.api.report import Table, duration
from dcbench.report.plugins import layout_of
from dcbench.report.render import records
from dcbench.report.report import Query, build
from dcbench.report.results import frame
from dcbench.report.summary import summarise
from dcbench.report.table import Wanted

PAPER = ("table1", "table2", "table3", "table4")
DISTANCES = ("mean_distance", "variance_distance", "skewness_distance")
MOMENTS: dict[str, Any] = {"evaluator": "moments", "unit": "distance", "protocol": ""}


def _tables(name: str, results: Path, sets: pd.DataFrame | None = None, *labels: str) -> list[Table]:
    return tables_of(name, summarise(frame(results)), sets, Wanted(labels))


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
        ("mnist", "1", "0.017"): ["89.7 (1x1)", "99.6 (1x1)"],
        ("mnist", "50", "0.83"): ["89.7 (1x1)", "99.6 (1x1)"],
        ("unknown-size", "1", "-"): ["50.0 (1x1)", "-"],
    }


def test_a_row_has_one_ratio_though_an_older_file_does_not_say_how_large_the_data_is(tmp_path: Path) -> None:
    size = {"class_names": ("a", "b"), "train_images": 50}
    add(tmp_path, "dm", [1.0], class_names=("a", "b"))
    add(tmp_path, "m3d", [2.0], **size)
    add(tmp_path, "random", [3.0], class_names=("a", "b"), finished="2026-01-02T00:00:00+00:00")
    (table,) = _tables("table2", tmp_path)
    assert [row.names for row in table.rows] == [("toy", "1", "4")]


def test_table_three_shows_the_time_below_the_accuracy_and_names_the_device(tmp_path: Path) -> None:
    for seed in (0, 1):
        add(tmp_path, "m3d", [73.0, 74.0], dataset="imagenet10", ipc=10, network="resnetap10", replicate=seed)
    add(tmp_path, "random", [46.0], dataset="imagenet10", ipc=10, network="resnetap10")
    digests = frame(tmp_path).drop_duplicates("digest").set_index("replicate").query("method == 'm3d'")["digest"]
    sets = pd.DataFrame(
        [
            {"digest": digests[0], "seconds": 3600.0, "device": "NVIDIA H200", "origin": None},
            {"digest": digests[1], "seconds": 7200.0, "device": "NVIDIA H200", "origin": None},
        ]
    )
    (table,) = _tables("table3", tmp_path, sets)
    assert _texts(table) == {
        ("imagenet10", "10", "accuracy %"): ["46.0 (1x1)", "73.5 ± 0.5 (2x2)"],
        ("imagenet10", "10", "time"): ["-", "1.5 h"],
    }
    assert table.notes[-1] == "time: to condense one set, mean over sets, on NVIDIA H200"


def test_a_set_that_was_made_elsewhere_has_no_time(tmp_path: Path) -> None:
    add(tmp_path, "imported", [73.0], label="theirs")
    add(tmp_path, "m3d", [74.0])
    digests = frame(tmp_path).set_index("method")["digest"]
    sets = pd.DataFrame(
        [
            {"digest": digests["imported"], "seconds": 0.0, "device": "cpu", "origin": {"file": "theirs.pt"}},
            {"digest": digests["m3d"], "seconds": 600.0, "device": "a GPU", "origin": None},
        ]
    )
    (table,) = _tables("table3", tmp_path, sets)
    assert (table.columns, _texts(table)["toy", "1", "time"]) == (("m3d", "theirs"), ["10.0 min", "-"])
    assert table.notes[-1] == "time: to condense one set, mean over sets, on a GPU"


def test_the_time_of_some_sets_does_not_pass_for_that_of_all(tmp_path: Path) -> None:
    for seed in (0, 1):
        add(tmp_path, "m3d", [73.0], replicate=seed)
    digest = frame(tmp_path)["digest"].iloc[0]
    sets = pd.DataFrame([{"digest": digest, "seconds": 600.0, "device": "a GPU", "origin": None}])
    (table,) = _tables("table3", tmp_path, sets)
    assert _texts(table)["toy", "1", "time"] == ["-"]


def test_table_three_says_which_method_ran_on_which_device_and_how_long_the_paper_took(tmp_path: Path) -> None:
    place = {"dataset": "imagenet10", "ipc": 10, "network": "resnetap10", "protocol": "idc-imagenet"}
    for method in ("dm", "m3d"):
        add(tmp_path, method, [70.0], **place)
    digests = frame(tmp_path).set_index("method")["digest"]
    sets = pd.DataFrame(
        [
            {"digest": digests["dm"], "seconds": 30.0, "device": "a processor", "origin": None},
            {"digest": digests["m3d"], "seconds": 600.0, "device": "a GPU", "origin": None},
        ]
    )
    (table,) = tables_of("table3", with_published(summarise(frame(tmp_path))), sets)
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
        ("toy", "1", "random"): ["26.0 (1x1)", "-", "-"],
        ("toy", "1", "m3d"): ["63.5 (1x1)", "54.6 (1x1)", "56.7 (1x1)"],
    }
    assert table.notes[-1] == "condensed on convnet3 (m3d)"


def test_table_one_has_the_distances_and_the_accuracy_of_the_same_sets(tmp_path: Path) -> None:
    for method, values in (("dm", (4.75, 7.25, 6.5)), ("m3d", (0.82, 1.23, 1.64))):
        metrics = {name: [value] for name, value in zip(DISTANCES, values, strict=True)}
        for seed in range(6):
            add(tmp_path, method, [], metrics=metrics, dataset="cifar10", ipc=10, replicate=seed, **MOMENTS)
            add(tmp_path, method, [values[0]], best=[99.0], dataset="cifar10", ipc=10, replicate=seed, protocol="m3d")
    add(tmp_path, "dm", [1.0], dataset="without-distances")
    (table,) = _tables("table1", tmp_path)
    assert table.title == "moments, cifar10 ipc 10, test split"
    assert table.columns == (
        "mean (convnet3)",
        "variance (convnet3)",
        "skewness (convnet3)",
        "accuracy (m3d, convnet3)",
    )
    assert _texts(table)["dm",] == ["4.75 ± 0 (6x1)", "7.25 ± 0 (6x1)", "6.5 ± 0 (6x1)", "4.8 ± 0.0 (6x1)"]
    ranks = {row.names: [number and number.rank for number in row.numbers] for row in table.rows}
    assert ranks == {("dm",): ["second"] * 3 + ["best"], ("m3d",): ["best"] * 3 + ["second"]}


def test_settings_of_an_evaluator_have_a_column_of_their_own(tmp_path: Path) -> None:
    for label, values in (("moments", (4.0, 2.0)), ("moments[draws=1]", (3.0, 5.0))):
        for method, value in zip(("dm", "m3d"), values, strict=True):
            metrics = {"mean_distance": [value]}
            add(tmp_path, method, [], metrics=metrics, evaluator_label=label, revision=len(label), **MOMENTS)
    add(tmp_path, "dm", [50.0])
    add(tmp_path, "dm", [60.0], evaluator_label="accuracy[weights=1]", revision=2)
    (table,) = _tables("table1", tmp_path)
    assert table.columns == (
        "mean (convnet3)",
        "mean (moments[draws=1], convnet3)",
        "accuracy (accuracy[weights=1], dc, convnet3)",
        "accuracy (dc, convnet3)",
    )
    assert _texts(table) == {
        ("dm",): ["4 (1x1)", "3 (1x1)", "60.0 (1x1)", "50.0 (1x1)"],
        ("m3d",): ["2 (1x1)", "5 (1x1)", "-", "-"],
    }


def test_a_cell_counts_once_however_many_of_its_numbers_a_table_shows(tmp_path: Path) -> None:
    metrics = {name: [1.0] for name in DISTANCES}
    for seed in (0, 1):
        add(tmp_path, "dm", [], metrics=metrics, replicate=seed, **MOMENTS)
        add(tmp_path, "dm", [50.0], replicate=seed)
        add(tmp_path, "dm", [40.0], replicate=seed, network="resnet10")
    add(tmp_path, "m3d", [], metrics=metrics, **MOMENTS)
    add(tmp_path, "m3d", [60.0])
    shown = [*_tables("table1", tmp_path), *_tables("table4", tmp_path)]
    assert [len(table.columns) for table in shown] == [5, 2, 1, 1, 1]
    assert all("· 3 cells" in table.notes[0] for table in shown)


def test_an_evaluator_with_settings_is_still_that_evaluator(tmp_path: Path) -> None:
    metrics = {name: [1.0] for name in DISTANCES}
    add(tmp_path, "dm", [], metrics=metrics, evaluator_label="moments[draws=1]", **MOMENTS)
    add(tmp_path, "dm", [50.0], network="resnet10", evaluator_label="accuracy[network=resnet10]")
    assert set(build(Query(tmp_path, "table1")).summary["metric"]) == {*DISTANCES, "accuracy"}
    assert build(Query(tmp_path, "table4")).summary["evaluator_label"].tolist() == ["accuracy[network=resnet10]"]
    (table,) = _tables("table1", tmp_path)
    assert [column.partition(" ")[0] for column in table.columns] == ["mean", "variance", "skewness", "accuracy"]


def test_the_distances_of_the_paper_stand_below_without_a_difference(tmp_path: Path) -> None:
    metrics = {name: [1.0] for name in DISTANCES}
    changed = {"settings": {"order": 2}, "overrides": {"order": 1}, "label": "dm[order=2]"}
    add(tmp_path, "dm", [], metrics=metrics, dataset="cifar10", ipc=10, **MOMENTS, **changed)
    (table,) = tables_of("table1", with_published(summarise(frame(tmp_path))))
    numbers = [number for number in table.rows[0].numbers if number]
    assert [(number.published, number.difference) for number in numbers] == [
        ("4.51", None),
        ("6.96", None),
        ("6.35", None),
    ]
    assert any("compare their order only" in note for note in table.notes)


@pytest.mark.parametrize("name", ["grid", *PAPER])
def test_of_nothing_there_is_no_table(tmp_path: Path, name: str) -> None:
    assert _tables(name, tmp_path) == []
    assert layout_of(name).select(summarise(frame(tmp_path))).empty


def test_without_a_choice_each_table_shows_what_the_papers_is_about(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0], protocol="idc-imagenet")
    add(tmp_path, "dm", [1.0], protocol="dc")
    add(tmp_path, "dm", [1.0], evaluator="moments", protocol="")
    summary = summarise(frame(tmp_path))
    shown = {name: sorted(layout_of(name).select(summary)["protocol"]) for name in ("grid", *PAPER)}
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


def test_failures_count_below_the_tables_that_they_belong_to(tmp_path: Path) -> None:
    metrics = {name: [1.0] for name in DISTANCES}
    for dataset in ("digits", "toy"):
        add(tmp_path, "dm", [], metrics=metrics, dataset=dataset, **MOMENTS)
        add(tmp_path, "dm", [50.0], dataset=dataset)
    failed = [
        {"dataset": "toy", "ipc": 1, "split": "test", "job": "condense"},
        {"dataset": "toy", "ipc": 10, "split": "test", "job": "classes0-4"},
        {"dataset": "toy", "ipc": 1, "split": "validation", "job": "condense"},
        {"dataset": "toy", "ipc": 1, "split": "test", "job": "moments-0123456789ab"},
        {"dataset": "gone", "ipc": 1, "split": "test", "job": "condense"},
        {"error": "Unreadable"},
    ]
    summary = summarise(frame(tmp_path))
    main = summary["main"].astype(bool)
    counts = {
        name: [
            table.notes[0].partition(" cell")[2].removeprefix("s")
            for table in tables_of(name, shown, wanted=Wanted(failed=failed))
        ]
        for name, shown in {
            "grid": summary[main],
            "table1": summary,
            "table3": layout_of("table4").select(summary),
            "table4": layout_of("table4").select(summary),
        }.items()
    }
    assert counts == {
        "grid": [" · 2 failed", " · 3 failed"],
        "table1": ["", " · 2 failed"],
        "table3": [" · 2 failed"],
        "table4": [" · 2 failed"],
    }


def test_records_hold_the_ratio_and_the_times_too(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0], class_names=("a", "b"), train_images=50)
    summary = summarise(frame(tmp_path))
    (digest,) = summary["digests"]
    made = pd.DataFrame([{"digest": digest, "seconds": 2.5, "device": "a GPU", "origin": None}])
    (row,) = records(prepared("table2", summary, made), ["ratio"]).to_dict("records")
    assert row["ratio"] == 4.0
    (row,) = records(prepared("table3", summary, made), layout_of("table3").fields).to_dict("records")
    assert (row["seconds"], row["device"]) == (2.5, "a GPU")
    assert pd.isna(row["published_seconds"])
