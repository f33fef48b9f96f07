"""Which image files a folder dataset has, without opening one."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dcbench import MissingDataError
from dcbench_plugins.datasets.places import reason, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


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

    def path(self, position: int) -> Path:
        """Return the path of the image at *position*."""
        return self.folder / self.entries[position][0]

    def digest(self, *more: object) -> str:
        """Return 16 hexadecimal digits that change with any file and with *more*, which must be JSON values.

        The folder itself counts too: in two sets of bitmaps all names, sizes and unpacking times may be the same.
        """
        text = json.dumps([str(self.folder.resolve()), self.entries, more])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def list_split(name: str, root: Path, parts: Sequence[str], wanted: Sequence[str] | None = None) -> Listing:
    """List one split of the image folder at *root*. Hidden files and other endings are passed over.

    Args:
        name: of the dataset, for error texts.
        root: the folder that holds the splits.
        parts: names that the folder of the split may have; the first that exists is read.
        wanted: the class folders to read, in this order; all that there are, sorted, if None.

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
        images = [_images(folder, label) for label in classes]
    except OSError as error:
        raise unreadable(name, Path(error.filename or folder), error.strerror or reason(error)) from error
    for label, found in zip(classes, images, strict=True):
        if not found:
            raise unreadable(name, folder / label, f"no image in it ({', '.join(ENDINGS)})")
    entries = tuple(entry for found in images for entry in found)
    return Listing(folder, tuple(classes), tuple(len(found) for found in images), entries)


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


def _images(folder: Path, label: str) -> list[tuple[str, int, int]]:
    with os.scandir(folder / label) as scan:
        found = [(f"{label}/{entry.name}", entry.stat()) for entry in scan if _is_image(entry)]
    return sorted((path, stat.st_size, stat.st_mtime_ns) for path, stat in found)


def _is_image(entry: os.DirEntry[str]) -> bool:
    if not entry.name.lower().endswith(ENDINGS) or entry.name[0] == ".":
        return False
    return entry.is_file() or (entry.is_symlink() and not entry.is_dir())  # a broken link is told when it is looked at
