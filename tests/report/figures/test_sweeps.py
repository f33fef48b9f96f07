from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from support.made_results import add
from support.made_sets import add_set

from dcbench.report.figures.panels import NothingToDrawError
from dcbench.report.figures.style import save
from dcbench.report.figures.sweeps import over_setting, sweep
from dcbench.report.results import frame, sets

if TYPE_CHECKING:
    from pathlib import Path


def made(
    results: Path,
    values: list[float],
    *,
    method: str = "m3d",
    label: str = "",
    seconds: float = 9.0,
    finished: str = "2026-01-01T00:00:00+00:00",
    revision: int = 1,
    train: str = "aa",
    **settings: Any,
) -> None:
    label = label or f"{method}[{','.join(f'{name}={value}' for name, value in settings.items())}]"
    cell: dict[str, Any] = {"label": label, "settings": {"lr": 1.0} | settings, "finished": finished}
    cell |= {"method_revision": revision, "train": train}
    add_set(results, method, seconds=seconds, **cell)
    add(results, method, values, **cell)


def points_of(results: Path, *names: str, method: str = "m3d") -> list[tuple[Any, ...]]:
    points = over_setting(frame(results), sets(results), method, names[0], names[1:])
    return list(points[["setting", *names[1:], "mean", "seconds", "n"]].itertuples(index=False, name=None))


def test_cells_that_differ_in_one_setting_are_found(tmp_path: Path) -> None:
    for steps in (1, 5, 10):
        made(tmp_path, [50.0 + steps, 52.0 + steps], seconds=100 / steps, iterations_per_model=steps)
    made(tmp_path, [99.0], iterations_per_model=7, lr=2.0)
    made(tmp_path, [98.0], iterations_per_model=8, method="dm")
    made(tmp_path, [97.0], other=1)
    assert points_of(tmp_path, "iterations_per_model") == [(1, 52, 100, 2), (5, 56, 20, 2), (10, 61, 10, 2)]


def test_settings_that_may_differ_along_are_shown_beside(tmp_path: Path) -> None:
    made(tmp_path, [60.0], kernel="gaussian", lr=1.0)
    made(tmp_path, [50.0], kernel="linear", lr=0.005)
    assert points_of(tmp_path, "kernel") == []
    assert points_of(tmp_path, "kernel", "lr") == [("gaussian", 1.0, 60, 9, 1), ("linear", 0.005, 50, 9, 1)]


LATER = "2026-01-02T00:00:00+00:00"


def test_one_value_under_two_labels_is_one_point_and_older_results_are_no_part_of_it(tmp_path: Path) -> None:
    made(tmp_path, [50.0], lr=1.0, revision=1)
    made(tmp_path, [80.0], label="m3d", revision=2, finished=LATER)
    made(tmp_path, [70.0], lr=2.0, revision=2, finished=LATER)
    assert points_of(tmp_path, "lr") == [(1, 80, 9, 1), (2, 70, 9, 1)]


@pytest.mark.parametrize("older", [{"revision": 1}, {"train": "other data"}], ids=["revision", "data"])
def test_a_line_holds_nothing_of_an_older_revision_or_of_other_data(tmp_path: Path, older: dict[str, Any]) -> None:
    for lr in (1.0, 2.0, 3.0):
        made(tmp_path, [50.0], lr=lr, **({"revision": 2} | older))
    for lr in (1.0, 2.0):
        made(tmp_path, [80.0], lr=lr, revision=2, finished=LATER)
    assert points_of(tmp_path, "lr") == [(1, 80, 9, 1), (2, 80, 9, 1)]


def test_a_list_is_a_value_too(tmp_path: Path) -> None:
    made(tmp_path, [60.0], widths=[8, 16])
    made(tmp_path, [50.0], widths=[8])
    assert points_of(tmp_path, "widths") == [("[8, 16]", 60, 9, 1), ("[8]", 50, 9, 1)]


def test_snapshots_are_no_part_of_it(tmp_path: Path) -> None:
    for value in (1, 2):
        made(tmp_path, [60.0], depth=value)
        add(tmp_path, "m3d", [1.0], step=0, label=f"m3d[depth={value}]", settings={"lr": 1.0, "depth": value})
    assert [mean for _, mean, _, _ in points_of(tmp_path, "depth")] == [60, 60]


def test_a_number_is_drawn_with_the_time_and_a_name_as_bars(tmp_path: Path) -> None:
    for steps in (1, 5, 10):
        made(tmp_path, [50.0 + steps], seconds=100 / steps, iterations_per_model=steps)
    for kernel, lr in (("gaussian", 1.0), ("linear", 0.005)):
        made(tmp_path, [60.0 + lr], kernel=kernel, lr=lr)
    table, about = frame(tmp_path), sets(tmp_path)
    numbers = sweep(table, about, "m3d", "iterations_per_model")
    accuracy, time = numbers.axes
    assert (accuracy.get_ylabel(), time.get_ylabel()) == ("accuracy (%)", "seconds of condensing")
    assert [line.get_ydata().tolist() for line in time.get_lines()] == [[100, 20, 10]]
    assert accuracy.get_xticks().tolist() == [1, 5, 10]
    assert numbers.get_suptitle() == "m3d · toy · IPC 1 · protocol dc · convnet3"
    (bars,) = sweep(table, about, "m3d", "kernel", ["lr"]).axes
    assert [bar.get_height() for bar in bars.patches] == [61, 60.005]
    assert [text.get_text() for text in bars.get_xticklabels()] == ["gaussian\nlr 1.0", "linear\nlr 0.005"]


def test_names_of_many_bars_do_not_run_into_each_other(tmp_path: Path) -> None:
    for number in range(9):
        made(tmp_path, [60.0 + number], kernel="polynomial", lr=10.0**-number)
    made(tmp_path, [50.0], kernel="gaussian", lr=1.0)
    figure = sweep(frame(tmp_path), sets(tmp_path), "m3d", "kernel", ["lr"])
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].get_xticklabels()]
    assert len(boxes) == 10
    assert not any(one.overlaps(other) for one, other in pairwise(boxes))


@pytest.mark.parametrize("values", [(0, 1), (True, False), (None, 3), (1e-6, 1.0)])
def test_any_kind_of_value_is_drawn(tmp_path: Path, values: tuple[Any, ...]) -> None:
    for value in values:
        made(tmp_path, [50.0], knob=value)
    save(sweep(frame(tmp_path), sets(tmp_path), "m3d", "knob"), tmp_path / "x.png")


def test_nothing_to_draw_is_said_with_the_command_that_makes_it(tmp_path: Path) -> None:
    made(tmp_path, [60.0], kernel="gaussian")
    with pytest.raises(NothingToDrawError, match=r"no two cells of m3d differ in kernel alone.*dcbench run --methods"):
        sweep(frame(tmp_path), sets(tmp_path), "m3d", "kernel")
