from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import comparison as oracle
from oracles import paired
from support.made_cells import made_cell, made_trial
from support.made_results import add, cell_of

from dcbench.api.condensed import CondensedSet
from dcbench.engine.identity import Cell, Trial
from dcbench.engine.store.evaluations import StoredEvaluation, write_evaluation
from dcbench.engine.store.sets import StoredSet, write_condensed
from dcbench.engine.store.store import Store
from dcbench.report.compare import render
from dcbench.report.compare.comparison import Comparison, compare, paired_numbers
from dcbench.report.compare.contents import read_contents
from dcbench.report.compare.render import sections
from dcbench.report.filters import Filter
from dcbench.report.results import frame

METRICS = st.dictionaries(st.tuples(st.integers(0, 2), st.integers(0, 3)), st.integers(0, 20), max_size=8)


def add_set(results: Path, method: str, pixel: float = 0.5, facts: dict[str, Any] | None = None, **cell: Any) -> Path:
    """Write a condensed set of two images, all of whose pixels are *pixel*."""
    return write_set(results, cell_of(method, **cell), pixel, facts)


def write_set(
    results: Path,
    made: Cell,
    pixel: float = 0.5,
    facts: dict[str, Any] | None = None,
    labels: tuple[int, int] = (0, 1),
) -> Path:
    condensed = CondensedSet(torch.tensor(labels), torch.full((2, 1, 4, 4), pixel))
    made_by = {"device": "a processor", "finished": "2026-01-01T00:00:00+00:00", "runtime": {"precision": "float32"}}
    path = Store(results).condensed(made)
    write_condensed(path, StoredSet(made, condensed, made_by | (facts or {})))
    return path


def write_trial(results: Path, trial: Trial) -> None:
    facts = {"device": "a processor", "seconds": 1.0, "finished": "2026-01-01T00:00:00+00:00"}
    path = Store(results).evaluation(trial, range(1))
    write_evaluation(path, StoredEvaluation(trial, range(1), {"pixel": (1.0,)}, facts))


def compared(a: Path, b: Path, **chosen: Any) -> Comparison:
    return compare(read_contents(a, Filter(**chosen)), read_contents(b, Filter(**chosen)))


def lines(comparison: Comparison, title: str) -> list[str]:
    return [line for section in sections(comparison) if section.title.startswith(title) for line in section.lines]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "a", tmp_path / "b"


@given(METRICS, METRICS)
@settings(max_examples=15)
def test_numbers_are_those_of_each_network_taken_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, a: dict[tuple[int, int], int], b: dict[tuple[int, int], int]
) -> None:
    folder = tmp_path_factory.mktemp("folders")
    for name, metrics in (("a", a), ("b", b)):
        (folder / name).mkdir()
        for (seed, repeat), value in metrics.items():
            add(folder / name, "dm", [value / 4], replicate=seed, first=repeat)
    numbers = paired_numbers(frame(folder / "a"), frame(folder / "b"))
    seeds = {seed for seed, _ in a} & {seed for seed, _ in b}
    a, b = (
        {(f"{seed}", repeat): metrics[seed, repeat] / 4 for seed, repeat in metrics if seed in seeds}
        for metrics in (a, b)
    )
    if not seeds:
        assert numbers.empty
        return
    (row,) = numbers.to_dict("records")
    expected = oracle.differences(a, b)
    assert (row["n_a"], row["n_b"], row["pairs"]) == (len(a), len(b), len(expected))
    assert row["mean_a"] == pytest.approx(fmean(a.values()))
    assert row["std_b"] == pytest.approx(pstdev(b.values()))
    assert row["same"] == (bool(expected) and not any(expected))
    if len(expected) > 1:
        assert row["difference"] == pytest.approx(fmean(expected))
        assert row["difference_std"] == pytest.approx(pstdev(expected))
    if len(expected) > 1 and any(expected):
        assert row["p"] == row["p_holm"] == pytest.approx(float(paired.sign_flip_p(expected)))
    else:
        assert row["p"] != row["p"] or row["p"] is None


@given(st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5)))
@settings(max_examples=10)
def test_what_only_one_has_is_found_whatever_the_other_has(
    tmp_path_factory: pytest.TempPathFactory, a: set[int], b: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("folders")
    for name, seeds in (("a", a), ("b", b)):
        (folder / name).mkdir()
        for seed in seeds:
            add_set(folder / name, "dm", replicate=seed)
            add(folder / name, "dm", [1.0], replicate=seed)
    digests = {cell_of("dm", replicate=seed).digest: seed for seed in a | b}
    held = [{digest: seed for digest, seed in digests.items() if seed in seeds} for seeds in (a, b)]
    expected = {"A": oracle.only_in(*held), "B": oracle.only_in(*reversed(held))}
    found = {only.side: set(only.replicates) for only in compared(folder / "a", folder / "b").only}
    assert found == {side: {digests[name] for name in names} for side, names in expected.items() if names}


def test_what_is_in_one_only_is_grouped_by_place_and_names_trials_without_their_set(folders: tuple[Path, Path]) -> None:
    a, b = folders
    for seed in range(5):
        add_set(a, "m3d", replicate=seed, ipc=10)
        add(a, "m3d", [1.0], replicate=seed, ipc=10)
    for folder in folders:
        add_set(folder, "dm")
    add(b, "dm", [1.0])
    add(b, "dm", [1.0], protocol="idc", split="validation")
    assert lines(compared(a, b), "Only in one folder") == [
        "toy ipc 10 m3d replicates 0-4: only in A",
        "toy ipc 1 dm replicate 0, accuracy (dc, convnet3): only in B",
        "toy ipc 1 dm replicate 0, validation split, accuracy (idc, convnet3): only in B",
    ]


def test_another_digest_at_the_same_place_says_which_part_of_the_identity_differs(folders: tuple[Path, Path]) -> None:
    a, b = folders
    for seed in (0, 1):
        add_set(a, "m3d", replicate=seed, settings={"lr": 1.0, "factor": 2})
        add_set(b, "m3d", replicate=seed, settings={"lr": 10.0})
        add(a, "m3d", [1.0], replicate=seed, settings={"lr": 1.0, "factor": 2})
        add(b, "m3d", [2.0], replicate=seed, settings={"lr": 10.0})
    comparison = compared(a, b)
    assert comparison.only == ()
    assert comparison.numbers.empty
    assert lines(comparison, "The same by name") == [
        "settings.lr 1.0 in A, 10.0 in B: toy ipc 1 m3d replicates 0-1",
        "settings.factor 2 in A, - in B: toy ipc 1 m3d replicates 0-1",
    ]


def test_sets_may_differ_in_what_the_method_sees_beside_the_pixels(folders: tuple[Path, Path]) -> None:
    for folder, mirror_ok, revision in zip(folders, (False, True), (1, 2), strict=True):
        cell = made_cell(dataset={"mirror_ok": mirror_ok}, method={"network_revision": revision})
        write_set(folder, cell)
    assert lines(compared(*folders), "The same by name") == [
        "mirror_ok False in A, True in B: toy ipc 1 toy-slow replicate 0",
        "network revision 1 in A, 2 in B: toy ipc 1 toy-slow replicate 0",
    ]


def test_trials_of_one_set_may_differ_in_data_recipe_or_revision(folders: tuple[Path, Path]) -> None:
    a, b = folders
    for folder, epochs in ((a, 2), (b, 9)):
        write_trial(folder, made_trial(recipe={"epochs": epochs}, digest_recipe={"epochs": epochs}))
    assert [(found.fact, found.a, found.b) for found in compared(a, b).identity] == [("recipe.epochs", "2", "9")]
    for folder, revision in ((a, 3), (b, 4)):
        write_trial(folder, made_trial(label="raised", revision=revision))
    assert lines(compared(a, b), "The same by name")[1:] == [
        "evaluator revision 3 in A, 4 in B: toy ipc 1 toy-slow replicate 0, raised (p, n)"
    ]
    for folder, revision in ((a, 2), (b, 3)):
        write_trial(folder, made_trial(label="rebuilt", network_revision=revision))
    line = "network revision 2 in A, 3 in B: toy ipc 1 toy-slow replicate 0, rebuilt (p, n)"
    assert line in lines(compared(a, b), "The same by name")


def test_imported_sets_differ_in_the_file_they_are_from(folders: tuple[Path, Path]) -> None:
    for folder, sha256 in zip(folders, ("a" * 64, "b" * 64), strict=True):
        add_set(folder, "imported", facts={"origin": {"sha256": sha256, "date": folder.name}})
    assert lines(compared(*folders), "Made in another way") == [
        f"imported from {'a' * 12} in A, {'b' * 12} in B: 1 condensed set"
    ]


def test_of_several_digests_at_one_place_the_latest_counts(folders: tuple[Path, Path]) -> None:
    a, b = folders
    for day, lr in enumerate((3.0, 1.0), start=1):
        add_set(a, "m3d", settings={"lr": lr}, facts={"finished": f"2026-01-0{day}T00:00:00+00:00"})
    add_set(b, "m3d", settings={"lr": 10.0})
    assert [(found.a, found.b) for found in compared(a, b).identity] == [("1.0", "10.0")]


def test_provenance_is_one_line_for_each_kind_of_difference(folders: tuple[Path, Path]) -> None:
    a, b = folders
    for seed in range(3):
        add_set(a, "m3d", replicate=seed)
        add_set(b, "m3d", replicate=seed, facts={"device": "a GPU", "runtime": {"precision": "bf16"}})
        add(a, "m3d", [1.0], replicate=seed)
        add(b, "m3d", [1.0], replicate=seed)
    assert lines(compared(a, b), "Made in another way") == [
        "device a processor in A, a GPU in B: 3 condensed sets",
        "runtime.precision float32 in A, bf16 in B: 3 condensed sets",
    ]


def test_sets_of_one_name_are_compared_by_what_they_hold(folders: tuple[Path, Path]) -> None:
    a, b = folders
    for seed, pixel in enumerate((0.5, 0.5, 0.75)):
        add_set(a, "m3d", replicate=seed)
        add_set(b, "m3d", pixel, replicate=seed)
    sets = compared(a, b).sets
    assert (sets.count, sets.identical, sets.largest_difference) == (3, 2, 0.25)
    assert compared(a, a).sets.largest_difference is None
    assert lines(compared(a, b), "Condensed sets in both") == [
        "2 of 3 hold identical images and labels, to the last bit",
        "pixels of the others, in [0, 1], differ by at most 0.25",
    ]


def test_sets_that_differ_in_their_labels_say_so(folders: tuple[Path, Path]) -> None:
    for folder, labels in zip(folders, ((0, 1), (1, 0)), strict=True):
        write_set(folder, cell_of("m3d"), labels=labels)
        write_set(folder, cell_of("dm"))
    comparison = compared(*folders)
    assert (comparison.sets.identical, comparison.sets.other_labels) == (1, 1)
    assert "labels differ in 1 of the others" in lines(comparison, "Condensed sets in both")


def test_a_trial_with_two_files_is_one_trial(folders: tuple[Path, Path]) -> None:
    a, b = folders
    for folder in folders:
        add(folder, "dm", [1.0, 2.0])
    add(b, "dm", [3.0], first=2)
    comparison = compared(a, b)
    assert (comparison.only, comparison.provenance) == ((), ())
    (row,) = comparison.numbers.to_dict("records")
    assert (row["n_a"], row["n_b"], row["pairs"], row["same"]) == (2, 3, 2, True)


def test_filters_choose_what_is_compared(folders: tuple[Path, Path]) -> None:
    a, b = folders
    for method in ("dm", "m3d"):
        for folder in folders:
            add_set(folder, method)
            add(folder, method, [1.0])
    add_set(a, "idm")
    assert compared(a, b, methods=["dm"]).sets.count == 1
    assert compared(a, b, methods=["dm"]).numbers["label"].tolist() == ["dm"]
    assert compared(a, b, methods=["dm"]).only == ()


def test_rows_that_are_the_same_are_no_tests(folders: tuple[Path, Path]) -> None:
    for folder, shift in zip(folders, (0.0, 0.5), strict=True):
        add(folder, "m3d", [value + shift for value in range(8)])
        add(folder, "dm", [1.0] * 8)
        add(folder, "idm", [1.0] * 8)
    rows = compared(*folders).numbers.set_index("label")
    assert rows.loc[["dm", "idm"], ["p", "p_holm"]].isna().all(axis=None)
    assert rows.loc["m3d", "p"] == rows.loc["m3d", "p_holm"] == 2 / 2**8


def test_a_set_that_cannot_be_read_now_is_left_out_with_a_warning(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        add_set(folder, "m3d")
    locked = add_set(folders[0], "dm")
    locked.unlink()
    locked.mkdir()
    with pytest.warns(UserWarning, match=f"{locked.name} cannot be read now.*left out"):
        comparison = compared(*folders)
    assert comparison.sets.count == 1


def test_a_damaged_set_is_left_out_with_a_warning(folders: tuple[Path, Path]) -> None:
    a, b = folders
    add_set(b, "dm")
    add_set(a, "m3d")
    bad = add_set(a, "dm")
    bad.write_bytes(bad.read_bytes()[:100])
    with pytest.warns(UserWarning, match=f"{bad.name} is damaged.*left out"):
        comparison = compared(a, b)
    assert [(only.side, only.coordinates.label) for only in comparison.only] == [("A", "m3d"), ("B", "dm")]


@pytest.fixture
def shown(folders: tuple[Path, Path]) -> Comparison:
    a, b = folders
    for seed in (0, 1):
        add(a, "m3d", [50.0, 51.0, 52.0], replicate=seed, label="m3d[lr=1]|<b>")
        add(b, "m3d", [50.5, 51.5, 52.5], replicate=seed, label="m3d[lr=1]|<b>")
    add(a, "dm", [50.0])
    add(b, "dm", [50.0])
    return compared(a, b)


def test_what_is_equal_is_one_line_and_what_differs_a_table(folders: tuple[Path, Path], shown: Comparison) -> None:
    line = "1 of 2 are the same to the last bit and left out below; --format csv has each"
    assert lines(shown, "Numbers in both") == [line]
    same = compared(folders[0], folders[0])
    (section,) = sections(same)
    assert section.lines == ("2 of 2 are the same to the last bit; --format csv has each",)
    assert len(render.csv(same).splitlines()) == 3
    add(folders[1], "dm", [51.0], first=1)
    assert lines(compared(*folders), "Numbers in both") == [], "B has a network more"


def test_a_terminal_shows_figures_side_by_side(shown: Comparison) -> None:
    text = render.terminal(shown, ["one", "two"])
    assert text.startswith("A  one\nB  two\n")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]
    assert rows == [
        ["toy", "1", "m3d[lr=1]|<b>", "51.0 ± 0.8 (6)", "51.5 ± 0.8 (6)", "+0.50 ± 0.00", "6", "0.031", "0.031"],
    ]
    assert "sign-flip" in text
    assert "\x1b" not in text
    assert max(map(len, render.terminal(shown, ["one", "two"], width=80).splitlines())) <= 80


def test_markdown_shows_signs_as_they_are(shown: Comparison) -> None:
    text = render.markdown(shown, ["my_a", "my_b"])
    assert r"m3d\[lr=1\]\|\<b\>" in text
    assert r"* A: my\_a" in text


def test_json_and_csv_hold_every_number(shown: Comparison) -> None:
    whole = json.loads(render.json(shown, ["one", "two"]))
    assert (whole["A"], whole["B"]) == ("one", "two")
    assert [row["p"] for row in whole["numbers"]] == [None, 2 / 2**6]
    assert len(render.csv(shown).splitlines()) == 3


def test_two_folders_without_anything_say_so(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        folder.mkdir()
    text = render.terminal(compared(*folders), ["a", "b"])
    assert "neither folder has a finished cell" in text
