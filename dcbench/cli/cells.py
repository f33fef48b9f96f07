"""Finding the cells that a user means: by digest, by the head of one, or by file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.api.errors import RequestError

if TYPE_CHECKING:
    from dcbench.engine.store.layout import Layout


def find_stem(layout: Layout, text: str) -> Path:
    """Return what the names of the files of one cell begin with: ``.../s0-0123456789ab``.

    Raises:
        RequestError: no cell matches *text*, or more than one.
    """
    if Path(text).name.endswith(".h5") and Path(text).exists():
        return _stem(Path(text))
    files = [*layout.all_condensed(), *layout.all_parts(), *layout.all_evaluations(), *layout.all_failures()]
    stems = sorted({_stem(path) for path in files})
    head = text[:12]
    found = [stem for stem in stems if stem.name.partition("-")[2].startswith(head) or stem.name == text]
    if len(found) == 1:
        return found[0]
    if not found:
        raise RequestError(f"no cell in {layout.root} has a digest that begins with {text!r}; 'dcbench show' lists all")
    raise RequestError(
        f"{text!r} fits {len(found)} cells: {', '.join(stem.name for stem in found[:5])}; write more of the digest"
    )


def _stem(path: Path) -> Path:
    return path.with_name(path.name.partition(".")[0])
