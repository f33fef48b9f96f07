from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

import h5py
import pandas as pd
import pytest
from support.made_reports import grid_tables, with_published
from support.made_results import add, add_failure, cell_of
from support.made_sets import add_set

import dcbench
from dcbench.engine.identity import Cell
from dcbench.engine.store.hdf5 import get_facts, put_facts
from dcbench.engine.store.store import Store
from dcbench.report.filters import Filter
from dcbench.report.results import COLUMNS, SET_COLUMNS, failures, frame, sets
from dcbench.report.summary import summarise

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
    listed = Store(tmp_path).all_evaluations()
    old.unlink()
    monkeypatch.setattr(Store, "all_evaluations", lambda _: listed)
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


def test_there_is_a_row_for_each_set(tmp_path: Path) -> None:
    path = add_set(tmp_path, "dm", ipc=2, replicate=1, seconds=3.5, snapshots={10: 2.0, 0: 0.5}, settings={"lr": 2.0})
    add_set(tmp_path, "m3d", split="validation", snapshots={0: None})
    table = sets(tmp_path)
    first, second = table.to_dict("records")
    assert list(table.columns) == SET_COLUMNS
    expected = {
        "digest": cell_of("dm", ipc=2, replicate=1, settings={"lr": 2.0}).digest,
        "dataset": "toy",
        "method": "dm",
        "label": "dm",
        "ipc": 2,
        "replicate": 1,
        "split": "test",
        "settings": {"lr": 2.0},
        "seconds": 3.5,
        "device": "a processor",
        "finished": "2026-01-01T00:00:00+00:00",
        "numbers": 384,
        "conditions": {
            "train": "aa",
            "mean": [0.5],
            "std": [0.25],
            "mirror_ok": False,
            "revision": 1,
            "network_revision": 1,
        },
        "snapshots": {0: 0.5, 10: 2.0},
        "file": str(path),
    }
    assert {name: first[name] for name in expected} == expected
    assert (second["method"], second["split"], second["snapshots"]) == ("m3d", "validation", {0: None})


def test_nothing_has_the_same_columns(tmp_path: Path) -> None:
    assert list(sets(tmp_path).columns) == SET_COLUMNS


def test_a_damaged_file_is_left_out_with_a_warning(tmp_path: Path) -> None:
    path = add_set(tmp_path, "dm")
    add_set(tmp_path, "m3d")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.warns(UserWarning, match="is damaged.*left out"):
        table = sets(tmp_path)
    assert table["method"].tolist() == ["m3d"]


def test_a_file_that_cannot_be_read_now_is_left_out_and_one_that_is_gone_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, gone = add_set(tmp_path, "dm"), add_set(tmp_path, "idm")
    add_set(tmp_path, "m3d")
    listed = Store(tmp_path).all_condensed()
    locked.unlink()
    locked.mkdir()
    gone.unlink()
    monkeypatch.setattr(Store, "all_condensed", lambda _: listed)
    with pytest.warns(UserWarning, match="cannot be read now.*left out"):
        assert sets(tmp_path)["method"].tolist() == ["m3d"]


@pytest.mark.slow
def test_a_thousand_files_take_seconds(tmp_path: Path) -> None:
    path = add_set(tmp_path, "dm", snapshots=dict.fromkeys((0, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000), 1.0))
    for number in range(1, 1000):
        shutil.copy(path, path.with_name(f"s{number}-{path.name.partition('-')[2]}"))
    start = time.process_time()
    assert len(sets(tmp_path)) == 1000
    assert time.process_time() - start < 4


KNOWN = {
    "train": "b27a876aec5ed024ce11da34297f480eeb785a4406db3d8bed021944b60a0481",
    "test": "b782bf7e6dab32643105711611c6472290ddc64cdcec4c003351dd5a087eb740",
}
OTHER = {"train": "13d7542c3d07c2263262c91f9167b7eb27401afaff3861786618ffbc505f694d", "test": KNOWN["test"]}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Add a number of `random`, published at 64.9 under ``dc``, whose dataset has the changes given."""
    original = cell_of

    def add_with(method: str = "random", **changes: Any) -> Path:
        def changed(name: str, **cell: Any) -> Cell:
            made = original(name, **cell)
            return made.model_copy(update={"dataset": made.dataset.model_copy(update=changes)})

        monkeypatch.setattr("support.made_results.cell_of", changed)
        return add(tmp_path, method, [60.0], dataset="mnist", protocol="dc")

    return add_with


def rows(results: Path) -> dict[str, tuple[str, ...]]:
    (table,) = grid_tables(with_published(summarise(frame(results))))
    return {row.names[0]: tuple("" if one is None else one.published for one in row.numbers) for row in table.rows}


def test_other_data_is_a_row_of_its_own_without_a_published_number(tmp_path: Path, made: Any) -> None:
    made(**KNOWN, other_data="")
    made(**OTHER, other_data="all 4 files are of fashion-mnist")
    assert rows(tmp_path) == {"mnist": ("64.9 ± 3.5 (5x20)",), "mnist (other data)": ("",)}
    summary = with_published(summarise(frame(tmp_path))).set_index("dataset")
    assert pd.isna(summary.loc["mnist (other data)", "difference"])
    assert summary.loc["mnist", "difference"] == pytest.approx(60.0 - 64.9)


def test_what_is_measured_on_other_data_does_not_compete(tmp_path: Path, made: Any) -> None:
    made(**KNOWN, other_data="")
    made("dm", **OTHER, other_data="all 4 files are of fashion-mnist")
    (table,) = grid_tables(summarise(frame(tmp_path)))
    assert [number.rank for row in table.rows for number in row.numbers if number] == ["", ""]
    assert table.notes[-1] == (
        "mnist (other data): not the standard mnist; 'dcbench show' says of a cell in what it differs"
    )


def test_files_that_do_not_say_it_are_told_by_their_fingerprints(tmp_path: Path, made: Any) -> None:
    made(**KNOWN, other_data=None)
    assert list(rows(tmp_path)) == ["mnist"]
    made(**OTHER, other_data=None)
    assert rows(tmp_path) == {"mnist": ("64.9 ± 3.5 (5x20)",), "mnist (other data)": ("",)}


def test_an_older_file_of_the_same_data_stands_in_the_same_row(tmp_path: Path, made: Any) -> None:
    made(train="aa", test="bb", record="imagenette", name="imagenette", other_data=None)
    assert list(rows(tmp_path)) == ["imagenette"]
    made("dm", train="aa", test="bb", record="imagenette", name="imagenette", other_data="half of it")
    assert rows(tmp_path) == {"imagenette (other data)": ("", "")}
