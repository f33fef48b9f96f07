from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import pytest
import torch
from safetensors import safe_open

if TYPE_CHECKING:
    from pathlib import Path

    from support.command_line import CommandLine, Ended


@pytest.fixture
def export(dcbench: CommandLine, finished: Path, data: Path, tmp_path: Path):
    """Export from the finished cells."""

    def call(*arguments: str, results: Path = finished) -> Ended:
        return dcbench("export", *arguments, "--results", results, "--data", data, cwd=tmp_path)

    return call


def refused(ended: Ended) -> str:
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    return ended.err


def head_of(finished: Path, method: str) -> str:
    return min(path.name[3:15] for path in (finished / "toy" / method / "ipc1").glob("s0-*"))


def test_hdf5_is_one_file_with_everything(export, tmp_path: Path) -> None:
    ended = export("all.h5")
    assert (ended.code, ended.out, ended.err) == (0, "", "wrote all.h5: 16 files of results\n")
    with h5py.File(tmp_path / "all.h5") as file:
        for method in ("toy-first", "toy-slow"):
            assert {len(file[f"toy/{method}/{ipc}"]) for ipc in ("ipc1", "ipc2")} == {4}
        selections = [item for name, item in file["toy/toy-first/ipc1"].items() if name.endswith(".condensed")]
        assert all("source_images" in selection for selection in selections)


def test_chosen_cells_are_exported_alone(export, finished: Path, tmp_path: Path) -> None:
    head = head_of(finished, "toy-first")
    ended = export("one.h5", "--cells", head)
    assert (ended.code, ended.err) == (0, "wrote one.h5: 2 files of results\n")
    with h5py.File(tmp_path / "one.h5") as file:
        assert all(name.startswith(f"s0-{head}") for name in file["toy/toy-first/ipc1"])


def test_a_folder_gets_every_set_under_a_name_that_says_what_it_is(export, finished: Path, tmp_path: Path) -> None:
    ended = export("sets", "--format", "images")
    assert (ended.code, ended.err) == (0, "wrote sets: 8 condensed sets\n")
    assert len(ended.out.splitlines()) == len(list((tmp_path / "sets").iterdir())) == 8
    home = tmp_path / "sets" / f"toy-toy-first-ipc1-s0-{head_of(finished, 'toy-first')}"
    assert sorted(path.name for path in home.iterdir()) == ["class 0", "class 1", "class 2", "set.json"]


def test_a_file_holds_one_set_with_its_provenance(export, finished: Path, tmp_path: Path) -> None:
    head = head_of(finished, "toy-slow")
    assert export("x.safetensors", "--cells", head).out == "x.safetensors\n"
    assert export("x.pt", "--cells", head).out == "x.pt\n"
    held = torch.load(tmp_path / "x.pt", weights_only=True)
    with safe_open(tmp_path / "x.safetensors", "pt") as file:
        assert torch.equal(file.get_tensor("images"), held["images"])
        assert file.metadata()["facts"] == held["facts"]
    assert f'"digest": "{head}' in held["facts"]


def test_an_export_that_finds_nothing_leaves_what_is_there_alone(export, tmp_path: Path) -> None:
    empty = tmp_path / "results"
    empty.mkdir()
    (tmp_path / "mine.h5").write_text("precious")
    assert "there is nothing in" in refused(export("mine.h5", results=empty))
    assert "there is no condensed set in" in refused(export("sets", "--format", "pt", results=empty))
    assert "no cell" in refused(export("mine.h5", "--cells", "xyz"))
    assert (tmp_path / "mine.h5").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sets",), "the name sets does not say the format"),
        (("sets.npz",), "sets are not exported as npz"),
        (("sets.pt", "--format", "images"), "the name sets.pt says pt, --format says images"),
        ((".", "--format", "hdf5"), "is a folder"),
        (("sets.h5", "--decoded"), "--decoded goes with"),
        (("sets.pt",), "sets.pt can hold one set, and there are 8"),
        (("sets", "--format", "jpeg"), "Invalid value for '--format'"),
    ],
)
def test_a_wrong_request_is_one_line(export, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(export(*arguments))
    assert list(tmp_path.iterdir()) == []
