"""The comparison of two results folders, A and B, as data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch

from dcbench.api.condensed import CondensedSet
from dcbench.engine.store.facts import FILE_TYPE
from dcbench.engine.store.hdf5 import reading
from dcbench.engine.store.sets import get_set
from dcbench.engine.store.tensors import hash_set
from dcbench.report.compare.contents import SET, Contents, Coordinates, Entry
from dcbench.report.paired import holm, sign_flip_p
from dcbench.report.summary import COORDINATES

Side = Literal["A", "B"]

Located = tuple[Coordinates, int]
"""Coordinates and a replicate: where both folders may hold something, under the same digest or not."""


@dataclass(frozen=True)
class OnlyIn:
    """What is in one folder and not in the other, under any digest. A trial is not listed if its set is."""

    side: Side
    coordinates: Coordinates
    replicates: tuple[int, ...]


@dataclass(frozen=True)
class Difference:
    """A fact with its values, and the condensed sets and trials that it differs for."""

    fact: str
    """Such as ``settings.lr``, ``runtime.precision`` or ``versions.torch``."""
    a: str
    """The value in A; ``-`` where A has none."""
    b: str
    where: tuple[Located, ...]


@dataclass(frozen=True)
class Comparison:
    """Two results folders side by side."""

    only: tuple[OnlyIn, ...]
    identity: tuple[Difference, ...]
    """Parts of the names that differ, where the folders hold something at one place under different names."""
    numbers: pd.DataFrame
    """Metrics of the trials that are in both; see `paired_numbers`."""
    sets: SetsInBoth
    provenance: tuple[Difference, ...]
    """What differs in how sets and trials of the same name were made."""


def compare(a: Contents, b: Contents) -> Comparison:
    """Compare what two folders hold.

    Raises:
        CorruptFileError: a condensed set that is in both cannot be read.
    """
    mine, others = _unmatched(a, b), _unmatched(b, a)
    apart = ((mine[located], others[located]) for located in mine if located in others)
    shared = [(a.entries[name], b.entries[name]) for name in a.entries if name in b.entries]
    return Comparison(
        (*_only("A", mine, others), *_only("B", others, mine)),
        _differences((one, one.identity, other.identity) for one, other in apart),
        paired_numbers(a.metrics, b.metrics),
        compare_sets((one.files[0], other.files[0]) for one, other in shared if one.coordinates.what == SET),
        _differences((one, one.provenance, other.provenance) for one, other in shared),
    )


def _unmatched(here: Contents, there: Contents) -> dict[Located, Entry]:
    """Return what *here* holds under names that are not *there*; of several at one place, the latest."""
    entries = [entry for name, entry in here.entries.items() if name not in there.entries]
    return {(entry.coordinates, entry.replicate): entry for entry in sorted(entries, key=lambda entry: entry.finished)}


def _only(side: Side, mine: Mapping[Located, Entry], others: Mapping[Located, Entry]) -> Iterator[OnlyIn]:
    alone = {located: entry for located, entry in mine.items() if located not in others}
    sets = {entry.digest for (place, _), entry in alone.items() if place.what == SET}
    named = [located for located, entry in alone.items() if located[0].what == SET or entry.digest not in sets]
    return (OnlyIn(side, place, replicates) for place, replicates in replicates_of(named).items())


def replicates_of(where: Iterable[Located]) -> dict[Coordinates, tuple[int, ...]]:
    """Return the replicates of each place, both in order."""
    replicates = defaultdict(set)
    for place, replicate in where:
        replicates[place].add(replicate)
    return {place: tuple(sorted(replicates[place])) for place in sorted(replicates)}


def _differences(entries: Iterable[tuple[Entry, Mapping[str, str], Mapping[str, str]]]) -> tuple[Difference, ...]:
    """Return the facts that differ between the mappings, each pair of values once, with all that it differs for."""
    found = defaultdict(list)
    for entry, a, b in entries:
        for fact in dict.fromkeys([*a, *b]):
            values = a.get(fact, "-"), b.get(fact, "-")
            if values[0] != values[1]:
                found[fact, *values].append((entry.coordinates, entry.replicate))
    return tuple(Difference(*values, tuple(where)) for values, where in found.items())


_NETWORK = ["key", "metric", "repeat"]
"""The columns that identify a trained network. Networks of both folders that agree in them had the same seed."""

_NAMES = [*COORDINATES, "step", "unit"]

COLUMNS = [
    *_NAMES,
    "sets",
    *("mean_a", "std_a", "n_a"),
    *("mean_b", "std_b", "n_b"),
    *("pairs", "difference", "difference_std", "same", "p", "p_holm"),
]


def paired_numbers(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each number that frames *a* and *b* both have, with `COLUMNS`; labels are those of *a*.

    Means and standard deviations (of the population) are over replicates x repeats of the trials that both have, with n
    values of ``sets`` condensed sets in either frame. ``difference`` is the mean of B minus A over ``pairs``, the
    networks that both have; ``same`` is whether these agree to the last bit. ``p`` is that of `sign_flip_p`, and
    ``p_holm`` is corrected for the number of tests; both are missing below two pairs, and where all are the
    same. Different settings under one label never pool.
    """
    shared = set(a["key"]) & set(b["key"])
    a, b = (table[table["key"].isin(shared)] for table in (a, b))
    values = a[[*_NETWORK, "value"]].merge(b[[*_NETWORK, "value"]], how="outer", on=_NETWORK, suffixes=("_a", "_b"))
    names = a.drop_duplicates(["key", "metric"])[["key", *_NAMES, "variant"]]
    groups = values.merge(names, on=["key", "metric"]).groupby([*_NAMES, "variant"], dropna=False)
    rows = [dict(zip(_NAMES, place, strict=False)) | _side_by_side(group) for place, group in groups]
    corrected = holm([row["p"] for row in rows])
    numbers = [row | {"p_holm": value} for row, value in zip(rows, corrected, strict=True)]
    return pd.DataFrame(numbers, columns=COLUMNS).sort_values(
        [*COORDINATES[:-3], "dataset", "ipc", "label"], kind="stable"
    )


def _side_by_side(values: pd.DataFrame) -> dict[str, Any]:
    differences = (values["value_b"] - values["value_a"]).dropna()
    same = bool((differences == 0).all()) and len(differences) > 0
    return {
        "sets": values["key"].nunique(),
        **_moments(values["value_a"], "a"),
        **_moments(values["value_b"], "b"),
        "pairs": len(differences),
        "difference": differences.mean(),
        "difference_std": differences.std(ddof=0),
        "same": same,
        "p": None if same else sign_flip_p(differences.tolist()),
    }


def _moments(values: pd.Series[float], side: str) -> dict[str, Any]:
    return {f"mean_{side}": values.mean(), f"std_{side}": values.std(ddof=0), f"n_{side}": int(values.count())}


@dataclass(frozen=True)
class SetsInBoth:
    """How alike condensed sets of one name are."""

    count: int
    identical: int
    """Of these, how many hold the same labels and images, or indices, to the last bit."""
    other_labels: int
    """Of the others, how many differ in their labels."""
    largest_difference: float | None
    """Between two pixels in [0, 1] of the others; None where none of them can be compared."""


def compare_sets(pairs: Iterable[tuple[Path, Path]]) -> SetsInBoth:
    """Compare the condensed sets in each pair of files.

    Raises:
        CorruptFileError, UnsupportedFormatError: a file cannot be read.
    """
    count = identical = other_labels = 0
    differences = []
    for first, second in ((_read(a), _read(b)) for a, b in pairs):
        count += 1
        if hash_set(first) == hash_set(second):
            identical += 1
            continue
        other_labels += not torch.equal(first.labels, second.labels)
        if first.images is not None and second.images is not None and first.images.shape == second.images.shape:
            differences.append(float((first.images - second.images).abs().max()))
    return SetsInBoth(count, identical, other_labels, max(differences, default=None))


def _read(path: Path) -> CondensedSet:
    with reading(path, FILE_TYPE) as file:
        return get_set(file)
