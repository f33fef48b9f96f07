"""Files of strangers: each is refused in one line, in bounded time and memory, or read as what it is."""

from __future__ import annotations

import io
import json
import os
import resource
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from support.fakes import info_of, made_up_set

from dcbench import DcbenchError
from dcbench.engine.exchange.reading import read_sets

INFO = info_of(made_up_set(), class_names=("ant", "bee"))
IMAGES, LABELS = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(2)
Make = Callable[[Path], Any]


@contextmanager
def at_most(more_memory: int, seconds: float) -> Iterator[None]:
    """Fail where the block takes longer, or would have the process grow by more bytes of address space."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more_memory, before[1]))
    started = time.monotonic()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert time.monotonic() - started < seconds


def edited(path: Path, edit: Callable[[str, bytes], bytes], packing: int = zipfile.ZIP_STORED) -> None:
    """Write what torch saves of a set to *path*, each part *edit*-ed."""
    content = io.BytesIO()
    torch.save([IMAGES, LABELS], content)
    with zipfile.ZipFile(content) as source, zipfile.ZipFile(path, "w", packing) as target:
        for name in source.namelist():
            target.writestr(name, edit(name, source.read(name)))


def packed_pt(path: Path) -> None:
    edited(path, lambda name, part: part + bytes(10**8) if name.endswith("data/0") else part, zipfile.ZIP_DEFLATED)


def flipped_pt(path: Path) -> None:
    torch.save([IMAGES, LABELS], path)
    content = bytearray(path.read_bytes())
    content[content.index(IMAGES.numpy().tobytes()) + 5] ^= 1
    path.write_bytes(content)


def short_storage_pt(path: Path) -> None:
    edited(path, lambda name, part: part[:4] if name.endswith("data/0") else part)


def declared_pt(path: Path) -> None:
    """Images of 2^30 numbers, of which the file has 384."""
    edited(path, lambda name, part: part.replace(b"M\x80\x01t", b"J\x00\x00\x00\x40t") if "pkl" in name else part)


def sparse_pt(path: Path) -> None:
    index = torch.zeros(4, 1, dtype=torch.int64)
    torch.save([torch.sparse_coo_tensor(index, torch.ones(1), (10**6, 3, 10**4, 10**4)), LABELS], path)


def expanded_pt(path: Path) -> None:
    torch.save([torch.zeros(1).expand(10**7, 3, 8, 8), torch.zeros(1).expand(10**7)], path)


def meta_pt(path: Path) -> None:
    torch.save([torch.empty(10**9, 3, 8, 8, device="meta"), LABELS], path)


def quantised_pt(path: Path) -> None:
    torch.save([torch.quantize_per_tensor(IMAGES, 0.1, 0, torch.quint8), LABELS], path)


def nested_pt(path: Path) -> None:
    held: Any = [IMAGES, LABELS]
    for _ in range(60):
        held = [held, held]
    torch.save(held, path)


def endless_pt(path: Path) -> None:
    held: list[Any] = []
    held.append(held)
    torch.save(held, path)


def bomb_npz(path: Path) -> None:
    np.savez_compressed(path, images=np.zeros((4 * 10**8,), "u1"), labels=LABELS.numpy())


def declared_npz(path: Path) -> None:
    header = io.BytesIO()
    about = {"descr": "<f4", "fortran_order": False, "shape": (10**6, 3, 10**3, 10**3)}
    np.lib.format.write_array_header_1_0(header, about)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", header.getvalue() + bytes(100))
        archive.writestr("labels.npy", header.getvalue())


def deep_header_npz(path: Path) -> None:
    text = b"(" * 5000 + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text)


def objects_npz(path: Path) -> None:
    np.savez(path, images=np.array([{}, {}], dtype=object), labels=LABELS.numpy())


def deep_facts_safetensors(path: Path) -> None:
    save_file({"images": IMAGES, "labels": LABELS}, path, {"facts": "[" * 200_000})


def long_header_safetensors(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 2**62) + b"{}")


def outside_safetensors(path: Path) -> None:
    header = json.dumps({"images": {"dtype": "F32", "shape": [10**9], "data_offsets": [0, 4 * 10**9]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))


PT: dict[Make, str] = {
    packed_pt: "its parts are packed, as torch.save never does",
    flipped_pt: "fails its checksum",
    short_storage_pt: "damaged torch file",
    sparse_pt: "holds a sparse tensor; save plain ones",
    expanded_pt: "fewer numbers than that",
    meta_pt: "(holds a empty tensor|meta)",
    quantised_pt: "holds",
    nested_pt: "holds no images with labels",
    endless_pt: "holds no images with labels",
}
NPZ: dict[Make, str] = {
    bomb_npz: r"'images.npy' would unpack to 0\.4 GB, from a file of [\d,]+ bytes",
    declared_npz: "'images.npy' has shape .* and fewer numbers than that",
    deep_header_npz: "cannot be read as a numpy archive",
    objects_npz: "cannot be read as a numpy archive",
}
SAFETENSORS: dict[Make, str] = {
    deep_facts_safetensors: "its facts are not JSON: it is nested too deeply",
    long_header_safetensors: "cannot be read as safetensors",
    outside_safetensors: "cannot be read as safetensors",
}
FILES = [
    *((make, "x.pt", text) for make, text in PT.items()),
    *((make, "x.npz", text) for make, text in NPZ.items()),
    *((make, "x.safetensors", text) for make, text in SAFETENSORS.items()),
]


@pytest.mark.parametrize(("make", "name", "text"), FILES, ids=lambda value: getattr(value, "__name__", None))
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_hostile_file_is_refused_in_one_line(tmp_path: Path, make: Make, name: str, text: str) -> None:
    path = tmp_path / name
    make(path)
    with at_most(2**30, 20), pytest.raises(DcbenchError, match=text) as caught:
        read_sets(path, INFO, None)  # type: ignore[arg-type]
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_length_that_is_declared_and_not_there_reads_nothing_but_the_file(tmp_path: Path) -> None:
    declared_pt(tmp_path / "x.pt")
    (held,) = read_sets(tmp_path / "x.pt", INFO, None)  # type: ignore[arg-type]
    assert torch.equal(held.images, IMAGES)


@pytest.mark.parametrize("name", ["x.pt", "x.pth", "x.npz", "x.safetensors", "x.h5"])
def test_a_pipe_is_not_opened(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(DcbenchError, match="cannot be read now: it is a pipe, not a file"):
        read_sets(tmp_path / name, INFO, None)  # type: ignore[arg-type]


def pictures(folder: Path) -> Path:
    for name in INFO.class_names:
        (folder / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / name / "0.png")
    return folder


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "ant" / "1.png")


def device(folder: Path) -> None:
    (folder / "ant" / "1.png").symlink_to("/dev/zero")


def postscript(folder: Path) -> None:
    Image.new("RGB", (8, 8)).save(folder / "ant" / "1.png", "EPS")


def huge_picture(folder: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", 12_000, 12_000, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(12_000 * 36_001), 9)
    (folder / "ant" / "1.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def about(text: str) -> Make:
    return lambda folder: (folder / "set.json").write_text(text)


FOLDERS: dict[str, tuple[Make, str]] = {
    "pipe": (pipe, "it is a pipe, not a file"),
    "device": (device, "it is a device, not a file"),
    "postscript": (postscript, "1.png cannot be read as an image"),
    "huge picture": (huge_picture, "would unpack to|exceeds limit|of several sizes"),
    "deep": (about("[" * 200_000), "set.json cannot be read: it is nested too deeply"),
    "label without end": (
        about('{"classes": {"ant": 1' + "0" * 40 + ', "bee": 1}}'),
        "a class has no label that a number of 64 bits can be",
    ),
    "soft label without end": (
        about('{"classes": {"ant": 0, "bee": 1}, "soft_labels": {"0": [1' + "0" * 400 + ", 0]}}"),
        "its soft labels do not fit the images",
    ),
}


@pytest.mark.parametrize("make", FOLDERS)
@pytest.mark.filterwarnings("ignore:Image size")
def test_a_hostile_folder_is_refused_in_one_line(tmp_path: Path, make: str) -> None:
    folder = pictures(tmp_path / "set")
    change, text = FOLDERS[make]
    change(folder)
    with at_most(2**30, 20), pytest.raises(DcbenchError, match=text) as caught:
        read_sets(folder, INFO, None)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_what_torch_and_numpy_write_is_read_as_before(tmp_path: Path) -> None:
    torch.save([IMAGES, LABELS], tmp_path / "new.pt")
    torch.save([IMAGES, LABELS], tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    np.savez(tmp_path / "plain.npz", images=IMAGES.numpy(), labels=LABELS.numpy())
    np.savez_compressed(tmp_path / "packed.npz", images=IMAGES.numpy(), labels=LABELS.numpy())
    save_file({"images": IMAGES, "labels": LABELS}, tmp_path / "x.safetensors")
    for path in tmp_path.iterdir():
        (held,) = read_sets(path, INFO, None)  # type: ignore[arg-type]
        assert torch.equal(held.images, IMAGES)
        assert torch.equal(held.labels, LABELS)
