"""One setting of a method against accuracy: with time on a second axis for numbers, as bars for names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from dcbench.report.figures.panels import (
    PANEL,
    NothingToDrawError,
    main_results,
    measured,
    newest,
    split_into,
    titles,
)
from dcbench.report.figures.style import CHARACTER, COLUMN, PANELS_A_ROW, panels, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROOM = 0.8  # of a panel's width, for names in a row; names that need more stand upright
_ACCURACY, _TIME = "#0072b2", "#d55e00"


@styled
def sweep(frame: pd.DataFrame, sets: pd.DataFrame, method: str, setting: str, along: Sequence[str] = ()) -> Figure:
    """Return accuracy over one setting of *method*, a panel for each dataset, IPC, protocol and network.

    A setting that is a number, such as ``iterations_per_model``, gets a line, and the seconds of condensing on a second
    axis; any other, such as ``kernel``, gets bars. Arguments as of `over_setting`.

    Raises:
        NothingToDrawError: no two cells differ in this setting alone.
    """
    points = over_setting(frame, sets, method, setting, along)
    if points.empty:
        raise NothingToDrawError(_advice(method, setting, along))
    values = points["setting"].infer_objects()
    numeric = is_numeric_dtype(values) and not is_bool_dtype(values)
    groups = list(split_into(points, PANEL))
    common, own = titles([place for place, _ in groups])
    figure, axes = panels(len(groups), f"{method} · {common}")
    upright = 0.0
    for panel, title, (_, group) in zip(axes, own, groups, strict=True):
        panel.set_title(title)
        panel.set_ylabel(measured(group))
        panel.set_xlabel(setting.replace("_", " "))
        if numeric:
            _draw_numbers(panel, group)
        else:
            upright = max(upright, _draw_bars(panel, group, along))
    rows = -(-len(groups) // PANELS_A_ROW)
    figure.set_figheight(figure.get_figheight() + rows * upright)
    return figure


def over_setting(
    frame: pd.DataFrame, sets: pd.DataFrame, method: str, setting: str, along: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the results of cells of *method* that differ in nothing but *setting*.

    Of cells that were made from other data or by another revision of the method or its network, the latest are shown.
    Where several groups of cells do, as after two sweeps, a panel has the group with most values.

    Args:
        frame: from `dcbench.report.results.frame`.
        sets: from `dcbench.report.results.sets`, of the same folder.
        method: name of the method's record, such as ``m3d``.
        setting: name of the setting.
        along: settings that may differ with it, as the learning rate does between kernels.

    Returns:
        a row for each value: the columns of a panel, ``unit``, ``setting`` with the value, one column for each name in
        *along*, ``mean``, ``std`` and ``n`` over replicates x repeats, and ``seconds``, the mean over sets.
    """
    free = (setting, *along)
    about = {row["digest"]: row for row in sets.to_dict("records") if setting in row["settings"]}
    table = frame[frame["step"].isna() & (frame["method"] == method) & frame["digest"].isin(list(about))]
    cells = [about[digest] for digest in table["digest"]]
    columns = {name: [_value(cell["settings"].get(name)) for cell in cells] for name in along}
    table = main_results(
        table.assign(
            setting=[_value(cell["settings"][setting]) for cell in cells],
            rest=[_without(cell["settings"], free) for cell in cells],
            conditions=[_without(cell["conditions"], [f"{name}_revision" for name in free]) for cell in cells],
            spent=[cell["seconds"] for cell in cells],
            **columns,
        )
    )
    line = [*PANEL, "rest"]
    table = newest(newest(table, line, "conditions"), [*line, "setting", *along], "variant")
    points = (
        table.groupby([*line, "unit", "setting", *along], dropna=False)
        .agg(
            mean=("value", "mean"),
            std=("value", lambda values: values.std(ddof=0)),
            n=("value", "size"),
            seconds=("spent", "mean"),
        )
        .reset_index()
    )
    chosen = [_largest(group) for _, group in points.groupby(PANEL, dropna=False)]
    kept = [group for group in chosen if len(group) > 1]
    return (pd.concat(kept) if kept else points[:0]).drop(columns="rest").reset_index(drop=True)


def _value(setting: Any) -> Any:
    """Return *setting* as a table takes it: a list, such as widths of layers, as text."""
    return json.dumps(setting) if isinstance(setting, list | dict) else setting


def _without(values: Mapping[str, Any], free: Sequence[str]) -> str:
    return json.dumps({name: value for name, value in values.items() if name not in free}, sort_keys=True)


def _largest(points: pd.DataFrame) -> pd.DataFrame:
    return max((group for _, group in points.groupby("rest")), key=lambda group: group["setting"].nunique())


def _draw_numbers(panel: Axes, points: pd.DataFrame) -> None:
    """Draw accuracy on the left axis and time on the right one, each axis in the colour of its line."""
    points = points.sort_values("setting")
    values = points["setting"].tolist()
    panel.errorbar(values, points["mean"], points["std"], color=_ACCURACY, marker="o", elinewidth=0.6)
    panel.yaxis.label.set_color(_ACCURACY)
    time = panel.twinx()
    time.plot(values, points["seconds"], color=_TIME, marker="s", linestyle="dashed")
    time.set_ylim(0, 1.1 * points["seconds"].max())
    time.set_ylabel("seconds of condensing", color=_TIME)
    time.grid(visible=False)
    time.spines["right"].set_visible(True)
    if min(values) > 0:
        panel.set_xscale("log")
    panel.xaxis.set_major_locator(FixedLocator(values))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))


def _draw_bars(panel: Axes, points: pd.DataFrame, along: Sequence[str]) -> float:
    """Draw a bar for each of *points*; return the inches that their names take below, if they have to stand upright."""
    names = [[str(row["setting"]), *(f"{name} {row[name]}" for name in along)] for row in points.to_dict("records")]
    bars = panel.bar(
        range(len(names)), points["mean"], yerr=points["std"], color=_ACCURACY, width=0.6, ecolor="#444444"
    )
    panel.bar_label(bars, [f"{mean:.1f}" for mean in points["mean"]], padding=2)
    panel.margins(y=0.12)
    if len(names) * max(len(line) for lines in names for line in lines) * CHARACTER < _ROOM * COLUMN:
        panel.set_xticks(range(len(names)), ["\n".join(lines) for lines in names])
        return 0.0
    upright = [", ".join(lines) for lines in names]
    panel.set_xticks(range(len(names)), upright, rotation=90)
    return max(map(len, upright)) * CHARACTER


def _advice(method: str, setting: str, along: Sequence[str]) -> str:
    others = f" (and {', '.join(along)})" if along else ""
    return (
        f"no two cells of {method} differ in {setting}{others} alone; "
        f"'dcbench run --methods {method},'{method}[{setting}=...]'' makes another"
    )
