"""Named tensors and numbers in HDF5: artifacts, and the state in checkpoints. Nothing is ever pickled."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from dcbench.engine.store.hdf5 import (
    CorruptFileError,
    get_array,
    get_facts,
    get_number,
    put_array,
    put_facts,
    reading,
    writing,
)

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
