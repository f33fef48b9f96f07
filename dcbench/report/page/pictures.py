"""The pictures of a page: figures, and condensed images within a budget."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image

from dcbench.api.errors import DcbenchError
from dcbench.engine.store.sets import read_condensed
from dcbench.report.figures.curves import accuracy_over, accuracy_over_ipc
from dcbench.report.figures.images import by_class, mosaic, rgb
from dcbench.report.figures.panels import NothingToDrawError
from dcbench.report.figures.style import as_svg
from dcbench.report.figures.sweeps import sweep

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from torch import Tensor

    from dcbench.api.data import ImageSet
    from dcbench.engine.identity import Cell
    from dcbench.engine.store.sets import StoredSet


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
    """Yield every figure that *frame* and *sets* have data for."""
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


BUDGET = 12 * 2**20
"""Bytes that all pictures of a page may take together, as text."""

_MOST_CLASSES, _MOST_IMAGES, _WIDEST = 10, 10, 64
_ENLARGED = 24  # images of fewer pixels are shown twice as large

SourceImages = Callable[["StoredSet"], "ImageSet | None"]
"""Returns the training split that a set selects its images from. Raises `DcbenchError` if it is not found."""


@dataclass(frozen=True)
class Sheet:
    """The picture of one condensed set."""

    title: str
    alt: str
    """A description of the picture."""
    source: str = ""
    """The picture as a data URL; empty if there is none."""
    width: int = 0
    height: int = 0
    note: str = ""
    """What is left out, or the reason if there is no picture."""


def sheet(path: Path, bytes_allowed: int, source_images: SourceImages) -> Sheet:
    """Return the picture of the condensed set at *path*, a row for each class.

    Fewer images of each class are shown, and smaller ones, until it takes no more than *bytes_allowed* as text.
    """
    record = read_condensed(path)
    cell = record.cell
    split = "" if cell.split == "test" else f" · {cell.split} split"
    title = f"{cell.dataset.title} · IPC {cell.ipc} · {cell.method.label} · replicate {cell.replicate}{split}"
    try:
        train = source_images(record)
    except DcbenchError as error:
        return Sheet(title, "", note=f"no picture: {error}")
    classes = by_class(record.condensed, decoded=False, train=train)
    shown = {label: classes[label] for label in list(classes)[:_MOST_CLASSES]}
    held = max(map(len, shown.values()))
    columns = min(_MOST_IMAGES, held)
    while columns > 0:
        source, size = _encoded(list(shown.values()), columns)
        if len(source) <= bytes_allowed:
            names = [_name(cell, label) for label in shown]
            alt = f"{columns} condensed images of each of the classes {', '.join(names)}"
            return Sheet(title, alt, source, *size, note=_note(len(classes), len(shown), held, columns))
        columns = min(columns - 1, columns * bytes_allowed // len(source))
    return Sheet(title, "", note=f"left out to keep the page small: dcbench show {cell.digest[:12]} --image FILE.png")


def _name(cell: Cell, label: int) -> str:
    names = cell.dataset.class_names
    return names[label] if 0 <= label < len(names) else str(label)


def _note(classes: int, shown_classes: int, images: int, shown_images: int) -> str:
    parts = []
    if shown_classes < classes:
        parts.append(f"{shown_classes} of {classes} classes")
    if shown_images < images:
        parts.append(f"{shown_images} of {images} images of each")
    return ", ".join(parts)


def _encoded(rows: list[Tensor], columns: int) -> tuple[str, tuple[int, int]]:
    """Return the picture of *rows* as a data URL, and the width and height it is to be shown in.

    With one image of each class the classes stand side by side: a column of single images would be tall.
    """
    picture = mosaic(rows, columns) if columns > 1 else mosaic([torch.cat([row[:1] for row in rows])], len(rows))
    array = (rgb(picture) * 255).round().byte().numpy()
    image = Image.fromarray(array)
    side = rows[0].shape[-1]
    if side > _WIDEST:
        image = image.resize((image.width * _WIDEST // side, image.height * _WIDEST // side), Image.Resampling.BOX)
    scale = 3 if side < _ENLARGED // 2 else 2 if side < _ENLARGED * 2 else 1
    file = io.BytesIO()
    image.save(file, "WEBP", quality=80, method=2)
    source = "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
    return source, (image.width * scale, image.height * scale)
