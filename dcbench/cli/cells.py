"""Finding the cells that a user means: by digest, by the head of one, or by file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.api.errors import RequestError
from dcbench.report.reading import check_folder

if TYPE_CHECKING:
    from dcbench.engine.store.layout import Layout

_STEM = re.compile(r"s\d+-[0-9a-f]{12}")


def find_stem(layout: Layout, text: str) -> Path:
    """Return what the names of the files of one cell begin with: ``.../s0-0123456789ab``.

    Raises:
        RequestError: no cell matches *text*, or more than one, or there is no such folder or file.
    """
    if "/" in text or text.endswith(".h5"):
        return _stem_of_file(Path(text))
    head = text[:12]
    found = [
        stem for stem in files_by_stem(layout) if stem.name.partition("-")[2].startswith(head) or stem.name == text
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise RequestError(f"no cell in {layout.root} has a digest that begins with {text!r}; 'dcbench show' lists all")
    raise RequestError(
        f"{text!r} fits {len(found)} cells: {', '.join(stem.name for stem in found[:5])}; write more of the digest"
    )


def files_by_stem(layout: Layout) -> dict[Path, list[Path]]:
    """Return what the names of the files of each cell begin with, and these files: its set, if there is one, first.

    Raises:
        RequestError: there is no such folder.
    """
    check_folder(layout.root)
    found: dict[Path, list[Path]] = {}
    for path in (*layout.all_condensed(), *layout.all_parts(), *layout.all_evaluations(), *layout.all_failures()):
        found.setdefault(_stem(path), []).append(path)
    return dict(sorted(found.items()))


def condensed_file(stem: Path) -> Path:
    """Return the condensed set of the cell whose files have names that begin with *stem*.

    Raises:
        RequestError: the cell has none.
    """
    path = stem.with_name(f"{stem.name}.condensed.h5")
    if not path.exists():
        raise RequestError(f"{stem.name} has no condensed set; 'dcbench show {stem.name}' says why")
    return path


def _stem_of_file(path: Path) -> Path:
    if not path.exists():
        raise RequestError(f"there is no file {path}")
    stem = _stem(path)
    if not _STEM.fullmatch(stem.name):
        raise RequestError(f"{path} is no file of a cell; their names begin as s0-0123456789ab does")
    return stem


def _stem(path: Path) -> Path:
    return path.with_name(path.name.partition(".")[0])
