from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import pandas as pd
import pytest
from made_results import add, add_failure

import dcbench
from dcbench.engine.store.hdf5 import get_facts, put_facts
from dcbench.engine.store.layout import Layout
from dcbench.report.frame import COLUMNS, Filter, failures, frame

if TYPE_CHECKING:
    from pathlib import Path


def test_a_frame_has_a_row_for_every_metric_of_every_repeat(tmp_path: Path) -> None:
    file = add(tmp_path, "dm", [50.0, 60.0], best=[55.0, 65.0], first=3, ipc=10, replicate=2)
    table = dcbench.frame(tmp_path)
    assert list(table.columns) == COLUMNS
    rows = table[["metric", "main", "repeat", "value"]].sort_values(["metric", "repeat"]).to_numpy().tolist()
    assert rows == [
        ["accuracy", True, 3, 50.0],
        ["accuracy", True, 4, 60.0],
        ["accuracy_best_epoch", False, 3, 55.0],
        ["accuracy_best_epoch", False, 4, 65.0],
    ]
    common = table[["dataset", "method", "label", "ipc", "replicate", "split", "protocol", "network", "device", "file"]]
    assert common.drop_duplicates().to_numpy().tolist() == [
        ["toy", "dm", "dm", 10, 2, "test", "dc", "convnet3", "a processor", str(file)]
    ]


def test_a_frame_of_nothing_is_empty_and_has_its_columns(tmp_path: Path) -> None:
    table = frame(tmp_path)
    assert table.empty
    assert list(table.columns) == COLUMNS


def test_a_frame_needs_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "typo", tmp_path / "file", str(tmp_path / "typo")):
        with pytest.raises(dcbench.RequestError, match=f"there is no results folder {path}"):
            frame(path)


def test_a_repeat_in_two_files_counts_once_and_the_latest_wins(tmp_path: Path) -> None:
    add(tmp_path, "dm", [3.0, 4.0, 5.0], first=1, finished="2026-01-02T00:00:00+00:00")
    add(tmp_path, "dm", [1.0, 2.0], finished="2026-01-01T00:00:00+00:00")
    table = frame(tmp_path).sort_values("repeat")
    assert table["repeat"].tolist() == [0, 1, 2, 3]
    assert table["value"].tolist() == [1.0, 3.0, 4.0, 5.0]


def test_a_damaged_file_is_left_out_with_a_warning_that_names_it(tmp_path: Path) -> None:
    good, bad = add(tmp_path, "dm", [1.0]), add(tmp_path, "m3d", [2.0])
    bad.write_bytes(bad.read_bytes()[:200])
    with pytest.warns(UserWarning, match=f"{bad.name} is damaged.*left out"):
        table = frame(tmp_path)
    assert table["file"].tolist() == [str(good)]
    assert bad.exists(), "reports only read"


def test_a_file_that_cannot_be_read_now_is_left_out_with_a_warning(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0])
    locked = add(tmp_path, "m3d", [2.0])
    locked.unlink()
    locked.mkdir()
    with pytest.warns(UserWarning, match=f"{locked.name} cannot be read now.*left out"):
        table = frame(tmp_path)
    assert table["method"].tolist() == ["dm"]


def test_a_file_that_a_run_replaces_while_the_folder_is_read_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = add(tmp_path, "dm", [1.0]), add(tmp_path, "dm", [1.0, 2.0])
    listed = Layout(tmp_path).all_evaluations()
    old.unlink()
    monkeypatch.setattr(Layout, "all_evaluations", lambda _: listed)
    assert set(frame(tmp_path)["file"]) == {str(new)}


@pytest.mark.parametrize("days", [(1, 2, 3), (3, 2, 1), (2, 2, 2)])
def test_one_experiment_has_one_title_whatever_it_was_called_when_it_was_run(
    tmp_path: Path, days: tuple[int, int, int]
) -> None:
    titles = ["dm[lr=1]", "dm", "dm[lr=1.0]"]
    for number, (title, day) in enumerate(zip(titles, days, strict=True)):
        place = {"first": number} if number < 2 else {"replicate": 1}
        evaluator_label = f"accuracy[network={number}]"
        finished = f"2026-01-0{day}T00:00:00+00:00"
        add(tmp_path, "dm", [1.0], label=title, evaluator_label=evaluator_label, finished=finished, **place)
    add(tmp_path, "dm", [1.0], label="dm[lr=9]", settings={"lr": 9})
    table = frame(tmp_path)
    assert table["variant"].nunique() == 2
    columns = table[["label", "method_choice", "evaluator_label"]]
    found = columns[table["label"] != "dm[lr=9]"].drop_duplicates().to_numpy().tolist()
    latest = max(range(3), key=lambda number: (days[number], number))
    assert found == [[titles[latest], titles[latest], f"accuracy[network={latest}]"]]


def test_results_differ_in_variant_by_settings_and_recipe_but_not_by_seed(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0], replicate=0)
    add(tmp_path, "dm", [2.0], replicate=1)
    add(tmp_path, "dm", [3.0], replicate=0, settings={"lr": 9})
    table = frame(tmp_path).set_index("value")
    assert table["variant"][1.0] == table["variant"][2.0]
    assert table["variant"][1.0] != table["variant"][3.0]


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        (Filter(), {1.0, 2.0, 3.0, 4.0}),
        (Filter(methods=["dm[lr=9]"]), {2.0}),
        (Filter(datasets=["mnist"]), {3.0}),
        (Filter(ipc=[10, 50]), {4.0}),
        (Filter(seeds=[7]), {3.0}),
        (Filter(protocol=["idc"], networks=["resnet10"]), {4.0}),
        (Filter(split="validation"), {2.0}),
        (Filter(evaluators=["other"]), set()),
        (Filter(evaluators=["accuracy"]), {1.0, 2.0, 3.0, 4.0}),
        (Filter(evaluators=["accuracy[network=resnet10]"]), {4.0}),
    ],
)
def test_a_filter_keeps_what_is_named(tmp_path: Path, chosen: Filter, left: set[float]) -> None:
    add(tmp_path, "dm", [1.0])
    add(tmp_path, "dm", [2.0], label="dm[lr=9]", settings={"lr": 9}, split="validation")
    add(tmp_path, "dm", [3.0], dataset="mnist", replicate=7)
    label = "accuracy[network=resnet10]"
    add(tmp_path, "dm", [4.0], ipc=10, protocol="idc", network="resnet10", evaluator_label=label)
    assert set(chosen.apply(frame(tmp_path))["value"]) == left


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("birds", True),
        ("folder:/data/birds[size=16]", True),
        ("folder:/data/birds", True),
        ("folder:birds", True),
        ("folder:/data/birds[size=32]", False),
        ("folder:/elsewhere/birds", False),
        ("no choice at all [", False),
    ],
)
def test_a_dataset_is_named_or_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, passes: bool) -> None:
    monkeypatch.chdir(tmp_path)
    here = text == "folder:birds"
    choice = f"folder:{tmp_path / 'birds' if here else '/data/birds'}[size=16]"
    add(tmp_path / "results", "dm", [1.0], dataset="birds", source="folder", choice=choice)
    add_failure(tmp_path / "results", "m3d", dataset="birds", source="folder", choice=choice)
    for table in (frame(tmp_path / "results"), failures(tmp_path / "results")):
        assert len(Filter(datasets=[text, "mnist"]).apply(table)) == passes


def test_what_fits_nothing_is_named_alone_or_together(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0], ipc=1)
    add(tmp_path, "m3d", [2.0], ipc=10)
    table = frame(tmp_path)
    assert list(Filter(methods=["dm"], ipc=[1]).unmet(table)) == []
    assert list(Filter(methods=["dm"], ipc=[10]).unmet(table)) == ["no finished cell here fits all of what was chosen"]
    (line,) = Filter(methods=["dm"], ipc=[7]).unmet(table)
    assert line == "no finished cell here has --ipc 7; there is 1, 10"


def test_a_protocol_that_nothing_has_is_named_although_a_method_has_one_of_its_own(tmp_path: Path) -> None:
    add(tmp_path, "random", [1.0], protocol="dc")
    wanted = Filter(protocol=["dsaa"], also_under={"random": "dc"})
    assert list(wanted.unmet(frame(tmp_path))) == ["no finished cell here has --protocol dsaa; there is dc"]


def test_a_method_with_a_protocol_of_its_own_passes_under_that_too(tmp_path: Path) -> None:
    for number, (method, protocol) in enumerate(
        [("random", "dc"), ("random", "m3d"), ("random", "dsa"), ("dm", "dc"), ("dm", "m3d")]
    ):
        add(tmp_path, method, [float(number)], protocol=protocol)
    chosen = Filter(protocol=["m3d"], also_under={"random": "dc"})
    assert set(chosen.apply(frame(tmp_path))["value"]) == {0.0, 1.0, 4.0}
    assert set(Filter(also_under={"random": "dc"}).apply(frame(tmp_path))["value"]) == {0.0, 1.0, 2.0, 3.0, 4.0}


def test_distances_pass_whatever_the_protocol_where_a_table_is_about_them(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0], protocol="dc")
    add(tmp_path, "dm", [2.0], protocol="m3d")
    add(tmp_path, "dm", [3.0], protocol="", evaluator="moments", evaluator_label="moments")
    table = frame(tmp_path)
    assert set(Filter(protocol=["m3d"]).apply(table)["value"]) == {2.0}
    assert set(Filter(protocol=["m3d"], without_protocol=True).apply(table)["value"]) == {2.0, 3.0}
    assert list(Filter(protocol=["idc"]).unmet(table)) == ["no finished cell here has --protocol idc; there is dc, m3d"]


def test_what_reports_need_of_settings_and_data_comes_from_the_plan(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0], source="folder", settings={"lr": 2}, overrides={"lr": 1})
    (row,) = frame(tmp_path).to_dict("records")
    assert (row["settings"], row["overrides"], row["source"]) == ({"lr": 2}, {"lr": 1}, "folder")
    assert (row["classes"], row["train_images"]) == (None, None), "not recorded in this one"


def test_a_snapshot_has_its_step_and_the_final_set_has_none(tmp_path: Path) -> None:
    for step in (None, 0, 10):
        add(tmp_path, "dm", [1.0], step=step)
    older = add(tmp_path, "m3d", [2.0])
    with h5py.File(older, "r+") as file:
        facts = get_facts(file)
        del facts["step"]
        put_facts(file, facts)
    table = frame(tmp_path)
    assert {step for step in table["step"] if step is not pd.NA} == {0, 10}
    assert sorted(table.loc[table["step"].isna(), "method"]) == ["dm", "m3d"]


def test_failures_are_read_and_filtered_and_a_damaged_one_is_left_out(tmp_path: Path) -> None:
    add_failure(tmp_path, "dm")
    broken = add_failure(tmp_path, "m3d", ipc=10)
    assert Filter(datasets=["toy"]).apply(failures(tmp_path))["method"].tolist() == ["dm", "m3d"]
    assert Filter(methods=["dm"], protocol=["dc"]).apply(failures(tmp_path))["message"].tolist() == ["it broke"]
    broken.write_text("{")
    with pytest.warns(UserWarning, match=rf"{broken.name} is damaged: Expecting .*; left out"):
        assert failures(tmp_path)["error"].tolist() == ["ValueError"]
