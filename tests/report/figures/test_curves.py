from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.made_results import add
from support.made_sets import add_set

from dcbench.report.figures.curves import accuracy_over, accuracy_over_ipc, trajectory
from dcbench.report.figures.panels import NothingToDrawError
from dcbench.report.figures.style import save
from dcbench.report.results import frame, sets

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes


def matched(results: Path, method: str, *, first: float = 0.5, total: int = 100, **cell: Any) -> None:
    """Write a set with snapshots 0 and 10, and the evaluations of all three."""
    cell |= {"settings": {"iterations": total} | cell.pop("settings", {})}
    add_set(results, method, seconds=first + 10, snapshots={0: first, 10: first + 1}, **cell)
    for step, value in ((0, 10.0), (10, 20.0), (None, 30.0)):
        add(results, method, [value, value + 2], step=step, **cell)


def lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.get_lines()}


def legend(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_line_goes_through_the_snapshots_to_the_final_set(tmp_path: Path) -> None:
    matched(tmp_path, "m3d")
    figure = accuracy_over(frame(tmp_path), sets(tmp_path))
    assert lines(figure.axes[0]) == {"m3d": ([0, 10, 100], [11, 21, 31])}
    assert figure.get_suptitle() == "toy · IPC 1 · protocol dc · convnet3"
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("matching steps", "accuracy (%)")
    over_seconds = accuracy_over(frame(tmp_path), sets(tmp_path), "seconds")
    assert lines(over_seconds.axes[0]) == {"m3d": ([0.5, 1.5, 10.5], [11, 21, 31])}


def test_points_pool_seeds_and_repeats(tmp_path: Path) -> None:
    for seed, first in ((0, 0.5), (1, 1.5)):
        matched(tmp_path, "m3d", replicate=seed, first=first)
    points = trajectory(frame(tmp_path), sets(tmp_path))
    assert points["n"].tolist() == [4, 4, 4]
    assert points["std"].tolist() == [1, 1, 1]
    assert points["seconds"].tolist() == [1, 2, 11]


def test_labels_without_snapshots_have_no_line_and_steps_may_be_without_seconds(tmp_path: Path) -> None:
    matched(tmp_path, "m3d")
    add_set(tmp_path, "random")
    add(tmp_path, "random", [40.0])
    settings = {"iterations": 100}
    add_set(tmp_path, "dm", snapshots={0: None}, settings=settings)
    for step in (0, None):
        add(tmp_path, "dm", [5.0], step=step, settings=settings)
    table, about = frame(tmp_path), sets(tmp_path)
    assert legend(accuracy_over(table, about)) == ["dm", "m3d"]
    over_seconds = lines(accuracy_over(table, about, "seconds").axes[0])
    assert over_seconds["dm"] == ([100], [5]), "the final set alone"


def test_what_may_not_be_compared_has_panels_of_its_own(tmp_path: Path) -> None:
    for ipc in (10, 1):
        matched(tmp_path, "m3d", ipc=ipc)
    matched(tmp_path, "dm", ipc=1)
    figure = accuracy_over(frame(tmp_path), sets(tmp_path))
    assert figure.get_suptitle() == "toy · protocol dc · convnet3"
    assert [axes.get_title() for axes in figure.axes] == ["IPC 1", "IPC 10"]
    assert [sorted(lines(axes)) for axes in figure.axes] == [["dm", "m3d"], ["m3d"]]


def test_one_label_never_mixes_settings(tmp_path: Path) -> None:
    matched(tmp_path, "m3d", settings={"lr": 1})
    late = {"iterations": 500, "lr": 2}
    add_set(tmp_path, "m3d", snapshots={0: 1.0}, settings=late)
    for step, value in ((0, 70.0), (None, 80.0)):
        add(tmp_path, "m3d", [value], step=step, settings=late, finished="2026-02-01T00:00:00+00:00")
    assert lines(accuracy_over(frame(tmp_path), sets(tmp_path)).axes[0]) == {"m3d": ([0, 500], [70, 80])}


@pytest.mark.parametrize("total", [1, 9, 10, 11, 20_000])
def test_any_number_of_steps_has_an_axis(tmp_path: Path, total: int) -> None:
    settings = {"iterations": total}
    add_set(tmp_path, "m3d", snapshots={0: 0.5}, settings=settings)
    for step in (0, None):
        add(tmp_path, "m3d", [5.0], step=step, settings=settings)
    figure = accuracy_over(frame(tmp_path), sets(tmp_path))
    save(figure, tmp_path / "x.png")
    left, right = figure.axes[0].get_xlim()
    assert left < 0 < total < right
    assert all(left < tick < right for tick in figure.axes[0].get_xticks())


def test_nothing_to_draw_is_said_with_the_command_that_makes_it(tmp_path: Path) -> None:
    add_set(tmp_path, "m3d")
    add(tmp_path, "m3d", [1.0])
    with pytest.raises(NothingToDrawError, match=r"dcbench run \.\.\. --snapshots"):
        accuracy_over(frame(tmp_path), sets(tmp_path))
    with pytest.raises(NothingToDrawError, match="dcbench run"):
        accuracy_over_ipc(frame(tmp_path)[:0])


def test_accuracy_over_ipc_has_a_panel_for_each_dataset(tmp_path: Path) -> None:
    for dataset in ("toy", "mnist"):
        for method, value in (("m3d", 50.0), ("dm", 40.0), ("random", 30.0)):
            for ipc in (1, 10):
                add(tmp_path, method, [value + ipc], ipc=ipc, dataset=dataset)
                add(tmp_path, method, [0.0], ipc=ipc, dataset=dataset, step=0)
    figure = accuracy_over_ipc(frame(tmp_path))
    assert [axes.get_title() for axes in figure.axes] == ["mnist", "toy"]
    assert legend(figure) == ["dm", "m3d", "random"]
    for axes in figure.axes:
        assert list(axes.get_xticks()) == [1, 10]
        drawn = sorted(tuple(container.lines[0].get_ydata()) for container in axes.containers)
        assert drawn == [(31, 40), (41, 50), (51, 60)]
    save(figure, tmp_path / "x.svg")
