"""The style of all figures: small type that is readable in a column of 90 mm, few lines, equal bytes each time."""

from __future__ import annotations

import hashlib
import io
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from dcbench.api.errors import RequestError
from dcbench.api.texts import printable
from dcbench.engine.store.delivering import delivering
from dcbench.report.plugins import colours, name_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMN = 3.54
"""Width of a printed column in inches, 90 mm."""

SIZE = 7.0
"""Size of all text in points."""

CHARACTER = 0.58 * SIZE / 72
"""Mean width of a character in inches."""

LINE = 1.35 * SIZE / 72
"""Height of a line of text in inches."""

PANELS_A_ROW = 2
"""Most panels side by side."""

_HANDLE = 0.42  # inches that the line in front of an entry of a legend takes
_HEIGHT = 2.2  # of a panel in inches

_RC: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": SIZE,
    "axes.titlesize": SIZE,
    "axes.labelsize": SIZE,
    "xtick.labelsize": SIZE,
    "ytick.labelsize": SIZE,
    "legend.fontsize": SIZE,
    "figure.titlesize": SIZE,
    "text.parse_math": False,  # a dollar in a name is printed as one
    "text.usetex": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.0,
    "legend.frameon": False,
    "savefig.dpi": 200,
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,
    "svg.hashsalt": "dcbench",
}

_UNDATED: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}

# Okabe and Ito, Color Universal Design, without the yellow, which is faint on white paper.
_BLACK, _ORANGE, _SKY, _GREEN, _BLUE, _RED, _PURPLE, _GREY = (
    "#000000", "#e69f00", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#cc79a7", "#888888",
)  # fmt: skip
_COLOURS = (_PURPLE, _BLUE, _GREEN, _RED, _SKY, _ORANGE, _GREY, _BLACK)
_LINES = ("solid", "dashed", "dotted", "dashdot")
_MARKERS = {"solid": "o", "dashed": "s", "dotted": "^", "dashdot": "D"}


@dataclass(frozen=True)
class Look:
    """How the line or bar of one label is drawn."""

    colour: str
    line: str = "solid"

    def of_line(self) -> dict[str, Any]:
        """Return the arguments that draw a line like this."""
        return {"color": self.colour, "linestyle": self.line, "marker": _MARKERS[self.line]}


def looks(labels: Iterable[str]) -> dict[str, Look]:
    """Return a look for each label, no two alike up to 32.

    A method whose record names a colour has that one, and its variants, such as ``m3d[factor=1]``, have other kinds of
    line in it. Any other label begins its search for a free look at a colour that depends on nothing but the label, so
    it is drawn alike in most figures.
    """
    found: dict[str, Look] = {}
    fixed = colours()
    for label in sorted(set(labels), key=lambda label: (label not in fixed, name_of(label) not in fixed, label)):
        wanted = _wanted(label, fixed.get(name_of(label), ""))
        found[label] = next((look for look in wanted if look not in found.values()), wanted[0])
    return found


def _wanted(label: str, own: str) -> list[Look]:
    """Return all looks in the order of preference of *label*: those in its *own* colour first, if it has one."""
    start = int.from_bytes(hashlib.sha256(label.encode()).digest()[:4], "big") % len(_COLOURS)
    others = [Look(colour, line) for line, colour in product(_LINES, _COLOURS[start:] + _COLOURS[:start])]
    return [*(Look(own, line) for line in _LINES if own), *others]


styled = rc_context(_RC)
"""Decorator of a function that draws."""


def panels(count: int, title: str) -> tuple[Figure, list[Axes]]:
    """Return a figure with *count* axes, at most `PANELS_A_ROW` side by side, each a column wide.

    Args:
        count: how many axes, at least one.
        title: over the figure; long ones are broken.
    """
    columns = min(count, PANELS_A_ROW)
    rows = -(-count // columns)
    width = COLUMN * columns
    title = wrapped(title, width)
    figure = Figure((width, _HEIGHT * rows + LINE * (title.count("\n") + 2)), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
    for spare in axes[count:]:
        spare.remove()
    return figure, axes[:count]


def add_legend(figure: Figure, axes: Iterable[Axes]) -> None:
    """Put one legend for all *axes* below the figure, which grows by it, in as many columns as its width holds."""
    entries = {
        label: handle for panel in axes for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    if entries:
        labels = sorted(entries)
        longest = max(map(len, labels)) * CHARACTER + _HANDLE
        columns = max(1, min(len(labels), int(figure.get_figwidth() / longest)))
        handles = [entries[label] for label in labels]
        legend = figure.legend(handles, labels, loc="outside lower center", ncols=columns)
        figure.set_figheight(figure.get_figheight() + legend.get_window_extent().height / figure.dpi)


def wrapped(text: str, width: float) -> str:
    """Return *text* broken into lines that fit into *width* inches."""
    return textwrap.fill(text, max(12, int(width / CHARACTER)))


def shortened(text: str, most: int) -> str:
    """Return *text*, cut to *most* characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def format_of(path: Path) -> str:
    """Return how a figure is written to *path*: ``svg``, ``png`` or ``pdf``, by its ending.

    Raises:
        RequestError: it has another ending.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in _UNDATED:
        raise RequestError(f"{path}: a figure is written as {', '.join(f'.{known}' for known in _UNDATED)}")
    return form


@styled
def as_svg(figure: Figure) -> bytes:
    """Return *figure* as SVG. Equal figures have equal bytes."""
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata=_UNDATED["svg"])
    return printable(file.getvalue().decode(), lines=True).encode()  # XML has no place for control characters


@styled
def save(figure: Figure, path: Path) -> None:
    """Write *figure* to *path* in the format of its ending; see `format_of`. Equal figures have equal bytes."""
    form = format_of(path)
    with delivering(path) as temporary:
        if form == "svg":
            temporary.write_bytes(as_svg(figure))
        else:
            figure.savefig(temporary, format=form, metadata=_UNDATED[form])
