"""How tables call the datasets of files: other data than the standard one stands under a name of its own."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from dcbench.engine.cells import OTHER_DATA
from dcbench.engine.data.standard import is_other

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SPEC = "dataset_spec"
"""Where `title_datasets` finds the dataset of a row, as its cell has it."""


def title_datasets(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *rows* with the title of each ``dataset``, and without `SPEC`.

    Files of older versions do not say whether their data is the standard one. Their fingerprints do, where these are
    known, and so do newer files about the same data.
    """
    others = {_data(row[SPEC]) for row in rows if is_other(row[SPEC], _known(row[SPEC]))}
    for row in rows:
        spec = row.pop(SPEC)
        if _data(spec) in others:
            row["dataset"] = f"{spec['name']}{OTHER_DATA}"
    return rows


def other_data_notes(datasets: Iterable[str]) -> Iterator[str]:
    """Yield a line for each of *datasets*, titles, that is not the standard data of its name."""
    for title in sorted(set(datasets)):
        if title.endswith(OTHER_DATA):
            name = title.removesuffix(OTHER_DATA)
            yield f"{title}: not the standard {name}; 'dcbench show' says of a cell in what it differs"


def _data(spec: Mapping[str, Any]) -> tuple[str, str, str]:
    return spec["name"], spec["train"], spec["test"]


def _known(spec: Mapping[str, Any]) -> Mapping[str, str]:
    return {} if spec.get("other_data") is not None else _fingerprints().get(spec["record"], {})


@cache
def _fingerprints() -> dict[str, Mapping[str, str]]:
    from dcbench.engine.plugins import load_registry

    return {found.record.name: found.record.fingerprints for found in load_registry().of_kind("datasets")}
