"""Condensed images as a grid: a row for each class, next to the images that matching began with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from matplotlib.figure import Figure

from dcbench.report.figures.style import CHARACTER, COLUMN, LINE, shortened, styled, wrapped

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench.api.condensed import CondensedSet
    from dcbench.api.data import ImageSet
    from dcbench.engine.store.sets import StoredSet

MOST_CLASSES = 20
"""Rows of a grid; more than these are left out, with a note."""

MOST_IMAGES = 10
"""Images of a class in each half of a grid."""

_SMALLEST, _LARGEST = 0.17, 0.42  # inches that one image is wide
_LONGEST = 24  # characters of the name of a class


@styled
def condensed_grid(
    record: StoredSet,
    classes: Sequence[str] = (),
    *,
    decoded: bool = False,
    initial: bool = True,
    train: ImageSet | None = None,
) -> Figure:
    """Return the images of a condensed set, a row for each class, in grey unless they have three channels.

    Args:
        record: a set with its snapshots, from `dcbench.engine.store.sets.read_condensed`.
        classes: the name of each class, in the order of the labels; by default those in the record, or numbers where
            it is of an older file that has none.
        decoded: show the images that networks are trained on, not the stored ones.
        initial: show the images of snapshot 0 on the left, if the set has that snapshot.
        train: the training split, for a selection of its images.

    Raises:
        ValueError: the set is a selection, and *train* is missing.
    """
    sets = {"condensed": record.condensed}
    if initial and 0 in record.snapshots:
        sets = {"initial": record.snapshots[0], **sets}
    shown = {name: by_class(condensed, decoded=decoded, train=train) for name, condensed in sets.items()}
    rows = sorted({label for found in shown.values() for label in found})
    classes = classes or record.cell.dataset.class_names or [str(label) for label in range(rows[-1] + 1)]
    held = max(len(images) for found in shown.values() for images in found.values())
    halves = {
        name: mosaic([found.get(label) for label in rows[:MOST_CLASSES]], min(held, MOST_IMAGES))
        for name, found in shown.items()
    }
    names = [classes[label] for label in rows[:MOST_CLASSES]]
    return _draw(_title(record), halves, names, _note(len(rows), held))


def by_class(condensed: CondensedSet, *, decoded: bool, train: ImageSet | None) -> dict[int, Tensor]:
    """Return the images (n, C, H, W) of each class that has some; a soft label counts as its likeliest class."""
    images, labels = condensed.decode(train) if decoded else (condensed.stored_images(train), condensed.labels)
    hard = labels if labels.ndim == 1 else labels.argmax(1)
    return {label: images[hard == label] for label in sorted(set(hard.tolist()))}


def mosaic(rows: Sequence[Tensor | None], columns: int) -> Tensor:
    """Return one picture (C, H, W) of *rows* with at most *columns* images each, white around them."""
    example = next(images for images in rows if images is not None)
    _, channels, size, _ = example.shape
    pitch = size + _gap(size)
    picture = torch.ones(channels, len(rows) * pitch, columns * pitch)
    for row, images in enumerate(rows):
        for column, image in enumerate(images[:columns] if images is not None else ()):
            picture[:, row * pitch : row * pitch + size, column * pitch : column * pitch + size] = image
    return picture.clamp(0, 1)


def rgb(picture: Tensor) -> Tensor:
    """Return *picture* (C, H, W) as red, green and blue (H, W, 3).

    An image without three channels is shown in grey, as the mean of its channels.
    """
    colours = picture if len(picture) == 3 else picture.mean(0, keepdim=True).expand(3, -1, -1)
    return colours.permute(1, 2, 0)


def _gap(size: int) -> int:
    """Return the pixels between two images of *size* pixels."""
    return max(1, size // 16)


def _draw(title: str, halves: dict[str, Tensor], names: Sequence[str], note: str) -> Figure:
    picture, centres = _side_by_side(list(halves.values()), len(names))
    pitch = picture.shape[0] / len(names)
    shown = [shortened(name, _LONGEST) for name in names]
    margin = 0.2 + CHARACTER * max(map(len, shown))
    side = min(_LARGEST, max(_SMALLEST, (COLUMN - margin) * pitch / picture.shape[1]))
    width = max(COLUMN, margin + side * picture.shape[1] / pitch)
    title = wrapped(title, width)
    figure = Figure((width, side * len(names) + 0.5 + LINE * title.count("\n")), layout="constrained")
    figure.suptitle(title)
    axes = figure.add_subplot()
    axes.imshow(picture.numpy())
    axes.spines[:].set_visible(False)
    axes.grid(visible=False)
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    axes.set_xticks(centres, list(halves))
    axes.set_yticks([pitch * (row + 0.5) for row in range(len(names))], shown)
    axes.set_xlabel(note)
    return figure


def _side_by_side(halves: Sequence[Tensor], rows: int) -> tuple[Tensor, list[float]]:
    """Return *halves* in one picture (H, W, 3), half an image apart, and where the middle of each is."""
    channels, height, width = halves[0].shape
    space = torch.ones(channels, height, height // (2 * rows))
    pieces = [piece for half in halves for piece in (half, space)][:-1]
    picture = rgb(torch.cat(pieces, 2))
    return picture, [width / 2 + place * (width + space.shape[2]) for place in range(len(halves))]


def _title(record: StoredSet) -> str:
    cell = record.cell
    return f"{cell.method.label} · {cell.dataset.title} · IPC {cell.ipc} · replicate {cell.replicate}"


def _note(classes: int, images: int) -> str:
    shown = [
        f"the first {most} of {count} {what}"
        for count, most, what in ((classes, MOST_CLASSES, "classes"), (images, MOST_IMAGES, "images of each class"))
        if count > most
    ]
    return ", ".join(shown)
