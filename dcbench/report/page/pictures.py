"""The figures of a page: whatever there is something to draw of."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dcbench.report.figures.curves import accuracy_over, accuracy_over_ipc
from dcbench.report.figures.places import NothingToDrawError
from dcbench.report.figures.style import as_svg
from dcbench.report.figures.sweeps import sweep

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_MOST_SWEEPS = 12


@dataclass(frozen=True)
class Picture:
    """A figure, as a page holds it."""

    title: str
    """What it shows, in words."""
    source: str
    """The figure as a data URL."""
    width: int
    height: int


def pictures(frame: pd.DataFrame, sets: pd.DataFrame) -> Iterator[Picture]:
    """Yield every figure that *frame* and *sets* have something for."""
    drawings: dict[str, Callable[[], Figure]] = {}
    if frame.groupby("dataset")["ipc"].nunique().gt(1).any():
        drawings["Results over images per class, for each dataset and protocol"] = lambda: accuracy_over_ipc(frame)
    if frame["step"].notna().any():
        drawings["Results over matching steps"] = lambda: accuracy_over(frame, sets, "steps")
        drawings["Results over seconds of condensing"] = lambda: accuracy_over(frame, sets, "seconds")
    for method, setting in _swept(frame):
        title = f"Results of {method} over {setting.replace('_', ' ')}"
        drawings[title] = partial(sweep, frame, sets, method, setting)
    for title, draw in drawings.items():
        try:
            figure = draw()
        except NothingToDrawError:
            continue
        width, height = (round(96 * inches) for inches in figure.get_size_inches())
        source = "data:image/svg+xml;base64," + base64.b64encode(as_svg(figure)).decode()
        yield Picture(title, source, width, height)


def _swept(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Return (method, setting) of each setting that was changed by itself."""
    changed = frame.loc[frame["overrides"].map(len) == 1, ["method", "overrides"]]
    pairs = {(method, next(iter(overrides))) for method, overrides in zip(*map(changed.get, changed), strict=True)}
    return sorted(pairs)[:_MOST_SWEEPS]
