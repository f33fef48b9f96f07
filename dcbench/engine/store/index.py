"""The index: one HDF5 file that links to every result. It holds nothing itself and can be made anew at any time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import h5py

from dcbench.engine.store.hdf5 import writing

if TYPE_CHECKING:
    from dcbench.engine.store.layout import Layout


def rebuild_index(layout: Layout) -> None:
    """Write ``index.h5``: an external link, by relative path, to each result file.

    Raises:
        OSError: it cannot be written, as on a full disk.
    """
    with writing(layout.index, "index") as file:
        for path in (*layout.all_condensed(), *layout.all_evaluations()):
            relative = os.path.relpath(path, layout.root)
            file[relative.removesuffix(".h5")] = h5py.ExternalLink(relative, "/")
