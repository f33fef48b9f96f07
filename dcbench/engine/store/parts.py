"""Putting the parts of a condensed set together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dcbench.api.condensed import CondensedSet
from dcbench.api.errors import InvalidCondensedSetError
from dcbench.engine.identity import Cell
from dcbench.engine.ranges import as_range
from dcbench.engine.store.sets import StoredSet, Trace


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


def _merge(parts: Sequence[Mapping[str, Any]], newest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the provenance of a set from that of its *parts*: totals, the rest as the *newest* has it, and each."""
    whole = {name: value for name, value in newest.items() if name not in {"classes", "stretches"}}
    shared = [part.get("artifact_seconds", {}) for part in parts]
    once = {name: seconds for each in shared for name, seconds in each.items()}
    repeated = sum(sum(each.values()) for each in shared) - sum(once.values())
    return whole | {
        "seconds": sum(part["seconds"] for part in parts) - repeated,
        "peak_memory_bytes": max(part["peak_memory_bytes"] for part in parts),
        "device": ", ".join(dict.fromkeys(part["device"] for part in parts)),
        "artifacts": {name: value for part in parts for name, value in part["artifacts"].items()},
        "artifact_seconds": once,
        "parts": [dict(part) for part in parts],
    }
