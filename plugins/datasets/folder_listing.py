"""Which image files a folder dataset has, without opening one."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcbench import MissingDataError
from dcbench_plugins.datasets.places import unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from dcbench import Split

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
FOLDERS: dict[Split, tuple[str, ...]] = {"train": ("train",), "test": ("test", "val")}


@dataclass(frozen=True)
class Listing:
    """The image files of one split."""

    folder: Path
    """The folder of the split."""
    classes: tuple[str, ...]
    """Names of the class folders, sorted; their order is that of the labels."""
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


def list_split(name: str, root: Path, split: Split) -> Listing:
    """List *split* of the folder dataset at *root*. Hidden files and other endings are passed over.

    Raises:
        MissingDataError: the folder of the split is not there.
        UnreadableDataError: it has no class folders, or one without images.
    """
    folder = next((root / part for part in FOLDERS[split] if (root / part).is_dir()), None)
    if folder is None:
        wanted = " or ".join(str(root / part) for part in FOLDERS[split])
        raise MissingDataError(f"{name}: there is no folder {wanted}; it must hold one folder of images per class")
    try:
        classes = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and entry.name[0] != ".")
        images = [_images(folder, label) for label in classes]
    except OSError as error:
        raise unreadable(name, folder, error) from error
    if not classes:
        raise unreadable(name, folder, "it must hold one folder of images per class, and holds no folder")
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
            few = ", ".join(absent[:5]) + (", ..." if len(absent) > 5 else "")
            raise unreadable(name, lacking.folder, f"no class folder {few}, which {other.folder} has")


def _images(folder: Path, label: str) -> list[tuple[str, int, int]]:
    with os.scandir(folder / label) as scan:
        found = [(f"{label}/{entry.name}", entry.stat()) for entry in scan if _is_image(entry)]
    return sorted((path, stat.st_size, stat.st_mtime_ns) for path, stat in found)


def _is_image(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(ENDINGS) and entry.name[0] != "." and entry.is_file()
