"""Which image files a folder dataset has, without opening one."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from dcbench import MissingDataError
from dcbench_plugins.datasets.files import reason, unreadable
from dcbench_plugins.datasets.folder_files import loose, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True)
class Listing:
    """The image files of one split."""

    folder: Path
    """The folder of the split."""
    classes: tuple[str, ...]
    """Names of the class folders; their order is that of the labels."""
    counts: tuple[int, ...]
    """Images of each class."""
    entries: tuple[tuple[str, int, int], ...]
    """For each image, class by class and sorted: path below `folder`, bytes, time of the last change in ns."""
    left_out: tuple[str, ...] = ()
    """What is not read, sorted: paths below `folder`, those of folders with a slash at the end."""

    def path(self, position: int) -> Path:
        """Return the path of the image at *position*."""
        return self.folder / self.entries[position][0]

    def deeper(self) -> tuple[str, ...]:
        """Return the paths of images that lie deeper below their class folder than others do."""
        places = {entry[0]: entry[0].count("/") for entry in self.entries}
        flat = min(places.values(), default=0)
        return tuple(path for path, depth in places.items() if depth > flat)

    def digest(self, *more: object) -> str:
        """Return 16 hexadecimal digits that change with any file and with *more*, which must be JSON values.

        The folder itself counts too: in two sets of bitmaps all names, sizes and unpacking times may be the same.
        """
        text = json.dumps([str(self.folder.resolve()), self.entries, more])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def list_split(
    name: str, root: Path, parts: Sequence[str], wanted: Sequence[str] | None = None, ignored: Sequence[str] = ()
) -> Listing:
    """List one split of the image folder at *root*: the images in each class folder, at any depth.

    Only files whose ending is not that of an image are opened, as far as Pillow needs to recognise one.

    Args:
        name: of the dataset, for error texts.
        root: the folder that holds the splits.
        parts: names that the folder of the split may have; the first that exists is read.
        wanted: the class folders to read, in this order; all that there are, sorted, if None.
        ignored: patterns of the names of files that lie there and are not images; they do not count as left out.

    Raises:
        MissingDataError: the folder of the split, or a wanted class of it, is not there.
        UnreadableDataError: it has no class folders, or one without images, or one whose name is not UTF-8.
    """
    folder = next((root / part for part in parts if (root / part).is_dir()), None)
    if folder is None:
        places = " or ".join(str(root / part) for part in parts)
        raise MissingDataError(f"{name}: there is no folder {places}; it must hold one folder of images per class")
    try:
        classes = _class_folders(name, folder, wanted)
        found = [walk(folder, label, ignored) for label in classes]
        entries = [sorted(images) for images, _ in found]
        left_out = sorted(path for _, others in found for path in others)
        left_out = [*loose(folder, ignored), *left_out]
    except OSError as error:
        raise unreadable(name, Path(error.filename or folder), error.strerror or reason(error)) from error
    for label, images in zip(classes, entries, strict=True):
        if not images:
            held = [path.removeprefix(f"{label}/") for path in left_out if path.startswith(f"{label}/")]
            raise unreadable(name, folder / label, "no image in it" + (f", only {_few(held)}" if held else ""))
    counts = tuple(map(len, entries))
    return Listing(folder, tuple(classes), counts, tuple(chain.from_iterable(entries)), tuple(left_out))


def unread_folders(root: Path, read: Iterable[str], classes: Sequence[str]) -> list[str]:
    """Return the folders next to the splits, *read*, that hold folders of the same *classes*; sorted."""
    used = set(read)
    with suppress(OSError), os.scandir(root) as scan:
        others = [entry.name for entry in scan if entry.is_dir() and entry.name[0] != "." and entry.name not in used]
        return sorted(name for name in others if any((root / name / label).is_dir() for label in classes))
    return []


def check_same_classes(name: str, train: Listing, test: Listing) -> None:
    """Refuse splits whose class folders differ.

    Raises:
        UnreadableDataError: naming what each of the two lacks.
    """
    for lacking, other in ((test, train), (train, test)):
        absent = sorted(set(other.classes) - set(lacking.classes))
        if absent:
            raise unreadable(name, lacking.folder, f"no class folder {_few(absent)}, which {other.folder} has")


def _class_folders(name: str, folder: Path, wanted: Sequence[str] | None) -> Sequence[str]:
    """Return the class folders to read, in the order of the labels."""
    with os.scandir(folder) as scan:
        present = {entry.name for entry in scan if entry.is_dir() and entry.name[0] != "."}
    if not present:
        raise unreadable(name, folder, "it must hold one folder of images per class, and holds no folder")
    if wanted is None:
        classes = sorted(present)
        _check_text(name, folder, classes)
        return classes
    absent = [label for label in wanted if label not in present]
    if absent:
        raise MissingDataError(f"{name}: {folder} lacks {len(absent)} of {len(wanted)} classes: {', '.join(absent)}")
    return wanted


def _check_text(name: str, folder: Path, labels: Iterable[str]) -> None:
    """Refuse names that no result file could hold."""
    for label in labels:
        try:
            label.encode()
        except UnicodeEncodeError:
            raise unreadable(name, folder, f"the name of its class folder {label!r} is not UTF-8; rename it") from None


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
