from __future__ import annotations

import fcntl
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest

from dcbench.engine.store.guards import CorruptFileError, UnreadableFileError
from dcbench.engine.store.hdf5 import put_array, reading, writing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with writing(tmp_path / "x.h5", "test") as file:
        put_array(file, "values", np.arange(1000))
    return tmp_path / "x.h5"


def read(path: Path) -> None:
    with reading(path, "test") as file:
        file["values"][()]


def test_a_lock_of_another_program_keeps_nobody_from_a_finished_file(path: Path) -> None:
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        read(path)


def read_while_the_disk_fails(path: Path) -> None:
    with reading(path, "test") as file:
        (descriptor,) = (number for number in range(3, 512) if _is_open_on(number, path))
        kept, folder = os.dup(descriptor), os.open(path.parent, os.O_RDONLY)
        os.dup2(folder, descriptor)  # the system refuses to read from a folder
        try:
            file["values"][()]
        finally:
            os.dup2(kept, descriptor)
            os.close(kept)
            os.close(folder)


def test_a_disk_that_fails_while_a_file_is_read_does_not_make_it_a_damaged_one(path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="cannot be read now") as caught:
        read_while_the_disk_fails(path)
    assert not isinstance(caught.value, CorruptFileError)


def _is_open_on(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


@contextmanager
def file_sizes_up_to(limit: int) -> Iterator[None]:
    """Let the system refuse to make a file longer than *limit* bytes, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_an_error_that_names_the_file_and_leaves_nothing(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random(1000)
    with (
        file_sizes_up_to(512),
        pytest.raises(OSError, match=rf"File too large: '{tmp_path}/x.h5'"),
        writing(tmp_path / "x.h5", "test") as file,
    ):
        put_array(file, "values", values)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_made_on_the_disk_is_like_any_other(path: Path) -> None:
    made = path.with_name("made.h5")
    with writing(made, "test", room=1) as file:
        put_array(file, "values", np.arange(1000))
    with reading(made, "test") as one, reading(path, "test") as other:
        assert dict(one.attrs) == dict(other.attrs)
        assert np.array_equal(one["values"][()], other["values"][()])
    assert list(path.parent.glob(".*")) == []


def test_one_for_which_the_disk_has_no_room_is_not_begun(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"), writing(tmp_path / "x.h5", "test", room=2**62):
        pytest.fail("it was begun")
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_hdf5_that_dcbench_did_not_write_is_damaged(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["values"] = 1
    with pytest.raises(CorruptFileError, match="dcbench_format"):
        read(path)
