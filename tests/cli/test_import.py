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

    from support.command_line import CommandLine

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
    assert "done    toy ipc 2 theirs replicate 0: evaluate count" in run.err
    assert "theirs replicate 0: condense" not in run.err
    table = bench.frame(tmp_path / "results")
    assert table["label"].unique().tolist() == ["theirs"]
    ours = bench.frame(finished).query("method == 'toy-slow' and ipc == 2 and replicate == 0")
    assert table["value"].tolist() == ours["value"].tolist(), "the same set, and the same seeds"
    images = bench.load(tmp_path / found.partition(": ")[2]).tensors[0]
    (original,) = (finished / "toy" / "toy-slow" / "ipc2").glob(f"s0-{head}.condensed.h5")
    assert torch.equal(images, bench.load(original).tensors[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--methods", "imported[name=theirs],imported[name=nope,factor=2]", "--dry-run"),
            "dcbench: no set of toy at IPC 1 and replicate 0 is imported as 'nope'; "
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


def test_a_file_of_several_experiments_becomes_several_seeds(dcbench: CommandLine, data: Path, tmp_path: Path) -> None:
    images, labels = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(3)
    accuracies = {"ConvNet": [0.25, 0.75, 0.5, 0.5]}
    torch.save({"data": [[images, labels], [1 - images, labels]], "accs_all_exps": accuracies}, tmp_path / "res_DC.pt")
    options = ("--dataset", "toy", "--name", "dc-published", "--data", data)
    ended = dcbench("import", "res_DC.pt", *options, cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    first, claim, second, other, command = ended.out.splitlines()
    assert first.startswith("3 images of toy, IPC 1: results/toy/imported/ipc1/s0-")
    assert claim == "  the file claims for ConvNet: 0.5 ± 0.25, mean of 2 numbers in the file; not measured here"
    assert second.startswith("3 images of toy, IPC 1: results/toy/imported/ipc1/s1-")
    assert other == "  the file claims for ConvNet: 0.5 ± 0, mean of 2 numbers in the file; not measured here"
    assert "--ipc 1 --seeds 0-1 " in command
    dry = dcbench(*shlex.split(command)[1:], *COUNT, "--dry-run", cwd=tmp_path)
    assert "2 cells: 2 jobs to do" in dry.out
    card = dcbench("show", second.rpartition("/")[2].partition(".")[0][3:], cwd=tmp_path)
    assert "claimed for ConvNet" in card.out
    assert "not measured here" in card.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mean", "0.5"), "--mean changes nothing with --space pixel; it goes with --space normalised"),
        (("--space", "normalised", "--mean", "a"), "Invalid value for '--mean': 'a' is not a list of numbers, such as"),
        (("--space", "normalised", "--std", "0"), "'0' is not a list of numbers above 0, such as"),
        (("--space", "normalised", "--std", "0.2,0.2"), "--std has 2 numbers, and toy 1 channels"),
        (("--clip", "--any-range"), "--clip and --any-range contradict each other"),
        (("--labels", "soft"), "--labels soft: it has one number for each image, a class; leave it out"),
        (("--folders", "numbers"), "--folders numbers goes with a folder of images, and x.pt is a file"),
        (("--dataset", "cifar10"), "cifar10 is not in "),
    ],
)
def test_what_would_be_ignored_or_cannot_be_is_one_line(
    dcbench: CommandLine, data: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    torch.save([torch.rand(3, 1, 8, 8) * 4 - 2, torch.arange(3)], tmp_path / "x.pt")
    ended = dcbench("import", "x.pt", "--dataset", "toy", "--name", "theirs", "--data", data, *options, cwd=tmp_path)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert message in ended.err


def test_whitening_takes_a_while_and_says_so_before(dcbench: CommandLine, data: Path, tmp_path: Path) -> None:
    torch.save([torch.rand(3, 1, 8, 8) * 4 - 2, torch.arange(3)], tmp_path / "x.pt")
    options = ("--dataset", "toy", "--name", "theirs", "--data", data, "--space", "zca")
    ended = dcbench("import", "x.pt", *options, cwd=tmp_path)
    assert ended.code == 0
    assert ended.err == "the whitening is computed from the training images, which takes a while\n"
