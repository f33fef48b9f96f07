"""Tensors that jobs share, such as a trained feature network: the first that needs them builds them for its plug-in."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from dcbench.api.errors import DcbenchError
from dcbench.api.folders import holding
from dcbench.api.seeds import derive_seed
from dcbench.engine.identity import Cell, Trial, changed_network, digest_of, other_arithmetic
from dcbench.engine.store.atomic import read_or_set_aside
from dcbench.engine.store.given import as_tensors, shown
from dcbench.engine.store.tensors import hash_tensors, read_tensors, write_tensors

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench.engine.identity import EvaluatorSpec, MethodSpec
    from dcbench.engine.registry import Registry
    from dcbench.engine.store.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Owner:
    """Who builds an artifact, and alone reads it: otherwise the first plug-in would decide what another one gets."""

    package: str
    """The distribution, as the package index spells it. Not a module, which may move."""
    plugin: str
    """The record, or the name that several records of the distribution share artifacts under."""

    @classmethod
    def of(cls, registry: Registry, group: str, name: str) -> Owner:
        """Return the owner of what the plug-in *name* of *group* builds, as the registry has it."""
        found = registry.find(group, name)
        return cls(canonicalize_name(found.source.package), found.record.shares_artifacts_as or name)


class Artifacts:
    """The artifacts of one job: found or built, and remembered with what they add to its provenance and its time."""

    def __init__(self, store: Store, job: Cell | Trial, owner: Owner) -> None:
        """Name artifacts after *owner* and the data that *job* works on: the test split only if it is a trial."""
        spec: MethodSpec | EvaluatorSpec = job.method if isinstance(job, Cell) else job.evaluator
        cell = job if isinstance(job, Cell) else job.cell
        seen: dict[str, Any] = {"dataset": cell.dataset.name, "train": cell.dataset.train, "split": cell.split}
        evaluated = {} if isinstance(job, Cell) else {"test": cell.dataset.test}
        self._made_of = seen | evaluated | changed_network(spec.network_revision) | other_arithmetic(spec)
        self._store, self._dataset, self._owner = store, cell.dataset.name, owner
        self.hashes: dict[str, str] = {}
        """Name of each artifact that was used to its SHA-256."""
        self.seconds: dict[str, float] = {}
        """Name of each artifact that was used to the seconds that building it took, in this job or another."""
        self.away = 0.0
        """Seconds in which this job built artifacts, or waited for those who did."""

    def get(self, key: Mapping[str, Any], build: Callable[[int], Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """See `dcbench.Task.artifact`."""
        begun = time.monotonic()
        digest = self._digest(key)
        name = digest[:16]
        about = asdict(self._owner) | {"digest": digest}
        path = self._store.artifact(self._dataset, f"{self._owner.package}.{self._owner.plugin}.{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with holding(path.with_name(f"{path.name}.lock")):
            made = read_or_set_aside(path, lambda path: read_tensors(path, about))
            if made is None:
                started = time.monotonic()
                # The seed does not depend on the owner: plug-ins that build the same thing get the same tensors.
                tensors = as_tensors(build(derive_seed(purpose="artifact", name=digest)), "an artifact")
                made = tensors, time.monotonic() - started
                try:
                    write_tensors(path, *made, about)
                except OSError as error:  # as on a full disk: this job has what it needs
                    log.warning("an artifact could not be kept, and other jobs build it again: %s", error)
        self.away += time.monotonic() - begun
        tensors, self.seconds[name] = made
        self.hashes[name] = hash_tensors(tensors)
        return tensors

    def _digest(self, key: Mapping[str, Any]) -> str:
        try:
            return digest_of(self._made_of | {"key": dict(key)})
        except (TypeError, ValueError, RecursionError) as error:  # RecursionError: it holds itself, or is very deep
            raise DcbenchError(
                f"artifact: the key {shown(key)} cannot be written as JSON; give a mapping of texts to texts, numbers, "
                "booleans, None, and lists or mappings of these"
            ) from error

    def facts(self) -> dict[str, dict[str, Any]]:
        """Return what a result file holds on them."""
        return {"artifacts": self.hashes, "artifact_seconds": self.seconds}
