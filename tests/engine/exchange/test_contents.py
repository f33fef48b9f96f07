from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from dcbench import RequestError
from dcbench.engine.exchange import archive, npz_file, safetensors_file, torch_file

PAGE = b"\n<!DOCTYPE html><html><title>Google Drive - Virus scan warning</title>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("res/images.png", b"x")
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as made:
        made.addfile(tarfile.TarInfo("x"))
    return file.getvalue()


def of_torch() -> bytes:
    file = io.BytesIO()
    torch.save([torch.zeros(2), torch.zeros(2)], file)
    return file.getvalue()


def of_numpy(*, several: bool) -> bytes:
    file = io.BytesIO()
    if several:
        np.savez(file, images=np.zeros(2), labels=np.zeros(2))
    else:
        np.save(file, np.zeros(2))
    return file.getvalue()


READERS: dict[str, Callable[[Path], object]] = {
    "x.pt": torch_file.read_all,
    "x.pkl": torch_file.read_all,
    "x.npz": npz_file.read,
    "x.safetensors": safetensors_file.read,
    "x.h5": lambda path: archive.read(path, None),  # type: ignore[arg-type]  # it does not get so far
}

FILES = {
    "nothing": (b"", "empty, 0 bytes: download it again"),
    "page": (PAGE, "a web page, as a download leaves that failed: download it again"),
    "pointer": (POINTER, "a pointer of git-LFS, not the file itself: run 'git lfs pull' in its repository"),
    "zip": (zipped(), "a zip archive, but no file of torch: unpack it first, and import what is inside"),
    "cut": (of_torch()[:300], "a zip archive that is cut short or damaged: download it again"),
    "tar": (tarred(), "a tar archive: unpack it first"),
    "gzip": (gzip.compress(b"x" * 100), "packed with gzip: unpack it first"),
    "text": (b"accuracy 65.3\n", "a text"),
    "torch": (of_torch(), "a file of torch: end its name in .pt"),
    "array": (of_numpy(several=False), "a single numpy array: save images and labels together"),
    "arrays": (of_numpy(several=True), "a numpy archive: end its name in .npz"),
    "safetensors": (save({"images": torch.zeros(2)}), "a safetensors file: end its name in .safetensors"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 40, "an HDF5 file: end its name in .h5"),
    "picture": (b"\x89PNG\r\n\x1a\n", "a picture: import the folder"),
}
RIGHT = {
    ("torch", "x.pt"),
    ("torch", "x.pkl"),
    ("array", "x.npz"),
    ("arrays", "x.npz"),
    ("safetensors", "x.safetensors"),
    ("hdf5", "x.h5"),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_something_else_is_named_as_what_it_is(tmp_path: Path, name: str, kind: str) -> None:
    content, words = FILES[kind]
    if (kind, name) in RIGHT:
        pytest.skip("it is what its name says")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RequestError) as caught:
        READERS[name](tmp_path / name)
    text = str(caught.value)
    assert text.startswith(str(tmp_path / name))
    assert words in text
    assert "\n" not in text
