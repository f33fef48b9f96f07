from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.hostile_pickle import Evil

from dcbench import RequestError
from dcbench.engine.exchange import npz_file, safetensors_file, torch_file
from dcbench.engine.exchange.portable import PortableSet

IMAGES = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([1, 0, 1, 0])


def test_our_own_files_need_no_unpickling(tmp_path: Path) -> None:
    torch_file.write(tmp_path / "x.pt", PortableSet(IMAGES, LABELS, 2, {"dataset": "toy"}))
    held = torch.load(tmp_path / "x.pt", weights_only=True)
    assert (held["factor"], held["decoder"]) == (2, "patches")


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_that_runs_code_is_refused_and_runs_none(tmp_path: Path, legacy: bool) -> None:
    path, victim = tmp_path / "x.pt", tmp_path / "victim"
    torch.save([IMAGES, LABELS, Evil(victim)], path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(RequestError, match=r"x\.pt holds more than tensors.* it is not unpickled") as caught:
        torch_file.read(path, 0)
    assert "\n" not in str(caught.value)
    assert not victim.exists()
    with path.open("rb") as file:  # the file does what it is said to do
        torch.load(file, weights_only=False)
    assert victim.exists()


def test_numpy_objects_are_refused_too(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    np.savez(tmp_path / "x.npz", images=np.array([Evil(victim)]), labels=LABELS)
    with pytest.raises(RequestError, match="cannot be read as a numpy archive of numbers"):
        npz_file.read(tmp_path / "x.npz")
    torch.save([IMAGES, LABELS, np.array([Evil(victim)])], tmp_path / "x.pt")
    with pytest.raises(RequestError, match="not unpickled"):
        torch_file.read(tmp_path / "x.pt", 0)
    assert not victim.exists()


@pytest.mark.parametrize("name", ["x.pt", "x.safetensors", "x.npz"])
@pytest.mark.parametrize("content", [b"", b"no such file", pickle.dumps({"images": 1})])
def test_a_damaged_file_is_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RequestError, match=name) as caught:
        {"x.pt": lambda: torch_file.read(path, 0), "x.npz": lambda: npz_file.read(path)}.get(
            name, lambda: safetensors_file.read(path)
        )()
    assert "\n" not in str(caught.value)


def test_sets_of_dc_and_dsa_are_read_by_their_number(tmp_path: Path) -> None:
    accuracies = {"ConvNet": [np.float64(28.3), np.float32(1.0), np.int64(2)]}
    torch.save({"data": [[IMAGES, LABELS], [IMAGES + 1, LABELS]], "accs_all_exps": accuracies}, tmp_path / "x.pt")
    assert torch.equal(torch_file.read(tmp_path / "x.pt", 0).images, IMAGES)
    assert torch.equal(torch_file.read(tmp_path / "x.pt", 1).images, IMAGES + 1)
    with pytest.raises(RequestError, match="holds 2 sets; --seed chooses among 0-1, not 2"):
        torch_file.read(tmp_path / "x.pt", 2)


def test_a_set_of_idc_is_a_list_and_may_carry_gradients(tmp_path: Path) -> None:
    torch.save([torch.nn.Parameter(IMAGES), LABELS], tmp_path / "x.pt")
    held = torch_file.read(tmp_path / "x.pt", 3)
    assert torch.equal(held.images, IMAGES)
    assert not held.images.requires_grad
    assert held.factor is None, "the file does not say"


def test_a_tensor_of_images_has_its_labels_in_a_file_of_its_own(tmp_path: Path) -> None:
    torch.save(IMAGES, tmp_path / "images_best.pt")
    with pytest.raises(RequestError, match="is one tensor without labels"):
        torch_file.read(tmp_path / "images_best.pt", 0)
    torch.save(LABELS.float(), tmp_path / "labels_best.pt")
    assert torch.equal(torch_file.read(tmp_path / "images_best.pt", 0).labels, LABELS.float())


@pytest.mark.parametrize("held", [{"images": IMAGES}, {"data": "text"}, [IMAGES], 5, {"images": [1], "labels": LABELS}])
def test_a_file_without_images_and_labels_says_what_is_wanted(tmp_path: Path, held: object) -> None:
    torch.save(held, tmp_path / "x.pt")
    with pytest.raises(RequestError, match=r"holds no images with labels, but .*: wanted are"):
        torch_file.read(tmp_path / "x.pt", 0)


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"factor": 0}, "its factor is '0'"),
        ({"factor": "2.5"}, "its factor is '2.5'"),
        ({"facts": "{"}, "its facts are not JSON"),
        ({"facts": "[]"}, "its facts are not a JSON object"),
    ],
)
def test_what_a_file_says_of_itself_is_checked(tmp_path: Path, about: dict[str, Any], message: str) -> None:
    torch.save({"images": IMAGES, "labels": LABELS, **about}, tmp_path / "x.pt")
    with pytest.raises(RequestError, match=message):
        torch_file.read(tmp_path / "x.pt", 0)


def test_a_numpy_archive_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=IMAGES.numpy(), y=LABELS.numpy(), factor=2)
    held = npz_file.read(tmp_path / "x.npz")
    assert torch.equal(held.images, IMAGES)
    assert torch.equal(held.labels, LABELS)
    assert held.factor == 2
