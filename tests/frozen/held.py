"""What this version reads from the frozen store: as a script it prints all of it as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dcbench import CondensedSet
from dcbench.engine.store.evaluations import read_evaluation
from dcbench.engine.store.facts import read_about
from dcbench.engine.store.failures import read_failure
from dcbench.engine.store.hdf5 import reading
from dcbench.engine.store.sets import get_snapshots, get_trace, read_condensed
from dcbench.engine.store.store import Store
from dcbench.engine.store.tensors import get_state, hash_tensors
from dcbench.report.stored import read_report

STORE = Path(__file__).parent / "store"
NUMBERS = ("dataset", "label", "ipc", "protocol", "network", "evaluator_label", "figure", "split", "method", "kind")
VALUES = ("mean", "std", "n", "cells", "fewest", "most", "variant", "digests")


def numbers_of(store: Path) -> dict[str, Any]:
    """Return what each file of *store* holds, by its path: values as they are, tensors as their SHA-256."""
    folder, store = store, Store(store)
    found: dict[Path, Any] = {path: _set(path) for path in (*store.all_condensed(), *store.all_parts())}
    found |= {path: _evaluation(path) for path in store.all_evaluations()}
    found |= {path: read_failure(path) for path in store.all_failures()}
    found |= {path: _report(path) for path in store.all_reports()}
    found |= {path: _artifact(path) for path in sorted(folder.glob("artifacts/*/*.h5"))}
    found |= {path: _checkpoint(path) for path in sorted(folder.glob("*/*/ipc*/*.checkpoint.h5"))}
    return {str(path.relative_to(folder)): held for path, held in found.items()}


def _hash(condensed: CondensedSet) -> str:
    tensors = {"labels": condensed.labels, "images": condensed.images, "source_indices": condensed.source_indices}
    return hash_tensors({name: tensor for name, tensor in tensors.items() if tensor is not None})


def _set(path: Path) -> dict[str, Any]:
    record = read_condensed(path)
    facts, seconds = read_about(path)
    kept = ("digest", "dataset", "method", "label", "settings", "factor", "ipc", "seed", "split", "numbers", "seconds")
    return {
        "facts": {name: facts[name] for name in kept if name in facts},
        "set": _hash(record.condensed),
        "digest": record.cell.digest,
        "trace": {name: [list(point) for point in points] for name, points in record.trace.items()},
        "snapshots": {str(step): _hash(condensed) for step, condensed in record.snapshots.items()},
        "snapshot_seconds": {str(step): spent for step, spent in seconds.items()},
    }


def _evaluation(path: Path) -> dict[str, Any]:
    facts = read_evaluation(path)
    kept = ("digest", "key", "variant", "step", "protocol", "network", "recipe", "first_repeat", "figures", "seconds")
    return {name: facts["metrics" if name == "figures" else name] for name in kept}


def _report(path: Path) -> dict[str, Any]:
    report = read_report(path)
    numbers = report.numbers.rename(columns={"metric": "figure", "unit": "kind"})
    rows = numbers[[*NUMBERS, *VALUES]].to_dict(orient="records")
    return {"text": report.text, "made": report.made, "numbers": rows}


def _artifact(path: Path) -> str:
    with reading(path, "tensors") as file:
        return hash_tensors(get_state(file["state"]))


def _checkpoint(path: Path) -> dict[str, Any]:
    with reading(path, "checkpoint") as file:
        tensors = {name: value for name, value in get_state(file["state"]).items() if hasattr(value, "shape")}
        return {
            "state": {name: hash_tensors({name: tensor}) for name, tensor in tensors.items()},
            "trace": {name: [list(point) for point in points] for name, points in get_trace(file["trace"]).items()},
            "snapshots": {str(step): _hash(condensed) for step, condensed in get_snapshots(file["snapshots"]).items()},
        }


if __name__ == "__main__":
    print(json.dumps(numbers_of(STORE), indent=1, sort_keys=True))
