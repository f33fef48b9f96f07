"""Files that a stranger may hand over to be imported: each is refused in one line, or is a sound set."""

from __future__ import annotations

import io
import json
import os
import pickle
import resource
import signal
import socket
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from PIL import Image

from dcbench import DcbenchError
from dcbench.engine.exchange.image_folder import ABOUT
from dcbench.engine.exchange.importing import Import, import_sets
from dcbench.engine.store.sets import read_condensed
from dcbench.engine.store.store import Store
from endurance.inside import forked, load_registry_once, run

SECONDS, MEMORY, LONGEST = 60.0, 2 * 2**30, 1000
IMAGES, LABELS = torch.full((3, 1, 8, 8), 0.5), torch.arange(3)
SECRET = b"the secret of another file\n" * 40


@dataclass
class Told:
    """What came of it."""

    done: int = 0
    refused: int = 0
    taken: list[str] = field(default_factory=list)
    """What was imported: these must be sound sets."""
    wrong: list[str] = field(default_factory=list)


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.victim),)


def pt(held: Any, name: str = "x.pt") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        torch.save(held, folder / name)
        return folder / name

    return write


def raw(name: str, content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def npz(**arrays: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.savez(folder / "x.npz", **arrays)
        return folder / "x.npz"

    return write


def tensors(header: Any, body: bytes = b"", length: int | None = None) -> Callable[[Path], Path]:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = (len(text) if length is None else length).to_bytes(8, "little")
    return raw("x.safetensors", size + text + body)


def stored(change: Callable[[h5py.File], None]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "x.h5"
        path.write_bytes(next((folder.parent / "results").glob("toy/toy-slow/*/*.condensed.h5")).read_bytes())
        (folder / "secret").write_bytes(SECRET)
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    return write


def external(file: h5py.File) -> None:
    del file["images"]
    storage = [(str(Path(file.filename).with_name("secret")), 0, 768)]
    file.create_dataset("images", (3, 1, 8, 8), "<f4", external=storage)


def virtual(file: h5py.File) -> None:
    del file["images"]
    store = h5py.VirtualLayout((3, 1, 8, 8), "<f4")
    store[:] = h5py.VirtualSource(str(Path(file.filename).with_name("other.h5")), "x", (3, 1, 8, 8))
    file.create_virtual_dataset("images", store)


def linked(link: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file["images"]
        file["images"] = link

    return change


def put(name: str, value: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if name in file:
            del file[name]
        file[name] = value

    return change


def attribute(name: str, value: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file.attrs[name] = value

    return change


def declared(file: h5py.File) -> None:
    del file["images"]
    file.create_dataset("images", (2**40, 1, 8, 8), "<f4", chunks=(1, 1, 8, 8), compression="gzip")


def bomb(folder: Path) -> Path:
    header = io.BytesIO()
    about = {"descr": "<f4", "fortran_order": False, "shape": (2**26, 8, 8)}
    np.lib.format.write_array_header_1_0(header, about)
    with (
        zipfile.ZipFile(folder / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("images.npy", "w") as entry,
    ):
        entry.write(header.getvalue())
        for _ in range(512):
            entry.write(bytes(2**20))
    return folder / "x.npz"


def sparse(folder: Path) -> Path:
    indices = torch.tensor([[0], [0], [0], [0]])
    torch.save(
        {"images": torch.sparse_coo_tensor(indices, torch.ones(1), (2**20, 3, 512, 512)), "labels": LABELS},
        folder / "x.pt",
    )
    return folder / "x.pt"


def strided(folder: Path) -> Path:
    torch.save({"images": torch.zeros(1).expand(2**24, 1, 64, 64), "labels": LABELS}, folder / "x.pt")
    return folder / "x.pt"


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "x.pt")
    return folder / "x.pt"


def a_socket(folder: Path) -> Path:
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)  # names of sockets are short
        socket.socket(socket.AF_UNIX).bind("x.pt")
    finally:
        os.fchdir(here)
        os.close(here)
    return folder / "x.pt"


def huge_file(folder: Path) -> Path:
    with (folder / "x.safetensors").open("wb") as file:
        file.truncate(2**40)
    return folder / "x.safetensors"


def pictures(
    *names: str, size: tuple[int, int] = (8, 8), mode: str = "L", content: bytes | None = None
) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        for name in names:
            path = folder / "x" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                Image.new(mode, size).save(path)
            else:
                path.write_bytes(content)
        (folder / "x").mkdir(exist_ok=True)
        return folder / "x"

    return write


def about(text: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        made = pictures("class 0/0.png", "class 1/0.png", "class 2/0.png")(folder)
        (made / ABOUT).write_text(text)
        return made

    return write


def evil(write: Callable[[Path, bytes], None], name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        write(folder / name, pickle.dumps({"images": Evil(folder / "victim"), "labels": [0]}))
        return folder / name

    return make


def evil_pt(folder: Path) -> Path:
    torch.save({"images": Evil(folder / "victim"), "labels": LABELS}, folder / "x.pt")
    return folder / "x.pt"


def evil_npz(folder: Path) -> Path:
    np.savez(folder / "x.npz", images=np.array([Evil(folder / "victim")], dtype=object), labels=np.arange(1))
    return folder / "x.npz"


def plain(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def zip_of(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, content)
    return made.getvalue()


def cyclic() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


F32 = {"dtype": "F32", "shape": [3, 1, 8, 8], "data_offsets": [0, 768]}
PAIR = {"images": IMAGES, "labels": LABELS}
CASES: dict[str, Callable[[Path], Path]] = {
    "pickle that runs": evil(plain, "x.pkl"),
    "pickle named pt": evil(plain, "x.pt"),
    "pt that runs": evil_pt,
    "npz that runs": evil_npz,
    "zip with a pickle": raw("x.pt", zip_of("data.pkl", pickle.dumps(Evil(Path("victim"))))),
    "fifo": fifo,
    "socket": a_socket,
    "hole of a terabyte": huge_file,
    "npz bomb": bomb,
    "sparse": sparse,
    "expanded": strided,
    "empty pt": raw("x.pt", b""),
    "empty h5": raw("x.h5", b""),
    "empty npz": raw("x.npz", b""),
    "empty safetensors": raw("x.safetensors", b""),
    "web page": raw("x.pt", b"<!DOCTYPE html><title>404</title>"),
    "text": raw("x.h5", b"not found\n"),
    "array saved as pt": raw("x.pt", b"\x93NUMPY\x01\x00"),
    "other ending": raw("x.doc", b"x"),
    "no ending": raw("x", b"x"),
    "control characters": raw("x.pt", b"\x1b[31m \x9b"),
    "safetensors header beyond": tensors({}, length=2**62),
    "safetensors header of one": tensors(b"[", length=1),
    "safetensors deep": tensors(b"[" * 50_000),
    "safetensors no dict": tensors([]),
    "safetensors offsets": tensors({"images": F32 | {"data_offsets": [0, 2**50]}}),
    "safetensors negative": tensors({"images": F32 | {"shape": [-1]}}, bytes(768)),
    "safetensors shape": tensors({"images": F32 | {"shape": [2**32, 2**32]}}, bytes(768)),
    "safetensors no labels": tensors({"images": F32}, bytes(768)),
    "external storage": stored(external),
    "virtual": stored(virtual),
    "soft link": stored(linked(h5py.SoftLink("/labels"))),
    "external link": stored(linked(h5py.ExternalLink("secret", "/x"))),
    "declared shape": stored(declared),
    "images are text": stored(put("images", "x")),
    "images are a reference": stored(put("images", np.zeros((3, 1, 8, 8), "<c8"))),
    "labels too long": stored(put("labels", np.zeros(9, "<i8"))),
    "labels beyond": stored(put("labels", np.full(3, 9))),
    "labels negative": stored(put("labels", np.full(3, -1))),
    "no facts": stored(lambda file: file.attrs.__delitem__("facts")),
    "facts deep": stored(attribute("facts", np.bytes_(b"[" * 50_000))),
    "facts a list": stored(attribute("facts", np.bytes_(b"[]"))),
    "factor of 10^9": stored(attribute("decoder_factor", 10**9)),
    "factor of -1": stored(attribute("decoder_factor", -1)),
    "format 99": stored(attribute("dcbench_format", 99)),
    "kind": stored(attribute("dcbench_kind", np.bytes_(b"index"))),
    "nan": pt({"images": IMAGES * float("nan"), "labels": LABELS}),
    "infinite": pt({"images": IMAGES / 0, "labels": LABELS}),
    "pixels of 255": pt({"images": IMAGES * 255.0, "labels": LABELS}),
    "other classes": pt({"images": IMAGES, "labels": LABELS + 7}),
    "other size": pt({"images": torch.zeros(3, 1, 9, 9), "labels": LABELS}),
    "no images": pt({"images": IMAGES[:0], "labels": LABELS[:0]}),
    "labels of text": pt({"images": IMAGES, "labels": ["a", "b", "c"]}),
    "a list in itself": pt(cyclic()),
    "a number": pt(3),
    "nothing": pt(None),
    "complex": pt({"images": IMAGES + 1j, "labels": LABELS}),
    "bfloat": pt({"images": IMAGES.bfloat16() * 1e30, "labels": LABELS}),
    "npz objects": npz(images=np.array([None], dtype=object), labels=np.arange(1)),
    "npz text": npz(images=np.array(["a"]), labels=np.arange(1)),
    "no pictures": pictures(),
    "pictures of no class": pictures("zebra/0.png"),
    "a picture that is none": pictures("class 0/0.png", content=b"x"),
    "pictures of odd sizes": pictures("class 0/0.png", "class 1/0.png", "class 2/0.png", size=(9, 7)),
    "pictures in 16 bits": pictures("class 0/0.png", "class 1/0.png", "class 2/0.png", mode="I;16"),
    "about deep": about("[" * 50_000),
    "about list": about("[]"),
    "about factor": about('{"factor": 1e400, "classes": {}}'),
}


def try_imports(home: Path, count: int) -> Told:
    """Import the first *count* of `CASES`, each in a process of its own, with bounds of time and memory."""
    told = Told()
    run(home, home / "results")
    for number, (name, write) in enumerate(list(CASES.items())[:count]):
        folder = home / f"case-{number}"
        folder.mkdir()
        try:
            path = write(folder)
        except Exception as error:
            told.wrong.append(f"{name}: could not be made: {error}")
            continue
        told.done += 1
        _judge(name, folder, _attempt(home, folder, path), told)
    return told


def _attempt(home: Path, folder: Path, path: Path) -> dict[str, Any]:
    said = folder / "said.json"

    def attempt() -> None:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        wanted = Import(file=path, dataset="toy", name="theirs")
        try:
            done = import_sets(wanted, Store(folder / "into"), home / "data", load_registry_once())
            told = {"taken": [str(one.path) for one in done]}
        except DcbenchError as error:
            told = {"refused": str(error)}
        except BaseException as error:
            told = {"raised": f"{type(error).__name__}: {error}"}
        said.write_text(json.dumps(told))

    child, end = forked(attempt), time.monotonic() + SECONDS
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return {"raised": f"it took more than {SECONDS:g} seconds"}
        time.sleep(0.01)
    return json.loads(said.read_text()) if said.exists() else {"raised": "it crashed"}


def _judge(name: str, folder: Path, said: dict[str, Any], told: Told) -> None:
    if (folder / "victim").exists():
        told.wrong.append(f"{name}: code of the file was run")
    if "refused" in said:
        told.refused += 1
        text = said["refused"].replace(str(folder), "")
        if len(text.splitlines()) != 1 or len(text) > LONGEST or "\x1b" in text:
            told.wrong.append(f"{name}: not one clean line: {text[:200]!r}")
        if (folder / "into").exists() and list((folder / "into").rglob("*.condensed.h5")):
            told.wrong.append(f"{name}: refused, and in the store all the same")
    elif "taken" in said:
        told.taken.append(name)
        for path in said["taken"]:
            images = read_condensed(Path(path)).condensed.images
            if images is not None and (not images.isfinite().all() or SECRET[:20] in images.numpy().tobytes()):
                told.wrong.append(f"{name}: an unsound set was taken")
    else:
        told.wrong.append(f"{name}: {said['raised'][:300]}")
