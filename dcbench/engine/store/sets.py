"""Condensed sets in HDF5, with their trace, their snapshots and their provenance; parts of sets, and their assembly."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import torch
from pydantic import ValidationError
from torch import Tensor

from dcbench.api.condensed import CondensedSet, Decoder, plain_set
from dcbench.api.distribution import version
from dcbench.api.errors import InvalidCondensedSetError, UnsupportedFormatError
from dcbench.engine.identity import Cell
from dcbench.engine.ranges import as_range
from dcbench.engine.store.facts import FILE_TYPE, SECONDS, get_set_facts, get_snapshot_seconds
from dcbench.engine.store.hdf5 import get_array, get_number, get_text, put_array, put_facts, put_text, reading, writing

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
    """Seconds of condensing after which each snapshot was taken; an older file has none."""


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
        UnsupportedFormatError: another version of dcbench wrote it, with a format or a cell that this one lacks.
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


def _cell(stored: Mapping[str, Any], file: h5py.File) -> Cell:
    try:
        return Cell.model_validate(stored)
    except ValidationError as error:  # facts have a checksum, so this is not damage
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


def assemble(cell: Cell, parts: Sequence[StoredSet]) -> StoredSet:
    """Return the set of *cell* that *parts*, which together hold all classes, are parts of.

    Images stand in class order; those of a class that several parts hold come from the part that was finished last.
    Snapshots and trace have the steps that all parts have. A metric of the trace is the sum of the parts' metrics, as
    losses are sums over classes; there is none where parts overlap. Seconds are the sums of the parts' seconds; in
    those of the whole set an artifact that several parts share counts once.

    Raises:
        InvalidCondensedSetError: the parts are not decoded alike.
    """
    in_order = sorted(parts, key=lambda part: str(part.facts["finished"]))
    latest = {label: part for part in in_order for label in _classes(part)}
    holders = {label: latest[label] for label in sorted(latest)}
    used = list({id(part): part for part in holders.values()}.values())
    steps = set.intersection(*(set(part.snapshots) for part in used))
    overlap = sum(len(_classes(part)) for part in used) > len(holders)
    return StoredSet(
        cell,
        _join({label: part.condensed for label, part in holders.items()}),
        _merge([_provenance(part) for part in used], newest=_provenance(in_order[-1])),
        {} if overlap else _add([part.trace for part in used]),
        {step: _join({label: part.snapshots[step] for label, part in holders.items()}) for step in sorted(steps)},
        dict(_add_metric([part.snapshot_seconds for part in used])),
    )


def _classes(part: StoredSet) -> range:
    return as_range(part.facts["classes"])


def _join(holders: Mapping[int, CondensedSet]) -> CondensedSet:
    """Return one set with the images of each class from the set that holds them."""
    pieces = [held.of_classes(range(label, label + 1)) for label, held in holders.items()]
    decoders = {piece.decoder for piece in pieces}
    if len(decoders) > 1:
        raise InvalidCondensedSetError("the parts of the condensed set are not decoded alike")
    return CondensedSet(
        torch.cat([piece.labels for piece in pieces]),
        _concatenated([piece.images for piece in pieces]),
        _concatenated([piece.source_indices for piece in pieces]),
        decoders.pop(),
        unbounded=any(piece.unbounded for piece in pieces),
    )


def _concatenated(tensors: Sequence[Tensor | None]) -> Tensor | None:
    present = [tensor for tensor in tensors if tensor is not None]
    return torch.cat(present) if len(present) == len(tensors) else None


def _add(traces: Sequence[Trace]) -> Trace:
    """Return the sums of *traces*, of the metrics and at the steps that all have."""
    names = [name for name in traces[0] if all(name in trace for trace in traces)]
    sums = {name: _add_metric([dict(trace[name]) for trace in traces]) for name in names}
    return {name: points for name, points in sums.items() if points}


def _add_metric(values: Sequence[Mapping[int, float]]) -> list[tuple[int, float]]:
    steps = set.intersection(*map(set, values))
    return [(step, sum(value[step] for value in values)) for step in sorted(steps)]


def _provenance(part: StoredSet) -> dict[str, Any]:
    known = part.cell.facts()
    return {name: value for name, value in part.facts.items() if name not in known}


def _merge_ran(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the fact ``ran`` of a set from that of its *parts*: what all of them did, and every fallback."""
    found = [part["ran"] for part in parts if "ran" in part]
    if not found:
        return {}
    done = {name: len(found) == len(parts) and all(ran[name] for ran in found) for name in ("capture", "compiled")}
    return {"ran": done | {"fallbacks": list(dict.fromkeys(line for ran in found for line in ran["fallbacks"]))}}


def _merge(parts: Sequence[Mapping[str, Any]], newest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the provenance of a set from that of its *parts*: totals, the rest as the *newest* has it, and each."""
    whole = {name: value for name, value in newest.items() if name not in {"classes", "stretches"}}
    shared = [part.get("artifact_seconds", {}) for part in parts]
    once = {name: seconds for each in shared for name, seconds in each.items()}
    repeated = sum(sum(each.values()) for each in shared) - sum(once.values())
    return (
        whole
        | _merge_ran(parts)
        | {
            "seconds": sum(part["seconds"] for part in parts) - repeated,
            "peak_memory_bytes": max(part["peak_memory_bytes"] for part in parts),
            "device": ", ".join(dict.fromkeys(part["device"] for part in parts)),
            "artifacts": {name: value for part in parts for name, value in part["artifacts"].items()},
            "artifact_seconds": once,
            "parts": [dict(part) for part in parts],
        }
    )
