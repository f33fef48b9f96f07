"""Lines: accuracy over matching steps or seconds, from evaluated snapshots, and accuracy over IPC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from dcbench.report.figures.panels import PANEL, NothingToDrawError, apart, main_results, measured, split_into, titles
from dcbench.report.figures.style import Look, add_legend, looks, panels, styled
from dcbench.report.summary import summarise

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Over = Literal["steps", "seconds"]

_ASIDE = 1.01  # factor by which lines are moved apart, so that their bars at one IPC can be told apart


@styled
def accuracy_over(frame: pd.DataFrame, sets: pd.DataFrame, over: Over = "steps") -> Figure:
    """Return accuracy over *over*: a panel for each dataset, IPC, protocol and network, a line for each label.

    Bands are the standard deviation over replicates x repeats. A line ends with the final set, whose step is its
    setting ``iterations``. A label without evaluated snapshots has no line. Over seconds, a label has no line if its
    files do not record when its snapshots were taken.

    Args:
        frame: from `dcbench.report.results.frame`.
        sets: from `dcbench.report.results.sets`, of the same folder.
        over: matching steps, or seconds of condensing, which depend on the machine.

    Raises:
        NothingToDrawError: no snapshot is evaluated.
    """
    points = trajectory(frame, sets).dropna(subset=[over])
    if points.empty:
        raise NothingToDrawError("no snapshot is evaluated here; 'dcbench run ... --snapshots' does it")
    groups = list(split_into(points, PANEL))
    look = looks(points["label"].unique())
    common, own = titles([place for place, _ in groups])
    figure, axes = panels(len(groups), common)
    for panel, title, (_, group) in zip(axes, own, groups, strict=True):
        _draw_lines(panel, group, over, look)
        panel.set_title(title)
        panel.set_ylabel(measured(group))
        _step_axis(panel, group) if over == "steps" else _seconds_axis(panel, group)
    add_legend(figure, axes)
    return figure


def trajectory(frame: pd.DataFrame, sets: pd.DataFrame) -> pd.DataFrame:
    """Return the mean and std of every label after each of its steps: a row for each point of a line.

    The columns are those of a panel, ``label``, ``unit``, ``steps``, ``seconds``, ``mean``, ``std`` and ``n``. The
    seconds are the mean over replicates, missing if a file does not record them.
    """
    table = main_results(frame)
    table = table[table["digest"].isin(table.loc[table["step"].notna(), "digest"])]
    about = {row["digest"]: row for row in sets.to_dict("records")}
    table = table[table["digest"].isin(list(about))]
    reached = [_reached(about[digest], step) for digest, step in zip(table["digest"], table["step"], strict=True)]
    table = table.assign(steps=[step for step, _ in reached], spent=[spent for _, spent in reached])
    return (
        table.dropna(subset=["steps"])
        .groupby([*PANEL, "label", "unit", "steps"], dropna=False)
        .agg(
            seconds=("spent", lambda spent: spent.mean(skipna=False)),
            mean=("value", "mean"),
            std=("value", lambda values: values.std(ddof=0)),
            n=("value", "size"),
        )
        .reset_index()
    )


def _reached(about: Mapping[Any, Any], step: Any) -> tuple[float, float]:
    """Return the step that was evaluated, and the seconds spent up to it; NaN for what is not known."""
    if pd.isna(step):
        return about["settings"].get("iterations", float("nan")), about["seconds"]
    spent = about["snapshots"].get(int(step))
    return float(step), float("nan") if spent is None else spent


@styled
def accuracy_over_ipc(frame: pd.DataFrame) -> Figure:
    """Return accuracy over IPC: a panel for each dataset, protocol and network, a line for each label.

    Bars are the standard deviation over replicates x repeats.

    Args:
        frame: from `dcbench.report.results.frame`.

    Raises:
        NothingToDrawError: there is no evaluation.
    """
    summary = summarise(apart(frame))
    summary = summary[summary["main"].astype(bool)]
    if summary.empty:
        raise NothingToDrawError("nothing is evaluated here; 'dcbench run ... --ipc 1,10,50' does it")
    columns = [name for name in PANEL if name != "ipc"]
    groups = list(split_into(summary, columns))
    look = looks(summary["label"].unique())
    common, own = titles([place for place, _ in groups])
    figure, axes = panels(len(groups), common)
    for panel, title, (_, group) in zip(axes, own, groups, strict=True):
        for place, (label, line) in enumerate(group.sort_values("ipc").groupby("label")):
            aside = _ASIDE ** (place - (group["label"].nunique() - 1) / 2)
            style = look[str(label)].of_line()
            panel.errorbar(line["ipc"] * aside, line["mean"], line["std"], label=label, elinewidth=0.6, **style)
        panel.set_title(title)
        panel.set_ylabel(measured(group))
        _ipc_axis(panel, sorted(group["ipc"].unique()))
    add_legend(figure, axes)
    return figure


def _draw_lines(panel: Axes, points: pd.DataFrame, over: Over, look: Mapping[str, Look]) -> None:
    for label, line in points.sort_values("steps").groupby("label"):
        style = look[str(label)]
        panel.plot(line[over], line["mean"], label=label, **style.of_line())
        panel.fill_between(
            line[over], line["mean"] - line["std"], line["mean"] + line["std"], color=style.colour, alpha=0.15, lw=0
        )


def _step_axis(panel: Axes, points: pd.DataFrame) -> None:
    """Show step 0, and then every decade of steps in as much room as any other."""
    most = max(1, int(points["steps"].max()))
    ticks = [0, *([10**decade for decade in range(1, len(str(most)))] or [most])]
    panel.set_xscale("symlog", linthresh=10, linscale=0.5)
    panel.set_xlim(-0.05 * min(most, 20), 1.15 * most)
    panel.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlabel("matching steps")


def _seconds_axis(panel: Axes, points: pd.DataFrame) -> None:
    _logarithmic(panel)
    wide = points["seconds"].max() > 100 * points["seconds"].min()
    panel.xaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5)))
    panel.set_xlabel("seconds of condensing")


def _ipc_axis(panel: Axes, values: list[int]) -> None:
    _logarithmic(panel)
    panel.xaxis.set_major_locator(FixedLocator(values))
    panel.set_xlim(min(values) / 1.3, max(values) * 1.3)
    panel.set_xlabel("images per class")


def _logarithmic(panel: Axes) -> None:
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    panel.xaxis.set_minor_locator(NullLocator())
