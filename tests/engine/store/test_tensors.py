from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from dcbench import CondensedSet
from dcbench.api.errors import UnsupportedFormatError
from dcbench.engine.store.guards import CorruptFileError
from dcbench.engine.store.tensors import Checkpoint, read_checkpoint, read_tensors, write_checkpoint, write_tensors

ABOUT = {"package": "toys", "plugin": "toy", "digest": "ab"}


def a_checkpoint() -> Checkpoint:
    made = CondensedSet.of_images(torch.rand(3, 1, 8, 8), torch.arange(3))
    return Checkpoint(
        {"images": torch.rand(3, 1, 8, 8), "step": 7, "generator": torch.Generator().get_state()},
        12.5,
        {"loss": [(1, 0.5), (2, 0.25)]},
        {0: made, 5: made},
        {0: 1.0, 5: 2.0},
        {"net": "ab"},
        {"net": 3.0},
    )


WRITERS: dict[str, tuple[Callable[[Path], None], Callable[[Path], object]]] = {
    "checkpoint": (lambda path: write_checkpoint(path, a_checkpoint()), read_checkpoint),
    "artifact": (
        lambda path: write_tensors(path, {"weight": torch.rand(40), "bias": torch.rand(3)}, 1.0, ABOUT),
        lambda path: read_tensors(path, ABOUT),
    ),
}


@pytest.fixture(params=WRITERS)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Callable[[Path], object]]:
    write, read = WRITERS[request.param]
    write(tmp_path / "whole.h5")
    read(tmp_path / "whole.h5")
    return tmp_path / "whole.h5", read


def reads(path: Path, read: Callable[[Path], object]) -> bool:
    """Say whether *path* reads; where it does not, it must be called damaged: everything else would end its job."""
    try:
        read(path)
    except CorruptFileError as error:
        said = str(error)
    else:
        return True
    assert str(path) in said
    assert "\n" not in said
    return False


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    made = a_checkpoint()
    write_checkpoint(tmp_path / "x.h5", made)
    found = read_checkpoint(tmp_path / "x.h5")
    assert torch.equal(found.state["images"], made.state["images"])
    assert (found.state["step"], found.seconds, found.trace) == (7, 12.5, made.trace)
    assert (list(found.snapshots), found.snapshot_seconds) == ([0, 5], {0: 1.0, 5: 2.0})
    assert (found.artifacts, found.artifact_seconds) == ({"net": "ab"}, {"net": 3.0})


def places(path: Path) -> list[str]:
    """Return every group, dataset and attribute in a file."""
    found: list[str] = []
    with h5py.File(path, "r") as file:
        for name, node in [("/", file), *((name, file[name]) for name in _names(file))]:
            found += [name] if name != "/" else []
            found += [f"{name}@{attribute}" for attribute in node.attrs]
    return found


def _names(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visit(names.append)
    return names


OTHERS: dict[str, Any] = {
    "nothing": None, "number": 3, "text": "x", "floats": [0.5, 0.25], "flag": True, "complex": 1j, "group": "group",
    "not a number": float("nan"), "json list": "[]", "json deep": "[" * 5000, "json null": "null",
    "json other": '{"hashes": 3, "seconds": []}', "empty": np.zeros((0, 2)), "negative": -1, "huge": 2**63 - 1,
}  # fmt: skip


def put_in_place(path: Path, place: str, other: str) -> None:
    name, _, attribute = place.partition("@")
    with h5py.File(path, "r+") as file:
        if attribute:
            del file[name].attrs[attribute]
            if other != "nothing" and other != "group":
                value = OTHERS[other]
                file[name].attrs[attribute] = np.bytes_(value.encode()) if isinstance(value, str) else value
            return
        del file[name]
        if other == "group":
            file.create_group(name)
        elif other != "nothing":
            file[name] = OTHERS[other]


@pytest.mark.parametrize("other", OTHERS)
def test_whatever_stands_in_the_place_of_something_it_reads_or_is_damaged(
    kept: tuple[Path, Callable[[Path], object]], other: str
) -> None:
    whole, read = kept
    changed = whole.with_name("changed.h5")
    for place in places(whole):
        shutil.copy(whole, changed)
        put_in_place(changed, place, other)
        with suppress(UnsupportedFormatError) if place == "/@dcbench_format" else nullcontext():
            reads(changed, read)


def test_whichever_byte_is_flipped_it_reads_the_same_or_is_damaged(
    kept: tuple[Path, Callable[[Path], object]],
) -> None:
    whole, read = kept
    content, expected = whole.read_bytes(), repr(read(whole))
    changed, draw = whole.with_name("changed.h5"), random.Random(0)
    damaged = 0
    for _ in range(400):
        bits = bytearray(content)
        bits[draw.randrange(len(bits))] ^= 1 << draw.randrange(8)
        changed.write_bytes(bits)
        if reads(changed, read):
            assert repr(read(changed)) == expected
        else:
            damaged += 1
    assert damaged > 200


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.99])
def test_a_part_of_a_file_is_damaged(kept: tuple[Path, Callable[[Path], object]], share: float) -> None:
    whole, read = kept
    content = whole.read_bytes()
    whole.write_bytes(content[: int(share * len(content))])
    assert not reads(whole, read)
