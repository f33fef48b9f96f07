"""HDF5 files that refer to others, lack what they declare, or hold what is not expected."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from support.made_cells import made_cell

from dcbench import CondensedSet
from dcbench.engine.exchange.archive import write_archive
from dcbench.engine.store.guards import CorruptFileError, UnreadableFileError
from dcbench.engine.store.hdf5 import (
    get_array,
    get_facts,
    get_number,
    get_text,
    get_texts,
    put_array,
    put_facts,
    reading,
    writing,
)
from dcbench.engine.store.sets import StoredSet, read_condensed, write_condensed
from dcbench.engine.store.store import Store

IMAGES = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
Change = Callable[[h5py.File, Path], None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A condensed set with a snapshot, and the file `other.h5` beside it."""
    condensed = CondensedSet.of_images(IMAGES, torch.arange(3))
    path = tmp_path / "toy" / "toy-slow" / "ipc1" / "x.h5"
    write_condensed(path, StoredSet(made_cell(), condensed, {}, {}, {0: condensed}, {0: 0.0}))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["images"] = IMAGES.numpy()
    (tmp_path / "secret").write_bytes(b"s" * 768)
    return path


def external_link(file: h5py.File, folder: Path) -> None:
    file["images"] = h5py.ExternalLink(folder / "other.h5", "/images")


def soft_link(file: h5py.File, folder: Path) -> None:
    file["hidden"] = IMAGES.numpy()
    file["images"] = h5py.SoftLink("/hidden")


def dangling_link(file: h5py.File, folder: Path) -> None:
    file["images"] = h5py.SoftLink("/nowhere")


def external_storage(file: h5py.File, folder: Path) -> None:
    file.create_dataset("images", (3, 1, 8, 8), "f4", external=[(str(folder / "secret"), 0, 768)])


def virtual(file: h5py.File, folder: Path) -> None:
    store = h5py.VirtualLayout((3, 1, 8, 8), "f4")
    store[:] = h5py.VirtualSource(folder / "other.h5", "images", (3, 1, 8, 8))
    file.create_virtual_dataset("images", store)


def never_written(file: h5py.File, folder: Path) -> None:
    file.create_dataset("images", (10**6, 10**6), "f4", chunks=(10, 10))


def filled_up(file: h5py.File, folder: Path) -> None:
    file.create_dataset("images", (3, 1, 8, 8), "f4", fillvalue=0.5)


def half_written(file: h5py.File, folder: Path) -> None:
    file.create_dataset("images", (3, 1, 8, 8), "f4", chunks=(1, 1, 8, 8))[0] = 0.5


def bomb(file: h5py.File, folder: Path) -> None:
    file.create_dataset("images", data=np.zeros((10**9,), "u1"), chunks=(10**8,), compression="gzip")


def foreign_filter(file: h5py.File, folder: Path) -> None:
    file.create_dataset("images", data=IMAGES.numpy(), compression="lzf")


def references(file: h5py.File, folder: Path) -> None:
    file.create_dataset("images", data=np.array([file.ref] * 3, dtype=h5py.ref_dtype), dtype=h5py.ref_dtype)


def texts(file: h5py.File, folder: Path) -> None:
    file.create_dataset("images", data=["a", "b", "c"])


def lengths(file: h5py.File, folder: Path) -> None:
    kind = h5py.vlen_dtype(np.float32)
    file.create_dataset("images", (3,), kind)[0] = [1.0, 2.0]


def records(file: h5py.File, folder: Path) -> None:
    file.create_dataset("images", data=np.zeros(3, dtype=[("r", "f4"), ("g", "f4")]))


def enumeration(file: h5py.File, folder: Path) -> None:
    file.create_dataset("images", data=np.zeros(3, "i4"), dtype=h5py.enum_dtype({"a": 0, "b": 1}, "i4"))


def opaque(file: h5py.File, folder: Path) -> None:
    file.create_dataset("images", data=np.zeros(3, "V8"))


def group(file: h5py.File, folder: Path) -> None:
    file.create_group("images")


LEADS_OUT = r"is a link to something else; a result file holds all that it names"
NO_NUMBERS = r"'images' holds no plain numbers"
HOSTILE: dict[Change, str] = {
    external_link: LEADS_OUT,
    soft_link: LEADS_OUT,
    dangling_link: LEADS_OUT,
    external_storage: r"the values of '\S*images' lie in other files; a result file holds its own",
    virtual: r"the values of '\S*images' lie in other files; a result file holds its own",
    never_written: r"'\S*images' would unpack to 4,000\.0 GB, from a file of [\d,]+ bytes",
    filled_up: r"'\S*images' has 768 bytes of values, and the file lacks some of them",
    half_written: r"'\S*images' has 768 bytes of values, and the file lacks some of them",
    bomb: r"'\S*images' would unpack to 1\.0 GB, from a file of [\d,]+ bytes",
    foreign_filter: r"'\S*images' is packed by a filter that dcbench does not use",
    references: NO_NUMBERS,
    texts: NO_NUMBERS,
    lengths: NO_NUMBERS,
    records: NO_NUMBERS,
    enumeration: NO_NUMBERS,
    opaque: NO_NUMBERS,
    group: NO_NUMBERS,
}


def damage(path: Path, change: Change, place: str = "/") -> None:
    with h5py.File(path, "r+") as file:
        del file[place]["images"]
        change(file[place], path.parents[3])


@pytest.mark.parametrize("place", ["/", "/snapshots/0"])
@pytest.mark.parametrize("change", HOSTILE, ids=lambda change: change.__name__)
def test_a_set_whose_values_are_elsewhere_or_nowhere_is_refused_in_one_line(
    path: Path, change: Change, place: str
) -> None:
    damage(path, change, place)
    with pytest.raises(CorruptFileError, match=rf"x\.h5 is damaged: .*{HOSTILE[change]}") as caught:
        read_condensed(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [external_link, external_storage, virtual, never_written, bomb])
def test_an_export_does_not_carry_it_on(path: Path, change: Change, tmp_path: Path) -> None:
    damage(path, change)
    path.rename(path.with_name("s0-0123456789ab.condensed.h5"))
    with pytest.raises(CorruptFileError, match="is damaged"):
        write_archive(Store(tmp_path), tmp_path / "all.h5", None)  # type: ignore[arg-type]
    assert not (tmp_path / "all.h5").exists()


@pytest.mark.parametrize("place", ["trace", "snapshots"])
def test_a_group_that_lies_elsewhere_is_refused(path: Path, place: str) -> None:
    with h5py.File(path, "r+") as file:
        file.move(place, "kept")
        file[place] = h5py.SoftLink("/kept")
    with pytest.raises(CorruptFileError, match=rf"'{place}' {LEADS_OUT}"):
        read_condensed(path)


def test_a_group_that_holds_itself_does_not_keep_the_reader(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["again"] = file["/"]
    assert read_condensed(path).cell == made_cell()


def test_many_texts_that_are_one_do_not_fill_the_memory(tmp_path: Path) -> None:
    with writing(tmp_path / "x.h5", "test") as file:
        put_array(file, "few", ["a", "ü", ""])
        put_array(file, "one", "text")
        put_array(file, "long", ["x" * 10**6] * 2)
        put_array(file, "numbers", [1])
    with reading(tmp_path / "x.h5", "test") as file:
        assert get_texts(file, "few").tolist() == ["a", "ü", ""]
        assert get_texts(file, "one") == "text"
        assert get_texts(file, "long").tolist() == ["x" * 10**6] * 2
        with pytest.raises(TypeError, match="'numbers' holds no texts"):
            get_texts(file, "numbers")
    one_for_all(tmp_path / "bomb.h5")
    with (
        pytest.raises(CorruptFileError, match=r"'long' would unpack to .* GB"),
        reading(tmp_path / "bomb.h5", "test") as file,
    ):
        get_texts(file, "long")


def one_for_all(path: Path) -> None:
    """Make a file in which 10,000 texts are one of a million letters."""
    with writing(path, "test") as file:
        file.create_dataset("long", (10_000,), h5py.string_dtype())[0] = "x" * 10**6
    with h5py.File(path) as file:
        start = file["long"].id.get_offset()
    data = bytearray(path.read_bytes())
    for place in range(10_000):
        data[start + 16 * place : start + 16 * place + 16] = data[start : start + 16]
    path.write_bytes(data)


@pytest.mark.parametrize("value", [10**12, np.int64(10**12), [1, 2], np.array(["a", "b"], object), h5py.Empty("S1")])
def test_an_attribute_that_is_no_text_is_not_taken_for_one(tmp_path: Path, value: object) -> None:
    with writing(tmp_path / "x.h5", "test") as file:
        file.attrs["facts"] = value
    with reading(tmp_path / "x.h5", "test") as file, pytest.raises(TypeError, match="'facts' is not a text"):
        get_text(file, "facts")


@pytest.mark.parametrize("value", ["1", [1, 2], h5py.Empty("f4")])
def test_an_attribute_that_is_no_number_is_not_taken_for_one(tmp_path: Path, value: object) -> None:
    with writing(tmp_path / "x.h5", "test") as file:
        file.attrs["seconds"] = value
    with reading(tmp_path / "x.h5", "test") as file, pytest.raises(TypeError, match="'seconds' is not a number"):
        get_number(file, "seconds")


@pytest.mark.parametrize(
    ("text", "reason"), [("[" * 100_000, "nested too deeply"), ("[]", "is not a JSON object"), ('{"a": ', "Expecting")]
)
def test_facts_that_are_no_object_are_damaged(tmp_path: Path, text: str, reason: str) -> None:
    with writing(tmp_path / "x.h5", "test") as file:
        put_facts(file, {})
        del file.attrs["facts"]
        file.attrs["facts"] = text
    with pytest.raises(CorruptFileError, match=rf"is damaged: .*{reason}"), reading(tmp_path / "x.h5", "test") as file:
        get_facts(file)


def test_numbers_of_every_kind_come_back(tmp_path: Path) -> None:
    values = {"b": [True, False], "u": np.arange(3, dtype="u1"), "f": [0.5], "c": [1j], "none": np.zeros(0), "0": 3}
    with writing(tmp_path / "x.h5", "test") as file:
        for name, value in values.items():
            put_array(file, name, value)
    with reading(tmp_path / "x.h5", "test") as file:
        for name, value in values.items():
            assert get_array(file, name).tolist() == np.asarray(value).tolist()


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    path = Path("x.h5")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(UnreadableFileError) as caught, reading(path, "test"):
        pass
    assert str(caught.value) == f"x.h5 cannot be read now: it is a {kind}, not a file"
    assert not isinstance(caught.value, CorruptFileError)
