"""What is said below a table of old recipes and of runs that are far shorter than theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.made_reports import grid_tables, with_published
from support.made_results import add, add_sets

from dcbench.report.figures.panels import main_results
from dcbench.report.remarks import remarks
from dcbench.report.render.latex import latex
from dcbench.report.render.records import json as as_json
from dcbench.report.render.text import markdown, terminal
from dcbench.report.results import frame
from dcbench.report.summary import entries, summarise

OLD = {"augmentation": "dc", "strategy": "crop_scale_rotate"}
NEW = {"augmentation": "dc-spline", "strategy": "crop_scale_rotate"}
MNIST: dict[str, Any] = {"dataset": "mnist", "ipc": 10}


def shortened(results: Path, method: str, done: int, recommended: int, **more: Any) -> None:
    label = f"{method}[iterations={done}]"
    overrides = {} if done == recommended else {"iterations": recommended}
    add(results, method, [80.0], label=label, settings={"iterations": done}, overrides=overrides, **more)


def lines(results: Path) -> list[str]:
    return list(remarks(summarise(frame(results))))


def test_numbers_of_an_old_recipe_say_so_in_every_form_that_has_notes(tmp_path: Path) -> None:
    add(tmp_path, "random", [95.0], recipe=OLD, **MNIST)
    add(tmp_path, "herding", [96.0], recipe=NEW, **MNIST)
    (line,) = lines(tmp_path)
    assert line == (
        "older recipe (mnist ipc 10 random): rotates bilinearly; the protocol of today rotates by cubic splines, as "
        "the published code does; 'dcbench run' makes these numbers anew"
    )
    tables = grid_tables(summarise(frame(tmp_path)))
    for text in (terminal(tables, width=400), markdown(tables), latex(tables)):
        assert "older recipe (mnist ipc 10 random)" in text
    said = {record["method"]: record["superseded"] for record in json.loads(as_json(summarise(frame(tmp_path))))}
    assert said["herding"] == ""
    assert said["random"].startswith("rotates bilinearly")


def test_a_whole_row_of_an_old_recipe_is_named_once(tmp_path: Path) -> None:
    for method in ("random", "herding"):
        add(tmp_path, method, [95.0], recipe=OLD, **MNIST)
        add(tmp_path, method, [95.0], **(MNIST | {"dataset": "svhn"}))
    (line,) = lines(tmp_path)
    assert line.startswith("older recipe (mnist ipc 10): rotates bilinearly")


@pytest.mark.parametrize("recipe", [NEW, {"augmentation": "none"}, {"augmentation": "dc", "strategy": "crop_scale"}])
def test_a_recipe_of_today_is_passed_over(tmp_path: Path, recipe: dict[str, Any]) -> None:
    add(tmp_path, "random", [95.0], recipe=recipe, **MNIST)
    assert lines(tmp_path) == []


@pytest.mark.parametrize("finished", ["2025-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"])
def test_old_and_new_never_pool_and_today_is_shown_whichever_came_last(tmp_path: Path, finished: str) -> None:
    for seed in (0, 1):
        add(tmp_path, "random", [90.0], recipe=OLD, replicate=seed, finished=finished, **MNIST)
    add(tmp_path, "random", [95.0], recipe=NEW, **MNIST)
    (number,) = entries(summarise(frame(tmp_path)))
    assert (number["mean"], number["n"], number["older"], number["superseded"]) == (95.0, 1, 1, "")


def test_an_old_number_competes_with_no_number_of_today(tmp_path: Path) -> None:
    for method, value, recipe in [("random", 95.0, NEW), ("herding", 96.0, NEW), ("k-center", 99.0, OLD)]:
        add_sets(tmp_path, method, value, recipe=recipe, **MNIST)
    (table,) = grid_tables(summarise(frame(tmp_path)))
    assert [number and number.rank for number in table.rows[0].numbers] == ["second", "best", ""]


def test_a_published_number_next_to_an_old_one_is_of_another_protocol(tmp_path: Path) -> None:
    for method, recipe in [("random", NEW), ("herding", OLD)]:
        add(tmp_path, method, [95.0], recipe=recipe, **MNIST)
    tables = grid_tables(with_published(summarise(frame(tmp_path))))
    new, old = tables[0].rows[0].numbers
    assert new is not None
    assert old is not None
    assert (new.difference, old.difference) == (pytest.approx(-0.1), None)
    assert old.published.endswith("†")
    assert "† protocol of the published number: dc (herding)" in tables[0].notes


def test_figures_draw_old_numbers_in_panels_of_their_own(tmp_path: Path) -> None:
    add(tmp_path, "random", [90.0], recipe=OLD, **MNIST)
    add(tmp_path, "random", [95.0], recipe=OLD, **(MNIST | {"ipc": 1}))
    add(tmp_path, "random", [95.0], recipe=NEW, **MNIST)
    drawn = main_results(frame(tmp_path)).sort_values(["ipc", "value"])
    assert drawn["protocol"].tolist() == ["dc (superseded)", "dc (superseded)", "dc"]


def test_a_run_far_shorter_than_its_recipe_says_so_and_where_to_see_more(tmp_path: Path) -> None:
    shortened(tmp_path, "m3d", 200, 10_000)
    shortened(tmp_path, "m3d", 100, 10_000)
    shortened(tmp_path, "dm", 200, 20_000)
    tables = grid_tables(summarise(frame(tmp_path)))
    line = (
        "far shorter than the recipe: 200 of 20,000 iterations (dm), 100 of 10,000 iterations (m3d), "
        "200 of 10,000 iterations (m3d); matching may lower accuracy before it raises it: "
        "'dcbench run --snapshots' and 'dcbench figure curves' show its course"
    )
    assert line in terminal(tables, width=400)
    assert line in markdown(tables)
    assert "far shorter than the recipe: 200 of 20,000 iterations (dm)" in latex(tables)


@pytest.mark.parametrize(("done", "said"), [(0, False), (1, True), (99, True), (100, False), (1000, False)])
def test_a_tenth_is_enough_and_step_0_is_a_choice(tmp_path: Path, done: int, said: bool) -> None:
    shortened(tmp_path, "m3d", done, 1000)
    assert bool(lines(tmp_path)) is said


def test_what_another_setting_departs_from_is_not_about_length(tmp_path: Path) -> None:
    add(tmp_path, "m3d", [80.0], settings={"iterations": 5, "lr": 2.0}, overrides={"lr": 1.0})
    assert lines(tmp_path) == []
