"""Tensors that jobs share, such as a trained feature network: built by whoever needs them first, kept in the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from dcbench.api.seeds import derive_seed
from dcbench.engine.cells import Cell, Trial, changed_network, digest_of
from dcbench.engine.store.hdf5 import CorruptFileError, set_aside
from dcbench.engine.store.tensors import hash_tensors, read_tensors, write_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from dcbench.engine.store.layout import Layout


class Artifacts:
    """The artifacts of one job: found or built, and remembered with what they add to its provenance and its time."""

    def __init__(self, layout: Layout, job: Cell | Trial) -> None:
        """Name artifacts after the data that *job* works on: a trial knows the test split too, a cell does not."""
        cell, network_revision = (
            (job, job.method.network_revision) if isinstance(job, Cell) else (job.cell, job.evaluator.network_revision)
        )
        seen = {"dataset": cell.dataset.name, "train": cell.dataset.train, "split": cell.split}
        evaluated = {} if isinstance(job, Cell) else {"test": cell.dataset.test}
        self._made_of = seen | evaluated | changed_network(network_revision)
        self._layout, self._dataset = layout, cell.dataset.name
        self.hashes: dict[str, str] = {}
        """Name of each artifact that was used to its SHA-256."""
        self.seconds: dict[str, float] = {}
        """Name of each artifact that was used to the seconds that building it took, whoever built it."""
        self.away = 0.0
        """Seconds in which this job built artifacts, or waited for those who did."""

    def get(self, key: Mapping[str, Any], build: Callable[[int], Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """See `dcbench.Task.artifact`."""
        begun = time.monotonic()
        digest = digest_of(self._made_of | {"key": dict(key)})
        name = digest[:16]
        path = self._layout.artifact(self._dataset, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            made = _read(path)
            if made is None:
                started = time.monotonic()
                tensors = dict(build(derive_seed(purpose="artifact", name=digest)))
                made = tensors, time.monotonic() - started
                write_tensors(path, *made)
        self.away += time.monotonic() - begun
        tensors, self.seconds[name] = made
        self.hashes[name] = hash_tensors(tensors)
        return tensors

    def facts(self) -> dict[str, dict[str, Any]]:
        """Return what a result file says of them."""
        return {"artifacts": self.hashes, "artifact_seconds": self.seconds}


def _read(path: Path) -> tuple[dict[str, Tensor], float] | None:
    try:
        return read_tensors(path)
    except FileNotFoundError:
        return None
    except CorruptFileError:
        set_aside(path)
        return None
