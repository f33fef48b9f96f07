"""Finding the cell that a user names: by its digest, by the head of one, or by one of its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.api.errors import RequestError
from dcbench.engine.store.names import CellFiles
from dcbench.report.reading import check_folder

if TYPE_CHECKING:
    from dcbench.engine.store.store import Store


def find_cell(store: Store, text: str) -> CellFiles:
    """Return the files of the cell that *text* names.

    Raises:
        RequestError: no cell matches *text*, or more than one, or there is no such folder or file.
    """
    if "/" in text or text.endswith(".h5"):
        return _of_file(Path(text))
    check_folder(store.root)
    head = text[:12]
    found = [files for files in store.by_cell() if files.name.partition("-")[2].startswith(head) or files.name == text]
    if len(found) == 1:
        return found[0]
    if not found:
        raise RequestError(f"no cell in {store.root} has a digest that begins with {text!r}; 'dcbench show' lists all")
    raise RequestError(
        f"{text!r} fits {len(found)} cells: {', '.join(files.name for files in found[:5])}; write more of the digest"
    )


def condensed_file(files: CellFiles) -> Path:
    """Return the condensed set among the *files* of a cell.

    Raises:
        RequestError: the cell has none.
    """
    if not files.condensed.exists():
        raise RequestError(f"{files.name} has no condensed set; 'dcbench show {files.name}' says why")
    return files.condensed


def _of_file(path: Path) -> CellFiles:
    if not path.exists():
        raise RequestError(f"there is no file {path}")
    try:
        return CellFiles.of(path)
    except ValueError as error:
        raise RequestError(str(error)) from error
