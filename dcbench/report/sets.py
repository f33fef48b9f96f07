"""The condensed sets of a store as one DataFrame: a row for each, without its images."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from dcbench.engine.cells import ABOUT
from dcbench.engine.store.about import read_about
from dcbench.engine.store.hdf5 import UnreadableFileError
from dcbench.engine.store.layout import Layout

_FACTS = [*ABOUT, "settings", "seconds", "device", "finished", "numbers", "versions", "runtime", "origin"]

COLUMNS = [*_FACTS, "snapshots", "file"]
"""Columns of the frame.

``settings``, ``versions`` and ``runtime`` are dicts; ``origin`` is where an imported set is from; ``seconds`` were
spent condensing, breaks aside; ``numbers`` counts pixels and soft labels; ``snapshots`` is a dict from the step of each
snapshot to the seconds after which it was taken, None where an older file does not say.
"""


def sets(results: Path | str = "results") -> pd.DataFrame:
    """Return every condensed set in the folder *results*, one row each, with `COLUMNS`.

    A file that is damaged, or cannot be read now, is left out with a warning; damage to images alone goes unnoticed,
    since none is read.
    """
    rows = [row for path in Layout(Path(results)).all_condensed() if (row := _row(path)) is not None]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(path: Path) -> dict[str, Any] | None:
    try:
        facts, snapshots = read_about(path)
    except FileNotFoundError:  # removed since it was listed
        return None
    except UnreadableFileError as error:
        warnings.warn(f"{error}; left out", stacklevel=3)
        return None
    return {name: facts.get(name) for name in _FACTS} | {"snapshots": snapshots, "file": str(path)}
