"""Named tensors and numbers in HDF5: artifacts that jobs share, and checkpoints. Nothing is ever pickled."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from dcbench.api.condensed import CondensedSet
from dcbench.engine.store.facts import get_snapshot_seconds
from dcbench.engine.store.guards import CorruptFileError
from dcbench.engine.store.hdf5 import get_array, get_facts, get_number, put_array, put_facts, reading, writing
from dcbench.engine.store.sets import Trace, get_snapshots, get_trace, put_snapshots, put_trace

_SECONDS = "seconds"  # an attribute; older files have none


def put_state(group: h5py.Group, state: Mapping[str, Any]) -> None:
    """Store tensors as datasets, and numbers and texts as facts, each as `given.as_state` makes it."""
    put_facts(group, {name: value for name, value in state.items() if not isinstance(value, torch.Tensor)})
    for name, value in state.items():
        if isinstance(value, torch.Tensor):
            put_array(group, name, value.numpy())


def get_state(group: h5py.Group) -> dict[str, Any]:
    """Return what `put_state` stored: tensors on the CPU, numbers and texts."""
    arrays = {name: torch.from_numpy(np.asarray(get_array(group, name))) for name in group}
    return get_facts(group) | arrays


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], seconds: float, about: Mapping[str, str]) -> None:
    """Write named *tensors*, as `given.as_tensors` makes them, to *path*, whole or not at all.

    Args:
        path: the file to write.
        tensors: the tensors by name.
        seconds: how long making them took.
        about: its facts.
    """
    with writing(path, "tensors") as file:
        put_state(file.create_group("state"), tensors)
        file.attrs[_SECONDS] = seconds
        put_facts(file, about)


def read_tensors(path: Path, about: Mapping[str, str]) -> tuple[dict[str, torch.Tensor], float]:
    """Return the tensors at *path*, on the CPU, and the seconds that making them took, 0 if the file does not say.

    Raises:
        CorruptFileError: see `reading`; or the facts are not *about*: it was copied or renamed from another.
        UnsupportedFormatError, FileNotFoundError: see `reading`.
    """
    with reading(path, "tensors") as file:
        found = get_facts(file)
        if found != dict(about):
            raise CorruptFileError(path, f"it holds {found}, not {dict(about)}")
        return get_state(file["state"]), float(get_number(file, _SECONDS) if _SECONDS in file.attrs else 0.0)


def hash_tensors(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the SHA-256 of names, shapes and values."""
    value = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        value.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        value.update(tensor.detach().cpu().contiguous().numpy().data)
    return value.hexdigest()


_ARTIFACTS, _STRETCHES = "artifacts", "stretches"  # groups that older files lack


def hash_set(condensed: CondensedSet) -> str:
    """Return the SHA-256 of what *condensed* holds: labels, images or positions, and how they are decoded."""
    tensors = {"labels": condensed.labels, "images": condensed.images, "source_indices": condensed.source_indices}
    held = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    return hash_tensors(held | {"factor": torch.tensor(condensed.decoder.factor)})


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
