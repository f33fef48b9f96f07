"""The commands that make the numbers of a page again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

import pandas as pd

from dcbench.report.plugins import USUAL_EVALUATOR
from dcbench.report.summary import entries

_OPTIONS = {
    "method_choice": "--methods",
    "dataset_choice": "--datasets",
    "ipc": "--ipc",
    "replicate": "--seeds",
    "protocol": "--protocol",
    "network": "--networks",
    "evaluator_label": "--evaluators",
    "split": "--split",
    "precision": "--precision",
    "repeats": "--repeats",
    "snapshots": "--snapshots",
}
"""Columns and the options that choose their values."""

_COUNTED = ("repeats", "snapshots")
_DEFAULT = {
    "evaluator_label": frozenset([USUAL_EVALUATOR]),
    "split": frozenset(["test"]),
    "precision": frozenset(["float32"]),
    "snapshots": frozenset(["False"]),
}

_Grid = dict[str, frozenset[str]]


def commands(frame: pd.DataFrame) -> list[str]:
    """Return as few ``dcbench run`` commands as make every number of *frame*, and no other."""
    numbers = frame.assign(repeats=frame["repeat"] + 1, snapshots=frame["step"].notna())
    places = [name for name in _OPTIONS if name not in _COUNTED]
    numbers = numbers.groupby(places, dropna=False)[list(_COUNTED)].max().reset_index()
    grids = [{name: frozenset([str(row[name])]) for name in _OPTIONS} for row in entries(numbers)]
    for name in ("replicate", "ipc", "method_choice", "network", "protocol", "dataset_choice", "evaluator_label"):
        grids = list(_merged(grids, name))
    return [_command(grid) for grid in grids]


def _merged(grids: Iterable[_Grid], name: str) -> Iterator[_Grid]:
    """Yield *grids* with those that agree in everything but *name* made one."""
    groups: dict[tuple[frozenset[str], ...], set[str]] = {}
    for grid in grids:
        rest = tuple(values for other, values in grid.items() if other != name)
        groups.setdefault(rest, set()).update(grid[name])
    others = [other for other in _OPTIONS if other != name]
    for rest, values in groups.items():
        merged = dict(zip(others, rest, strict=True)) | {name: frozenset(values)}
        yield {option: merged[option] for option in _OPTIONS}


def _command(grid: _Grid) -> str:
    words = ["dcbench", "run"]
    for name, option in _OPTIONS.items():
        values = sorted(grid[name] - {""}, key=lambda value: (int(value), "") if value.isdecimal() else (0, value))
        if values and grid[name] != _DEFAULT.get(name):
            words += [option] if name == "snapshots" else [option, ",".join(values)]
    return shlex.join(words)
