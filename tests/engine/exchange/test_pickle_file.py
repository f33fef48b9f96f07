from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.hostile_pickle import Evil

from dcbench import RequestError
from dcbench.engine.exchange import pickle_file, torch_file

IMAGES = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([1, 0, 1, 0])


class Ordinary:
    """An object without anything special."""

    def __init__(self) -> None:
        self.x = 1


def global_of(module: str, name: str) -> bytes:
    return b"".join(b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name)) + b"\x93"


@pytest.mark.parametrize("name", ["best.pkl", "best.pickle", "best.pt"])
@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_the_best_set_of_idm_is_a_pickle_of_two_tensors(tmp_path: Path, name: str, protocol: int) -> None:
    held = IMAGES.clone().requires_grad_().detach(), LABELS
    (tmp_path / name).write_bytes(pickle.dumps(held, protocol))
    (read,) = torch_file.read_all(tmp_path / name)
    assert torch.equal(read.images, IMAGES)
    assert torch.equal(read.labels, LABELS)


def test_views_parameters_and_the_layout_of_dc_are_read_too(tmp_path: Path) -> None:
    whole = torch.arange(24.0).reshape(2, 1, 3, 4)
    held = {"data": [[torch.nn.Parameter(whole[:, :, 1:, ::2]), LABELS[:2]]], "accs_all_exps": {"ConvNet": [0.5]}}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(held))
    (read,) = torch_file.read_all(tmp_path / "x.pkl")
    assert torch.equal(read.images, whole[:, :, 1:, ::2])
    assert not read.images.requires_grad
    assert read.claimed == {"ConvNet": (0.5,)}


@pytest.mark.parametrize("name", ["x.pkl", "x.pt"])
def test_what_could_run_is_refused_and_does_not(tmp_path: Path, name: str) -> None:
    victim = tmp_path / "victim"
    (tmp_path / name).write_bytes(pickle.dumps((IMAGES, LABELS, Evil(victim))))
    with pytest.raises(
        RequestError, match=r"holds more than tensors.* \(posix\.mkdir\); it is not unpickled"
    ) as caught:
        torch_file.read_all(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert not victim.exists()


def test_nothing_is_carried_out_before_all_of_it_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_file, "_Unpickler", None)
    (tmp_path / "x.pkl").write_bytes(pickle.dumps((IMAGES, Ordinary())))
    with pytest.raises(RequestError, match=r"test_pickle_file\.Ordinary"):
        pickle_file.read(tmp_path / "x.pkl")


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(global_of("builtins", "eval") + b"\x8c\x011\x85R.", id="eval"),
        pytest.param(global_of("torch", "load") + b".", id="torch.load"),
        pytest.param(global_of("torch.serialization", "load") + b".", id="load by its module"),
        pytest.param(global_of("torch._utils", "_rebuild_tensor_v2.__globals__") + b".", id="a path of attributes"),
        pytest.param(global_of("dcbench.engine.exchange.pickle_file", "torch") + b".", id="our own module"),
        pytest.param(global_of("collections", "OrderedDict") + b"}b.", id="BUILD"),
        pytest.param(b"Pname\n.", id="persistent id"),
        pytest.param(b"\x82\x01.", id="extension"),
        pytest.param(b"(cposix\nsystem\no.", id="OBJ"),
        pytest.param(b"(S'true'\niposix\nsystem\n.", id="INST"),
    ],
)
def test_every_way_to_something_else_is_closed(tmp_path: Path, program: bytes) -> None:
    (tmp_path / "x.pkl").write_bytes(b"\x80\x04" + program)
    with pytest.raises(RequestError, match="holds more than tensors") as caught:
        pickle_file.read(tmp_path / "x.pkl")
    assert "\n" not in str(caught.value)


def test_bytes_in_the_place_of_a_storage_are_read_as_carefully(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    inner = pickle.dumps(Evil(victim))
    program = b"\x80\x04" + global_of("torch.storage", "_load_from_bytes") + b"B" + struct.pack("<I", len(inner))
    (tmp_path / "x.pkl").write_bytes(program + inner + b"\x85R.")
    with pytest.raises(RequestError, match=r"x\.pkl is a damaged pickle"):
        pickle_file.read(tmp_path / "x.pkl")
    assert not victim.exists()


def test_a_tensor_reaches_no_further_than_its_numbers(tmp_path: Path) -> None:
    whole = pickle.dumps(torch.zeros(4), 3)  # without frames, whose lengths would no longer fit
    (tmp_path / "x.pkl").write_bytes(whole.replace(b"K\x00K\x04\x85", b"K\x00M\xff\xff\x85"))
    with pytest.raises(RequestError, match=r"damaged pickle.*storage"):
        pickle_file.read(tmp_path / "x.pkl")


def test_numbers_that_are_repeated_without_end_are_refused(tmp_path: Path) -> None:
    torch.save([torch.zeros(1).expand(1 << 40), LABELS], tmp_path / "x.pt")
    with pytest.raises(RequestError, match="and fewer numbers than that"):
        torch_file.read_all(tmp_path / "x.pt")


def test_a_memo_larger_than_the_file_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "x.pkl").write_bytes(b"\x80\x04]r\xff\xff\xff\xff.")
    with pytest.raises(RequestError, match=r"damaged pickle.*memo"):
        pickle_file.read(tmp_path / "x.pkl")


def test_lists_of_lists_without_end_end(tmp_path: Path) -> None:
    held: Any = []
    for _ in range(60):
        held = [held, held]  # 2^60 paths, a few bytes
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(held))
    with pytest.raises(RequestError, match="holds no images with labels, but a list of list, list"):
        torch_file.read_all(tmp_path / "x.pkl")


def test_whatever_byte_is_damaged_the_line_names_the_file(tmp_path: Path) -> None:
    whole = pickle.dumps((IMAGES[:, :, :2, :2], LABELS))
    path = tmp_path / "x.pkl"
    told = []
    for position in range(0, len(whole), 3):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 255]) + whole[position + 1 :])
        try:
            torch_file.read_all(path)
        except RequestError as error:
            told.append(str(error))
    assert told
    assert all(str(path) in line and "\n" not in line for line in told)


@pytest.mark.parametrize("plain", [False, True])
def test_numpy_arrays_in_a_pickle_are_named_with_what_to_do(tmp_path: Path, plain: bool) -> None:
    held = {"images": IMAGES.numpy(), "labels": LABELS.numpy()}
    path = tmp_path / "x.pt"
    if plain:
        path.write_bytes(pickle.dumps(held))
    else:
        torch.save(held, path)
    with pytest.raises(RequestError, match=r"holds numpy arrays in a pickle.*torch\.from_numpy") as caught:
        torch_file.read_all(path)
    assert "\n" not in str(caught.value)
    np.savez(tmp_path / "x.npz", **held)  # what the line says
