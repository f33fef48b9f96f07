from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.fakes import info_of, made_up_set
from support.made_cells import made_cell

from dcbench import CondensedSet, InvalidCondensedSetError
from dcbench.engine.ranges import range_text
from dcbench.engine.store.facts import read_about
from dcbench.engine.store.guards import CorruptFileError
from dcbench.engine.store.sets import StoredSet, assemble, read_condensed, write_condensed
from dcbench.engine.store.tensors import hash_tensors, read_tensors, write_tensors

IMAGES = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(3).repeat(2)
ABOUT = {"package": "toys", "plugin": "toy", "digest": "ab"}


def assert_same(one: CondensedSet, other: CondensedSet) -> None:
    assert (one.decoder, one.unbounded) == (other.decoder, other.unbounded)
    for name in ("labels", "images", "source_indices"):
        first, second = getattr(one, name), getattr(other, name)
        assert (first is None) == (second is None)
        if first is not None:
            assert first.dtype == second.dtype
            assert torch.equal(first, second)


@pytest.mark.parametrize(
    "condensed",
    [
        CondensedSet.of_images(IMAGES, LABELS),
        CondensedSet.of_images(IMAGES, LABELS, factor=2),
        CondensedSet.of_images(9 * IMAGES, LABELS, unbounded=True),
        CondensedSet.of_images(IMAGES, torch.eye(3)[LABELS]),
        CondensedSet(LABELS, None, torch.tensor([5, 3, 1, 0, 2, 4])),
        CondensedSet.of_images(IMAGES.permute(0, 1, 3, 2), LABELS),
    ],
    ids=["images", "patches", "unbounded", "soft labels", "selection", "strided"],
)
def test_a_set_comes_back_bit_by_bit(tmp_path: Path, condensed: CondensedSet) -> None:
    write_condensed(tmp_path / "x.h5", StoredSet(made_cell(), condensed, {}))
    assert_same(read_condensed(tmp_path / "x.h5").condensed, condensed)


def test_all_that_goes_with_a_set_comes_back(tmp_path: Path) -> None:
    condensed = CondensedSet.of_images(IMAGES, LABELS)
    snapshots = {100: condensed, 0: CondensedSet.of_images(IMAGES / 2, LABELS), 20: CondensedSet(LABELS, None, LABELS)}
    trace = {"loss": [(1, 0.5), (2, 0.25)], "grad": [(2, float("inf"))]}
    facts = {"seconds": 1.5, "cite": "Ünïcode, 2024", "artifacts": {"a": "b"}, "peak_memory_bytes": 2**40}
    cell = made_cell(replicate=3, split="validation")
    seconds = {100: 9.5, 0: 0.5}
    write_condensed(tmp_path / "x.h5", StoredSet(cell, condensed, facts, trace, snapshots, seconds))
    record = read_condensed(tmp_path / "x.h5")
    assert record.snapshot_seconds == seconds
    assert read_about(tmp_path / "x.h5") == (record.facts, {0: 0.5, 20: None, 100: 9.5})
    assert record.cell == cell
    assert record.trace == trace
    assert list(record.snapshots) == [0, 20, 100]
    for step, snapshot in snapshots.items():
        assert_same(record.snapshots[step], snapshot)
    assert {name: record.facts[name] for name in ("seconds", "cite", "peak_memory_bytes")} == {
        name: facts[name] for name in ("seconds", "cite", "peak_memory_bytes")
    }
    assert (record.facts["digest"], record.facts["ipc"], record.facts["split"]) == (cell.digest, 1, "validation")


def test_snapshots_of_an_older_file_have_no_seconds(tmp_path: Path) -> None:
    condensed = CondensedSet.of_images(IMAGES, LABELS)
    write_condensed(tmp_path / "x.h5", StoredSet(made_cell(), condensed, {}, {}, {0: condensed}, {0: 1.0}))
    with h5py.File(tmp_path / "x.h5", "r+") as file:
        del file["snapshots"].attrs["seconds"]
    assert read_condensed(tmp_path / "x.h5").snapshot_seconds == {}
    assert read_about(tmp_path / "x.h5")[1] == {0: None}


def test_no_flipped_bit_goes_unnoticed(tmp_path: Path) -> None:
    path, draw = tmp_path / "x.h5", random.Random(0)
    record = StoredSet(made_cell(), CondensedSet.of_images(IMAGES, LABELS), {"cite": "x" * 500}, {"loss": [(1, 2.0)]})

    def read() -> tuple[object, ...]:
        found = read_condensed(path)
        assert found.condensed.images is not None
        return found.cell, found.facts, found.trace, found.condensed.labels.tolist(), found.condensed.images.tolist()

    write_condensed(path, record)
    whole, expected, noticed = path.read_bytes(), read(), 0
    for _ in range(150):
        at = draw.randrange(len(whole))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << draw.randrange(8)]) + whole[at + 1 :])
        try:
            assert read() == expected  # the bit meant nothing
        except CorruptFileError:
            noticed += 1
    assert noticed > 10


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_damaged(tmp_path: Path, share: float) -> None:
    path = tmp_path / "x.h5"
    write_condensed(path, StoredSet(made_cell(), CondensedSet.of_images(IMAGES, LABELS), {}))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(CorruptFileError, match=r"x\.h5 is damaged"):
        read_condensed(path)


TENSORS = st.sampled_from(
    [
        torch.rand(3, 2),
        torch.rand(2, 3).T,
        torch.rand(2).half(),
        torch.tensor(1.5),
        torch.tensor([float("nan")]),
        torch.tensor([], dtype=torch.float64),
        torch.tensor([True, False]),
        torch.arange(4),
        torch.arange(5, dtype=torch.uint8),
    ]
)
NAMES = st.from_regex(r"[a-z]{1,4}(\.[a-z0-9]{1,3})?", fullmatch=True)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, TENSORS, max_size=4))
def test_named_tensors_come_back(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    write_tensors(tmp_path / "x.h5", tensors, 2.5, ABOUT)
    found, seconds = read_tensors(tmp_path / "x.h5", ABOUT)
    assert seconds == 2.5
    assert {name: value.dtype for name, value in found.items()} == {
        name: value.dtype for name, value in tensors.items()
    }
    assert hash_tensors(found) == hash_tensors(tensors)


def test_numbers_and_texts_of_a_checkpoint_come_back_as_they_were(tmp_path: Path) -> None:
    state = {"step": 3, "lr": 0.1, "phase": "warm", "none yet": "", "big": 2**62, "on": True}
    write_tensors(tmp_path / "x.h5", state, 0.0, ABOUT)  # type: ignore[arg-type]
    found, _ = read_tensors(tmp_path / "x.h5", ABOUT)
    assert found == state
    assert {name: type(value) for name, value in found.items()} == {name: type(value) for name, value in state.items()}


def test_a_hash_depends_on_names_shapes_types_and_values() -> None:
    zeros = torch.zeros(2, 3)
    hashes = [
        hash_tensors(tensors)
        for tensors in (
            {"a": zeros}, {"b": zeros}, {"a": zeros.T}, {"a": zeros.int()}, {"a": zeros + 1}, {"a": zeros, "b": zeros}
        )
    ]  # fmt: skip
    assert len(set(hashes)) == len(hashes)
    assert hash_tensors({"a": zeros, "b": zeros + 1}) == hash_tensors({"b": zeros + 1, "a": zeros})


CLASSES, IPC = 5, 2
CELL = made_cell()
TRAIN = made_up_set(classes=CLASSES)
INFO = info_of(TRAIN)
_ALL_LABELS = torch.arange(CLASSES).repeat_interleave(IPC)
_ALL_IMAGES = torch.rand(len(_ALL_LABELS), *INFO.shape, generator=torch.Generator().manual_seed(0))


def images_of(classes: Sequence[int], add: float = 0.0) -> CondensedSet:
    rows = torch.isin(_ALL_LABELS, torch.tensor(classes))
    return CondensedSet.of_images(_ALL_IMAGES[rows] + add, _ALL_LABELS[rows], factor=2)


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
    assert (found.images, found.labels.tolist()) == (None, _ALL_LABELS.tolist())


def test_where_parts_overlap_the_one_finished_last_counts() -> None:
    old, new = part_of(range(4), finished=1, add=0.3), part_of(range(2, 5), finished=2)
    expected = torch.where((_ALL_LABELS < 2).view(-1, 1, 1, 1), _ALL_IMAGES + 0.3, _ALL_IMAGES)
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
    other = StoredSet(CELL, CondensedSet.of_images(_ALL_IMAGES[6:], _ALL_LABELS[6:]), part_of(range(3, 5)).facts)
    with pytest.raises(InvalidCondensedSetError, match="not decoded alike"):
        assemble(CELL, [part_of(range(3)), other])
