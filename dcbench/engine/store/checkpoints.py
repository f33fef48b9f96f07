"""Checkpoints in HDF5: all that a condensing job resumes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py

from dcbench.api.condensed import CondensedSet
from dcbench.engine.store.about import get_snapshot_seconds
from dcbench.engine.store.hdf5 import get_facts, get_number, put_facts, reading, writing
from dcbench.engine.store.sets import Trace, get_snapshots, get_trace, put_snapshots, put_trace
from dcbench.engine.store.tensors import get_state, put_state

_SECONDS, _ARTIFACTS, _STRETCHES = "seconds", "artifacts", "stretches"  # an attribute and groups; older files lack some


@dataclass(frozen=True)
class Checkpoint:
    """A condensing job as far as it has come."""

    state: Mapping[str, Any]
    """What its method gave, as `given.as_state` makes it: tensors, numbers and texts."""
    seconds: float = 0.0
    """Seconds that were spent until then, without those of artifacts; 0 if an older file does not say."""
    trace: Trace = field(default_factory=dict)
    snapshots: Mapping[int, CondensedSet] = field(default_factory=dict)
    snapshot_seconds: Mapping[int, float] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)
    """Name of each artifact that was used to its SHA-256."""
    artifact_seconds: Mapping[str, float] = field(default_factory=dict)
    """Name of each artifact that was used to the seconds that building it took."""
    stretches: Sequence[Mapping[str, Any]] = ()
    """How each stretch ran, JSON values; nothing if an older file does not say."""


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write *checkpoint* to *path*, whole or not at all.

    Raises:
        OSError: it cannot be written, as on a full disk.
    """
    with writing(path, "checkpoint") as file:
        put_state(file.create_group("state"), checkpoint.state)
        put_trace(file.create_group("trace"), checkpoint.trace)
        put_snapshots(file.create_group("snapshots"), checkpoint.snapshots, checkpoint.snapshot_seconds)
        used = {"hashes": checkpoint.artifacts, "seconds": checkpoint.artifact_seconds}
        put_facts(file.create_group(_ARTIFACTS), used)
        put_facts(file.create_group(_STRETCHES), {_STRETCHES: [dict(each) for each in checkpoint.stretches]})
        file.attrs[_SECONDS] = checkpoint.seconds


def read_checkpoint(path: Path) -> Checkpoint:
    """Read everything from *path*, which checks every checksum.

    Raises:
        CorruptFileError, UnreadableFileError, UnsupportedFormatError, FileNotFoundError: see `reading`.
    """
    with reading(path, "checkpoint") as file:
        used = get_facts(file[_ARTIFACTS]) if _ARTIFACTS in file else {"hashes": {}, "seconds": {}}
        return Checkpoint(
            get_state(file["state"]),
            float(get_number(file, _SECONDS) if _SECONDS in file.attrs else 0.0),
            get_trace(file["trace"]),
            get_snapshots(file["snapshots"]),
            get_snapshot_seconds(file["snapshots"]),
            dict(used["hashes"]),
            dict(used["seconds"]),
            _stretches(file),
        )


def read_stretches(path: Path) -> tuple[dict[str, Any], ...]:
    """Return how each stretch of the checkpoint at *path* ran; nothing else is read.

    Raises:
        CorruptFileError, UnreadableFileError, UnsupportedFormatError, FileNotFoundError: see `reading`.
    """
    with reading(path, "checkpoint") as file:
        return _stretches(file)


def _stretches(file: h5py.File) -> tuple[dict[str, Any], ...]:
    return tuple(map(dict, get_facts(file[_STRETCHES])[_STRETCHES])) if _STRETCHES in file else ()
