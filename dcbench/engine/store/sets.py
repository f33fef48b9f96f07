"""Condensed sets in HDF5, with their trace, their snapshots and their provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import torch
from pydantic import ValidationError

from dcbench.api.condensed import CondensedSet, Decoder, plain_set
from dcbench.api.distribution import version
from dcbench.api.errors import UnsupportedFormatError
from dcbench.engine.identity import Cell
from dcbench.engine.store.about import FILE_TYPE, SECONDS, get_set_facts, get_snapshot_seconds
from dcbench.engine.store.hdf5 import (
    get_array,
    get_number,
    get_text,
    put_array,
    put_facts,
    put_text,
    reading,
    writing,
)

Trace = Mapping[str, Sequence[tuple[int, float]]]
"""Name of a metric to its (step, value) pairs."""


@dataclass(frozen=True)
class StoredSet:
    """A condensed set as the store keeps it."""

    cell: Cell
    condensed: CondensedSet
    facts: Mapping[str, Any]
    """Provenance: runtime, versions, device, seconds, peak memory, artifacts."""
    trace: Trace = field(default_factory=dict)
    snapshots: Mapping[int, CondensedSet] = field(default_factory=dict)
    """The set as it was after each of these steps."""
    snapshot_seconds: Mapping[int, float] = field(default_factory=dict)
    """Seconds of condensing after which each snapshot was taken; an older file does not say."""


def write_condensed(path: Path, record: StoredSet) -> None:
    """Write *record* to *path*, whole or not at all."""
    with writing(path, FILE_TYPE) as file:
        put_facts(file, record.cell.facts() | dict(record.facts))
        put_set(file, record.condensed)
        put_trace(file.create_group("trace"), record.trace)
        put_snapshots(file.create_group("snapshots"), record.snapshots, record.snapshot_seconds)


def read_condensed(path: Path) -> StoredSet:
    """Read everything from *path*, which checks every checksum.

    Raises:
        CorruptFileError, UnreadableFileError, FileNotFoundError: see `reading`.
        UnsupportedFormatError: another version of dcbench wrote it, in a format or of a cell this one does not know.
    """
    with reading(path, FILE_TYPE) as file:
        facts = get_set_facts(file, path)
        return StoredSet(
            cell=_cell(facts["cell"], file),
            condensed=get_set(file),
            facts=facts,
            trace=get_trace(file["trace"]),
            snapshots=get_snapshots(file["snapshots"]),
            snapshot_seconds=get_snapshot_seconds(file["snapshots"]),
        )


def _cell(said: Mapping[str, Any], file: h5py.File) -> Cell:
    try:
        return Cell.model_validate(said)
    except ValidationError as error:  # facts have a checksum: this is no damage
        first = error.errors()[0]
        raise UnsupportedFormatError(
            f"{file.filename} was written by dcbench {get_text(file, 'dcbench_version')}, whose cells are others than "
            f"those of dcbench {version()}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from error


def put_set(group: h5py.Group, condensed: CondensedSet) -> None:
    """Store a condensed set in *group*, in the types that files promise.

    Raises:
        InvalidCondensedSetError: see `plain_set`.
    """
    condensed = plain_set(condensed, copy=False)
    put_text(group, "decoder", condensed.decoder.name)
    group.attrs["decoder_factor"] = condensed.decoder.factor
    if condensed.unbounded:
        group.attrs["unbounded"] = True
    put_array(group, "labels", condensed.labels.numpy())
    if condensed.images is not None:
        put_array(group, "images", condensed.images.numpy())
    if condensed.source_indices is not None:
        put_array(group, "source_indices", condensed.source_indices.numpy())


def get_set(group: h5py.Group) -> CondensedSet:
    """Return the condensed set in *group*.

    Raises:
        ValueError, TypeError, LookupError: what it holds has not the shape of one.
    """

    def tensor(name: str, *dimensions: int) -> torch.Tensor | None:
        found = torch.from_numpy(get_array(group, name)) if name in group else None
        if found is not None and (found.ndim not in dimensions or not found.numel()):
            raise ValueError(f"{name!r} has shape {tuple(found.shape)}")
        return found

    labels, images, indices = tensor("labels", 1, 2), tensor("images", 4), tensor("source_indices", 1)
    if labels is None or any(held is not None and len(held) != len(labels) for held in (images, indices)):
        raise ValueError("it does not hold a label for each image")
    return CondensedSet(
        labels,
        images,
        indices,
        Decoder(int(get_number(group, "decoder_factor"))),
        unbounded="unbounded" in group.attrs,
    )


def put_trace(group: h5py.Group, trace: Trace) -> None:
    """Store the trace: for each metric an array of steps and one of values."""
    for name, points in trace.items():
        metric = group.create_group(name)
        put_array(metric, "steps", [step for step, _ in points])
        put_array(metric, "values", [value for _, value in points])


def get_trace(group: h5py.Group) -> dict[str, list[tuple[int, float]]]:
    """Return the trace stored by `put_trace`."""
    return {
        name: list(zip(get_array(metric, "steps").tolist(), get_array(metric, "values").tolist(), strict=True))
        for name, metric in group.items()
    }


def put_snapshots(group: h5py.Group, snapshots: Mapping[int, CondensedSet], seconds: Mapping[int, float]) -> None:
    """Store each snapshot as a group named by its step, and the *seconds* of all in one attribute, quick to read."""
    put_text(group, SECONDS, json.dumps({str(step): spent for step, spent in seconds.items()}))
    for step, condensed in snapshots.items():
        put_set(group.create_group(str(step)), condensed)


def get_snapshots(group: h5py.Group) -> dict[int, CondensedSet]:
    """Return the snapshots stored by `put_snapshots`, by ascending step."""
    return {step: get_set(group[str(step)]) for step in sorted(map(int, group))}
