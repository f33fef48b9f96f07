"""The condensed sets of a store as one DataFrame: a row for each, without its images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from dcbench.engine.cells import ABOUT
from dcbench.engine.store.about import read_about
from dcbench.engine.store.layout import Layout
from dcbench.report.datasets import SPEC, title_datasets
from dcbench.report.frame import IN_FRAMES
from dcbench.report.reading import read_or_warn

_FACTS = [*ABOUT, "settings", "seconds", "device", "finished", "numbers", "versions", "runtime", "origin"]

_DATA, _REVISIONS = ("train", "mean", "std", "mirror_ok"), ("revision", "network_revision")

COLUMNS = [IN_FRAMES.get(name, name) for name in (*_FACTS, "conditions", "snapshots", "file")]
"""Columns of the frame.

``settings``, ``versions`` and ``runtime`` are dicts, and so is ``conditions``: all that a set depends on but method,
settings, IPC and replicate, which is the data, by fingerprint and statistics, and the revisions of method and network;
``origin`` is where an imported set is from; ``seconds`` were spent condensing, breaks aside; ``numbers`` counts pixels
and soft labels; ``snapshots`` is a dict from the step of each snapshot to the seconds after which it was taken, None
where an older file does not say.
"""


def sets(results: Path | str = "results") -> pd.DataFrame:
    """Return every condensed set in the folder *results*, one row each, with `COLUMNS`.

    A file that is damaged, or cannot be read now, is left out with a warning; damage to images alone goes unnoticed,
    since none is read.
    """
    rows = [row for path in Layout(Path(results)).all_condensed() if (row := read_or_warn(_row, path)) is not None]
    return pd.DataFrame(title_datasets(rows), columns=[*_FACTS, "conditions", "snapshots", "file"]).rename(
        columns=IN_FRAMES
    )


def _row(path: Path) -> dict[str, Any]:
    facts, snapshots = read_about(path)
    dataset, method = facts["cell"]["dataset"], facts["cell"]["method"]
    conditions = {name: dataset[name] for name in _DATA} | {name: method.get(name, 1) for name in _REVISIONS}
    found = {SPEC: dataset, "conditions": conditions, "snapshots": snapshots, "file": str(path)}
    return {name: facts.get(name) for name in _FACTS} | found
