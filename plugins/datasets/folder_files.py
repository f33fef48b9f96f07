"""Which files of a class folder are images."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.api.pictures import USUAL_ENDINGS, image_endings, read_formats

if TYPE_CHECKING:
    from collections.abc import Sequence

_LITTER = ("._*", ".DS_Store", ".directory", ".gitignore", ".gitkeep", ".keep", ".nomedia", "Thumbs.db", "desktop.ini")
"""What systems and tools put into every folder. Nothing is said of it."""


@cache
def _sniffed_formats() -> tuple[str, ...]:
    """Return the formats that Pillow tells by the first bytes, so that it takes no text for an image."""
    from PIL import Image

    return tuple(name for name in read_formats() if Image.OPEN[name][1])


def _begins_as_image(path: Path) -> bool:
    from PIL import Image

    try:
        with Image.open(path, formats=_sniffed_formats()):
            return True
    except Exception:  # no image, or none that can be read: it is counted as left out
        return False


def walk(top: Path, label: str, ignored: Sequence[str]) -> tuple[list[tuple[str, int, int]], list[str]]:
    """Return the images in the class folder *label* of *top*, at any depth, and what is left out; unsorted.

    Images are paths below *top*, bytes, and times of the last change in ns. What is left out are paths below *top*, of
    folders with a slash at the end. Hidden files and folders are left out, and so are links to folders, which may lead
    in circles. Of *ignored* (patterns of file names) and of what systems put into every folder nothing is said.

    Raises:
        OSError: a folder cannot be listed, or a link leads nowhere whose name is that of an image.
    """
    images: list[tuple[str, int, int]] = []
    left_out: list[str] = []
    folders = [label]
    while folders:
        folder = folders.pop()
        with os.scandir(top / folder) as scan:
            for entry in scan:
                path = f"{folder}/{entry.name}"
                if _is_image(entry):
                    stat = entry.stat()
                    images.append((path, stat.st_size, stat.st_mtime_ns))
                elif _passed_over(entry.name, ignored):
                    continue
                elif not entry.is_dir():
                    left_out.append(path)
                elif entry.name[0] == "." or entry.is_symlink():
                    left_out.append(f"{path}/")
                else:
                    folders.append(path)
    return images, left_out


def loose(top: Path, ignored: Sequence[str]) -> list[str]:
    """Return what lies in *top* itself and is not read: files, and hidden folders, which end in a slash; sorted."""
    with os.scandir(top) as scan:
        entries = [entry for entry in scan if entry.name[0] == "." or not entry.is_dir()]
        named = {entry.name: f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries}
    return sorted(text for name, text in named.items() if not _passed_over(name, ignored))


def _is_image(entry: os.DirEntry[str]) -> bool:
    """Say whether *entry* is an image: by its ending, in any case, or else by what the file begins with.

    A link that leads nowhere is one if its ending says so: the error that it is broken then names it.
    """
    if entry.name[0] == ".":
        return False
    if entry.name.lower().endswith(USUAL_ENDINGS) or Path(entry.name).suffix.lower() in image_endings():
        return entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists())
    return entry.is_file() and _begins_as_image(Path(entry.path))


def _passed_over(name: str, ignored: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in (*_LITTER, *ignored))
