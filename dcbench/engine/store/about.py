"""What can be known of a condensed set without its images, and without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py

from dcbench.engine.store.facts import SetFacts, check_facts, check_set_name
from dcbench.engine.store.hdf5 import get_facts, get_text, reading

FILE_TYPE = "condensed"
"""The file type of a condensed set."""

SECONDS = "seconds"
"""The attribute of its snapshots that says when each was taken."""


def read_about(path: Path) -> tuple[dict[str, Any], dict[int, float | None]]:
    """Return the facts of the set at *path*, and its snapshots: the step of each, and after how many seconds it was.

    No image is read, so it is quick, and damage to the images goes unnoticed. Seconds are None in an older file.

    Raises:
        CorruptFileError, UnreadableFileError, UnsupportedFormatError, FileNotFoundError: see `reading`.
    """
    with reading(path, FILE_TYPE) as file:
        seconds = get_snapshot_seconds(file["snapshots"])
        return get_set_facts(file, path), {step: seconds.get(step) for step in sorted(map(int, file["snapshots"]))}


def get_set_facts(file: h5py.File, path: Path) -> dict[str, Any]:
    """Return the facts of the condensed set, or part of one, that is open as *file*.

    Raises:
        ValueError: they are not those of a set.
        CorruptFileError: they are those of another set than its name, *path*, says.
    """
    facts = get_facts(file)
    check_facts(facts, SetFacts)
    check_set_name(path, facts)
    return facts


def get_snapshot_seconds(group: h5py.Group) -> dict[int, float]:
    """Return the seconds stored by `put_snapshots`, by ascending step; nothing where an older file has none."""
    if SECONDS not in group.attrs:
        return {}
    return {int(step): float(spent) for step, spent in json.loads(get_text(group, SECONDS)).items()}
