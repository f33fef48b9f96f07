"""The comparison of two results folders, A and B, as data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from dcbench.report.compare.contents import SET, Contents, Entry, Place
from dcbench.report.compare.numbers import paired_numbers
from dcbench.report.compare.sets import SetsInBoth, compare_sets

Side = Literal["A", "B"]

Seat = tuple[Place, int]
"""A place and a replicate: where both folders may hold something, under the same digest or not."""


@dataclass(frozen=True)
class OnlyIn:
    """What one folder has and the other has not, under any digest. Trials are not named beside their sets."""

    side: Side
    place: Place
    replicates: tuple[int, ...]


@dataclass(frozen=True)
class Difference:
    """A fact with its values, and the condensed sets and trials that it differs for."""

    fact: str
    """Such as ``settings.lr``, ``runtime.precision`` or ``versions.torch``."""
    a: str
    """The value in A; ``-`` where A has none."""
    b: str
    seats: tuple[Seat, ...]


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
    apart = ((mine[seat], others[seat]) for seat in mine if seat in others)
    shared = [(a.entries[name], b.entries[name]) for name in a.entries if name in b.entries]
    return Comparison(
        (*_only("A", mine, others), *_only("B", others, mine)),
        _differences((one, one.identity, other.identity) for one, other in apart),
        paired_numbers(a.metrics, b.metrics),
        compare_sets((one.files[0], other.files[0]) for one, other in shared if one.place.what == SET),
        _differences((one, one.provenance, other.provenance) for one, other in shared),
    )


def _unmatched(here: Contents, there: Contents) -> dict[Seat, Entry]:
    """Return what *here* holds under names that are not *there*; of several at one seat, the latest."""
    entries = [entry for name, entry in here.entries.items() if name not in there.entries]
    return {(entry.place, entry.replicate): entry for entry in sorted(entries, key=lambda entry: entry.finished)}


def _only(side: Side, mine: Mapping[Seat, Entry], others: Mapping[Seat, Entry]) -> Iterator[OnlyIn]:
    alone = {seat: entry for seat, entry in mine.items() if seat not in others}
    sets = {entry.digest for (place, _), entry in alone.items() if place.what == SET}
    named = [seat for seat, entry in alone.items() if seat[0].what == SET or entry.digest not in sets]
    return (OnlyIn(side, place, replicates) for place, replicates in replicates_of(named).items())


def replicates_of(seats: Iterable[Seat]) -> dict[Place, tuple[int, ...]]:
    """Return the replicates of each place, both in order."""
    replicates = defaultdict(set)
    for place, replicate in seats:
        replicates[place].add(replicate)
    return {place: tuple(sorted(replicates[place])) for place in sorted(replicates)}


def _differences(entries: Iterable[tuple[Entry, Mapping[str, str], Mapping[str, str]]]) -> tuple[Difference, ...]:
    """Return the facts that differ between the mappings, each pair of values once, with all that it differs for."""
    found = defaultdict(list)
    for entry, a, b in entries:
        for fact in dict.fromkeys([*a, *b]):
            values = a.get(fact, "-"), b.get(fact, "-")
            if values[0] != values[1]:
                found[fact, *values].append((entry.place, entry.replicate))
    return tuple(Difference(*values, tuple(seats)) for values, seats in found.items())
