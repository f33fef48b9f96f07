from __future__ import annotations

import random
from pathlib import Path

import h5py
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_cells import made_cell

from dcbench import CondensedSet
from dcbench.engine.store.about import read_about
from dcbench.engine.store.hdf5 import CorruptFileError
from dcbench.engine.store.sets import StoredSet, read_condensed, write_condensed
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
