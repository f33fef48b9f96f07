"""One way to write and to read HDF5: checksummed, stamped with kind and format, and honest about damage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dcbench.api.errors import DcbenchError, UnsupportedFormatError
from dcbench.engine.store.atomic import replacing

FORMAT = 1
"""Raise it when older readers would misread a file."""

_CHECKSUM = "dcbench_checksum"  # of the attributes: HDF5 has checksums for arrays and headers, but not for texts
_LIBVER = ("v108", "v112")  # object headers with checksums, readable by every HDF5 since 1.12


class CorruptFileError(DcbenchError):
    """A result file does not open, or what it holds fails its checksum."""

    def __init__(self, path: Path, reason: object) -> None:
        """Name the file and what the reader said."""
        super().__init__(f"{path} is damaged: {reason}")
        self.path = path


@contextmanager
def writing(path: Path, kind: str) -> Iterator[h5py.File]:
    """Yield a new file of *kind* that appears at *path*, whole and durable, when the block ends well."""
    with replacing(path) as temporary, h5py.File(temporary, "w", libver=_LIBVER) as file:
        file.attrs["dcbench_kind"] = kind
        file.attrs["dcbench_format"] = FORMAT
        file.attrs["dcbench_version"] = version("dcbench")
        yield file
        file.attrs[_CHECKSUM] = _checksum(_all_facts(file))


@contextmanager
def reading(path: Path, kind: str) -> Iterator[h5py.File]:
    """Yield the file of *kind* at *path*, open for reading.

    Raises:
        CorruptFileError: it does not open, or something read in the block is damaged or missing.
        UnsupportedFormatError: another version of dcbench wrote it in a format this one does not know.
        FileNotFoundError: there is no such file.
    """
    try:
        with h5py.File(path, "r") as file:
            _check(file, path, kind)
            yield file
    except FileNotFoundError:
        raise
    except (OSError, LookupError, RuntimeError, TypeError, ValueError) as error:  # whatever h5py makes of the damage
        raise CorruptFileError(path, " ".join(str(error).split())) from error


def _check(file: h5py.File, path: Path, kind: str) -> None:
    if file.attrs["dcbench_format"] != FORMAT:
        raise UnsupportedFormatError(
            f"{path} has format {file.attrs['dcbench_format']}, written by dcbench {file.attrs['dcbench_version']}; "
            f"this is dcbench {version('dcbench')}, which reads format {FORMAT}"
        )
    if file.attrs["dcbench_kind"] != kind:
        raise CorruptFileError(path, f"it holds {file.attrs['dcbench_kind']!r} where {kind!r} is expected")


def put_array(group: h5py.Group, name: str, values: Any) -> None:
    """Store *values* as a dataset: chunked, compressed and checksummed where it has a length; texts as they are."""
    array = np.asarray(values)
    if array.dtype.kind in "OU":
        group.create_dataset(name, data=array.astype(object), dtype=h5py.string_dtype())
    elif array.ndim == 0 or array.size == 0:
        group.create_dataset(name, data=array)
    else:
        group.create_dataset(
            name, data=array, chunks=True, compression="gzip", compression_opts=1, shuffle=True, fletcher32=True
        )


def put_facts(group: h5py.Group, facts: Mapping[str, Any]) -> None:
    """Store *facts* as attributes: texts and numbers as they are, anything else as JSON."""
    for name, value in facts.items():
        plain = isinstance(value, str | int | float)
        group.attrs[name] = value if plain else json.dumps(value)


def get_fact(group: h5py.Group, name: str) -> Any:
    """Return a text or number stored by `put_facts` as a Python value."""
    return _plain(group.attrs[name])


def get_facts(file: h5py.File) -> dict[str, Any]:
    """Return every text and number stored by `put_facts`, by name.

    Raises:
        ValueError: they are not those that were written.
    """
    facts = _all_facts(file)
    expected = facts.pop(_CHECKSUM, None)
    if expected is not None and expected != _checksum(facts):
        raise ValueError("its attributes fail their checksum")
    return facts


def _all_facts(file: h5py.File) -> dict[str, Any]:
    attributes = file.attrs  # made anew by h5py at every mention
    return {name: _plain(attributes[name]) for name in attributes}


def _checksum(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=repr).encode()).hexdigest()


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def set_aside(path: Path) -> Path:
    """Rename a damaged file so that it counts as missing, and return its new path."""
    aside = path.with_name(f"{path.name}.corrupt")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.{number}.corrupt")
    path.rename(aside)
    return aside
