"""A set goes out, comes back under another name, is found by a run and evaluated; and from Python it can be loaded."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import pytest
import torch

import dcbench as bench

if TYPE_CHECKING:
    from pathlib import Path

    from command_line import CommandLine

COUNT = ("--evaluators", "count", "--device", "cpu", "--repeats", "2")


class Evil:
    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self):
        return os.mkdir, (str(self.victim),)


def test_an_imported_set_is_evaluated_as_if_it_were_made_here(
    dcbench: CommandLine, finished: Path, data: Path, tmp_path: Path
) -> None:
    head = min(path.name[3:15] for path in (finished / "toy" / "toy-slow" / "ipc2").glob("s0-*"))
    where = ("--data", data)
    assert dcbench("export", "x.safetensors", "--cells", head, "--results", finished, *where, cwd=tmp_path).code == 0
    ended = dcbench("import", "x.safetensors", "--dataset", "toy", "--name", "theirs", *where, cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    found, command = ended.out.splitlines()
    assert found.startswith("6 images of toy, IPC 2: results/toy/imported/ipc2/s0-")
    options = f"--datasets toy --ipc 2 --seeds 0 --data {shlex.quote(str(data))}"
    assert command == f"dcbench run --methods 'imported[name=theirs]' {options}"
    run = dcbench(*shlex.split(command)[1:], *COUNT, cwd=tmp_path)
    assert run.code == 0, run.err
    assert "done    toy ipc 2 theirs seed 0: evaluate count" in run.err
    assert "theirs seed 0: condense" not in run.err
    table = bench.frame(tmp_path / "results")
    assert table["label"].unique().tolist() == ["theirs"]
    ours = bench.frame(finished).query("method == 'toy-slow' and ipc == 2 and seed == 0")
    assert table["value"].tolist() == ours["value"].tolist(), "the same set, and the same seeds"
    images = bench.load(tmp_path / found.partition(": ")[2]).tensors[0]
    (original,) = (finished / "toy" / "toy-slow" / "ipc2").glob(f"s0-{head}.condensed.h5")
    assert torch.equal(images, bench.load(original).tensors[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--methods", "imported[name=theirs],imported[name=nope,factor=2]", "--dry-run"),
            "dcbench: no set of toy at IPC 1 and seed 0 is imported as 'nope'; "
            "dcbench import FILE --dataset toy --name nope --ipc 1 --seed 0 --factor 2\n",
        ),
        (
            ("--methods", "imported[name=theirs]", "--smoke"),
            "dcbench: --smoke begins with an empty store, and imported[name=theirs] is made elsewhere; leave it out\n",
        ),
    ],
    ids=["not imported", "smoke"],
)
def test_a_set_that_no_job_can_make_is_refused_before_anything_runs(
    dcbench: CommandLine, data: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    torch.save([torch.zeros(3, 1, 8, 8), torch.arange(3)], tmp_path / "x.pt")
    options = ("--dataset", "toy", "--name", "theirs", "--data", data)
    assert dcbench("import", "x.pt", *options, cwd=tmp_path).code == 0
    run = ("run", "--datasets", "toy", "--ipc", "1", "--data", data)
    ended = dcbench(*run, *arguments, *COUNT, cwd=tmp_path)
    assert (ended.code, ended.out, ended.err) == (2, "", message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.pt",), "Path 'missing.pt' does not exist"),
        (("evil.pt",), "evil.pt holds more than tensors"),
        (("text.txt",), "text.txt is of no format that can be imported"),
        (("good.pt", "--name", "m3d"), "--name m3d: a method is called that"),
        (("good.pt", "--space", "log"), "Invalid value for '--space'"),
        (("good.pt", "--ipc", "0"), "Invalid value for '--ipc'"),
        (("good.pt", "--dataset", "digits"), "labels must lie in"),
    ],
)
def test_what_is_wrong_is_one_line(
    dcbench: CommandLine, data: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    torch.save([torch.zeros(3, 1, 8, 8), torch.tensor([0, 1, 20])], tmp_path / "good.pt")
    torch.save([torch.zeros(3, 1, 8, 8), torch.arange(3), Evil(tmp_path / "victim")], tmp_path / "evil.pt")
    (tmp_path / "text.txt").write_text("text")
    options = ("--dataset", "toy", "--name", "theirs", "--ipc", "1", "--data", data)
    ended = dcbench("import", *options, *arguments, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    assert message in ended.err
    assert not (tmp_path / "victim").exists()
    assert not (tmp_path / "results").exists()
