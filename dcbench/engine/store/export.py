"""One self-contained file with everything: the results of a folder, copied group by group."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.engine.store.hdf5 import reading, writing

if TYPE_CHECKING:
    from dcbench.engine.store.layout import Layout


def export(layout: Layout, target: Path, stems: Sequence[Path] | None = None) -> int:
    """Copy results into *target* under ``<dataset>/<method>/ipc<k>/<file>``, and return how many files there were.

    Args:
        layout: the results folder.
        target: the file to write; it appears whole or not at all, and not if there is nothing to copy.
        stems: only files whose path begins with one of these and a dot; None means all.

    Raises:
        CorruptFileError, UnsupportedFormatError: a file cannot be read; nothing is written.
    """
    wanted = None if stems is None else {str(stem) for stem in stems}
    found = [("condensed", path) for path in layout.all_condensed()]
    found += [("evaluation", path) for path in layout.all_evaluations()]
    chosen = [
        (kind, path)
        for kind, path in found
        if wanted is None or str(path.with_name(path.name.partition(".")[0])) in wanted
    ]
    if chosen:
        with writing(target, "export") as file:
            for kind, path in chosen:
                with reading(path, kind) as source:
                    file.copy(source, os.path.relpath(path, layout.root).removesuffix(".h5"))
    return len(chosen)
