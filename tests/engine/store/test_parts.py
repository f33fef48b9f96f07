from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from fakes import info_of, made_up_set
from hypothesis import given
from hypothesis import strategies as st
from made_cells import made_cell

from dcbench import CondensedSet, InvalidCondensedSetError
from dcbench.engine.ranges import range_text
from dcbench.engine.store.parts import assemble
from dcbench.engine.store.sets import StoredSet

CLASSES, IPC = 5, 2
CELL = made_cell()
TRAIN = made_up_set(classes=CLASSES)
INFO = info_of(TRAIN)
LABELS = torch.arange(CLASSES).repeat_interleave(IPC)
IMAGES = torch.rand(len(LABELS), *INFO.shape, generator=torch.Generator().manual_seed(0))


def images_of(classes: Sequence[int], add: float = 0.0) -> CondensedSet:
    rows = torch.isin(LABELS, torch.tensor(classes))
    return CondensedSet.of_images(IMAGES[rows] + add, LABELS[rows], factor=2)


def part_of(classes: range, *, finished: int = 0, add: float = 0.0, **changes: Any) -> StoredSet:
    facts = {
        "classes": range_text(classes),
        "finished": f"2026-01-01T00:00:{finished:02}+00:00",
        "seconds": 1.5 * len(classes),
        "peak_memory_bytes": 1000 * len(classes),
        "device": f"device {len(classes)}",
        "artifacts": {f"network {len(classes)}": "hash"},
        "artifact_seconds": {f"network {len(classes)}": 0.5},
        "cite": "a paper",
    }
    trace = {"loss": [(step, step * float(len(classes))) for step in (1, 2, 4)]}
    snapshots = {0: images_of(classes, add + 0.1), 2: images_of(classes, add + 0.2)}
    values = {"trace": trace, "snapshots": snapshots, "facts": facts} | changes
    return StoredSet(CELL, images_of(classes, add), **values)


def same(one: CondensedSet, other: CondensedSet) -> bool:
    assert one.images is not None
    assert other.images is not None
    return (
        torch.equal(one.images, other.images)
        and torch.equal(one.labels, other.labels)
        and (one.decoder == other.decoder)
    )


@given(st.sets(st.integers(1, CLASSES - 1)), st.randoms())
def test_parts_in_any_order_give_the_set_made_at_once(cuts: set[int], random: Any) -> None:
    bounds = [0, *sorted(cuts), CLASSES]
    parts = [part_of(range(*ends)) for ends in pairwise(bounds)]
    random.shuffle(parts)
    whole, expected = assemble(CELL, parts), part_of(range(CLASSES))
    assert same(whole.condensed, expected.condensed)
    assert list(whole.snapshots) == [0, 2]
    assert all(same(whole.snapshots[step], expected.snapshots[step]) for step in (0, 2))
    assert whole.trace == expected.trace
    whole.condensed.check(INFO, IPC)


def test_a_selection_is_assembled_too() -> None:
    indices = torch.stack([index[:IPC] for index in TRAIN.class_index])
    whole = CondensedSet.selection(indices.flatten(), TRAIN)
    parts = [
        StoredSet(CELL, CondensedSet.selection(indices[one.start : one.stop].flatten(), TRAIN), part_of(one).facts)
        for one in (range(3, 5), range(3))
    ]
    found = assemble(CELL, parts).condensed
    assert whole.source_indices is not None
    assert found.source_indices is not None
    assert torch.equal(found.source_indices, whole.source_indices)
    assert (found.images, found.labels.tolist()) == (None, LABELS.tolist())


def test_where_parts_overlap_the_one_finished_last_counts() -> None:
    old, new = part_of(range(4), finished=1, add=0.3), part_of(range(2, 5), finished=2)
    expected = torch.where((LABELS < 2).view(-1, 1, 1, 1), IMAGES + 0.3, IMAGES)
    for parts in ([old, new], [new, old]):
        whole = assemble(CELL, parts)
        assert whole.condensed.images is not None
        assert torch.equal(whole.condensed.images, expected)
        assert whole.trace == {}, "a class would count twice"


def test_a_part_of_which_nothing_is_used_leaves_no_trace() -> None:
    whole = assemble(CELL, [part_of(range(2, 3), finished=0, trace={}, snapshots={}), part_of(range(5), finished=1)])
    assert (len(whole.trace["loss"]), list(whole.snapshots)) == (3, [0, 2])
    assert [part["classes"] for part in whole.facts["parts"]] == ["0-4"]


def test_steps_and_figures_that_not_all_parts_have_are_left_out() -> None:
    other = {"loss": [(2, 10.0), (3, 10.0)], "norm": [(1, 1.0)]}
    snapshots = {0: images_of(range(2, 5)), 1: images_of(range(2, 5))}
    whole = assemble(CELL, [part_of(range(2)), part_of(range(2, 5), trace=other, snapshots=snapshots)])
    assert whole.trace == {"loss": [(2, 14.0)]}
    assert list(whole.snapshots) == [0]
    assert assemble(CELL, [part_of(range(2)), part_of(range(2, 5), trace={"loss": [(9, 1.0)]})]).trace == {}


def test_provenance_is_added_up_and_each_part_is_listed() -> None:
    first, second = part_of(range(3), finished=5), part_of(range(3, 5), finished=3)
    facts = dict(assemble(CELL, [second, first]).facts)
    listed = facts.pop("parts")
    assert [part["classes"] for part in listed] == ["0-2", "3-4"]
    assert [part["device"] for part in listed] == ["device 3", "device 2"]
    assert facts == {
        "finished": "2026-01-01T00:00:05+00:00",
        "seconds": 7.5,
        "peak_memory_bytes": 3000,
        "device": "device 3, device 2",
        "artifacts": {"network 3": "hash", "network 2": "hash"},
        "artifact_seconds": {"network 3": 0.5, "network 2": 0.5},
        "cite": "a paper",
    }


def test_an_artifact_that_parts_share_counts_once() -> None:
    parts = [
        replace(part, facts=dict(part.facts) | {"seconds": seconds, "artifact_seconds": shared})
        for part, seconds, shared in (
            (part_of(range(3)), 30.0, {"network": 20.0}),
            (part_of(range(3, 5)), 28.0, {"network": 20.0, "index": 5.0}),
        )
    ]
    whole = assemble(CELL, parts)
    assert whole.facts["seconds"] == 30.0 + 28.0 - 20.0
    assert whole.facts["artifact_seconds"] == {"network": 20.0, "index": 5.0}


def test_seconds_of_a_snapshot_are_those_of_all_parts_or_not_known() -> None:
    first = part_of(range(3), snapshot_seconds={0: 1.0, 2: 3.0})
    second = part_of(range(3, 5), snapshot_seconds={0: 0.5, 2: 1.0})
    assert assemble(CELL, [first, second]).snapshot_seconds == {0: 1.5, 2: 4.0}
    assert assemble(CELL, [first, part_of(range(3, 5), snapshot_seconds={0: 0.5})]).snapshot_seconds == {0: 1.5}
    assert assemble(CELL, [first, part_of(range(3, 5))]).snapshot_seconds == {}


def test_parts_that_are_decoded_otherwise_are_refused() -> None:
    other = StoredSet(CELL, CondensedSet.of_images(IMAGES[6:], LABELS[6:]), part_of(range(3, 5)).facts)
    with pytest.raises(InvalidCondensedSetError, match="not decoded alike"):
        assemble(CELL, [part_of(range(3)), other])
