"""Bad input: one line that says what is wrong, exit code 2, and nothing is started or made."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.command_line import CommandLine, Ended

TOY = ("--datasets", "toy", "--evaluators", "count", "--methods", "toy-first")


def _refused(ended: Ended) -> str:
    assert (ended.code, ended.out) == (2, ""), ended.err
    assert ended.err.startswith("dcbench: ")
    assert ended.err.count("\n") == 1
    return ended.err.removeprefix("dcbench: ").strip()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--methods randm", "no method is called 'randm'; did you mean 'random'? There are: dm, herding"),
        ("--methods quux", "no method is called 'quux'. There are: dm, herding, idm, imported, k-center, m3d"),
        ("--methods m3d[lr", "cannot read 'm3d[lr'"),
        ("--methods ,", "no methods are selected"),
        ("--datasets ,", "no datasets are selected"),
        ("--networks ,", "--networks names nothing; leave it out for what is usual"),
        ("--protocol ,", "--protocol names nothing; leave it out for what is usual"),
        ("--datasets digts", "no dataset is called 'digts'; did you mean 'digits'?"),
        ("--datasets digits:x", "dataset 'digits:x': write digits"),
        ("--datasets folder", "dataset 'folder': write folder:PATH"),
        ("--datasets folder:not/there", "folder:not/there"),
        ("--evaluators acuracy", "no evaluator is called 'acuracy'; did you mean 'accuracy'?"),
        ("--protocol idcc", "no protocol is called 'idcc'; did you mean 'idc'?"),
        ("--networks convnt3", "no network is called 'convnt3'; did you mean 'convnet3'?"),
        ("--networks convnet[dept=3]", "convnet has no setting 'dept'; did you mean 'depth'?"),
        ("--methods m3d --set m3d.netwrk=x", "m3d has no setting 'netwrk'; did you mean 'network'? There are: iter"),
        ("--methods m3d --set m3d.network=convnt", "no network is called 'convnt'; did you mean 'convnet'?"),
        ("--methods m3d[lr=fast]", "m3d.lr=fast: should be a valid number"),
        ("--methods m3d --set m3d.factor=40", "m3d: factor=40: at most 8, the side of the images of digits"),
        ("--methods m3d --set m3d.lr", "cannot read --set 'm3d.lr'"),
        (
            "--methods dm --set m3d.lr=1",
            "--set m3d.…: nothing called 'm3d' is selected. Selected: accuracy, digits, dm",
        ),
        ("--methods m3d --set m3d.network=convnet[depth=9]", "depth"),
        ("--networks convnet[depth=9]", "depth"),
        ("--methods m3d[factor=2,init=mix] --ipc 50", "m3d: init=mix takes 200 images of each class at IPC 50"),
        ("--ipc 0", "--ipc takes whole numbers from 1 on, such as 1,10,50 or 1-4; not '0'"),
        ("--ipc one", "--ipc takes whole numbers from 1 on, such as 1,10,50 or 1-4; not 'one'"),
        ("--classes 0-4,6", "--classes takes one class or one range, such as 7 or 0-19; not '0-4,6'"),
        ("--classes 5-10 --methods m3d", "--classes 5-10 goes beyond the classes of digits, 0-9"),
        ("--classes 0-4 --methods random", "random cannot be condensed in parts; run it without --classes"),
        ("--ipc 6000", "--ipc 6000 is more than the 1"),
        ("--seeds 1-x", "--seeds takes whole numbers from 0 on"),
        ("--seeds 0-9999999999", "--seeds takes at most 1,000,000 numbers; 0-9999999999 are more"),
        ("--ipc 1-300000000", "--ipc takes at most 1,000,000 numbers"),
        ("--repeats 0", "run: Invalid value for '--repeats'"),
        ("--jobs 0", "run: Invalid value for '--jobs'"),
        ("--split train", "run: Invalid value for '--split'"),
        ("--existing maybe", "run: Invalid value for '--existing'"),
        ("--timeout soon", "--timeout takes a time such as 90s, 30m or 2h, not 'soon'"),
        ("--device cuda:7", "there is no device 'cuda:7' here. There are: cpu"),
        ("--device gpu", "there is no device 'gpu' here. There are: cpu"),
        ("--device cpu --precision tf32", "--precision tf32 is arithmetic of GPUs; on the CPU"),
        ("--precision half", "run: Invalid value for '--precision'"),
        ("--method dm", "run: No such option"),
        ("digits", "run: Got unexpected extra argument"),
        ("--config not-there.toml", "run: Invalid value for '--config'"),
        ("--methods toy-bad --set toy-bad.how=refuse", "toy-bad.how=refuse: refused while planning"),
    ],
)
def test_a_wrong_request_is_refused(dcbench: CommandLine, tmp_path: Path, arguments: str, said: str) -> None:
    ended = dcbench("run", "--methods", "random", *arguments.split(), cwd=tmp_path)
    assert said in _refused(ended)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["cifar10", "mnist"])
def test_data_that_is_not_there_is_refused_with_the_place_where_it_belongs(
    dcbench: CommandLine, tmp_path: Path, name: str
) -> None:
    start = time.monotonic()
    offline = {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    data = tmp_path / "data"
    line = _refused(dcbench("run", "--datasets", name, "--data", data, "--methods", "random", cwd=tmp_path, **offline))
    assert line.startswith(f"{name}: looked in {data}")
    assert "--data or the environment variable DCBENCH_DATA" in line
    assert list(tmp_path.iterdir()) == []
    assert time.monotonic() - start < 60


def _image(file: Path, mode: str = "RGB", size: tuple[int, int] = (8, 8)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size).save(file)


def _pictures(folder: Path, *classes: str) -> Path:
    for file in (folder / split / label / "1.jpg" for split in ("train", "val") for label in classes):
        _image(file)
    return folder


def test_a_dry_run_refuses_what_the_run_would(dcbench: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    dry = ("run", "--methods", "random", "--dry-run")
    said = _refused(dcbench(*dry, "--results", "file/below", cwd=tmp_path))
    assert said == "the results folder file/below cannot be made: file is a file"
    for text in ("soon", "-1", "nan", "inf"):
        said = _refused(dcbench(*dry, cwd=tmp_path, DCBENCH_CHECKPOINT_SECONDS=text))
        assert said == f"DCBENCH_CHECKPOINT_SECONDS is a number of seconds from 0 on, not {text!r}"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda pictures: (pictures / "train/a/2.png").write_text("no image"),
            "train/a/2.png cannot be used: cannot id",
        ),
        (lambda pictures: os.truncate(pictures / "val/b/1.jpg", 300), "val/b/1.jpg cannot be used: "),
        (lambda pictures: (pictures / "train/b/1.jpg").unlink(), "train/b cannot be used: no image in it"),
        (lambda pictures: shutil.rmtree(pictures / "val/a"), "val cannot be used: no class folder a"),
        (lambda pictures: shutil.rmtree(pictures / "val"), "pictures/val; it must hold one folder"),
        (lambda pictures: _image(pictures / "train/b/2.jpg", size=(8, 9)), "b/2.jpg cannot be used: it has 8x9 pixels"),
        (lambda pictures: _image(pictures / "train/b/2.png", "I;16"), "b/2.png cannot be used: pixels of kind I"),
    ],
    ids=["no image", "truncated", "empty class", "class gone", "no test split", "not square", "16 bits"],
)
def test_a_folder_with_something_wrong_is_refused(
    dcbench: CommandLine, tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(_pictures(tmp_path / "pictures", "a", "b"))
    line = _refused(dcbench("run", "--datasets", "folder:pictures", "--methods", "random", cwd=tmp_path))
    assert said in line
    assert not (tmp_path / "results").exists()


def test_an_imagenet_folder_that_lacks_classes_is_refused(dcbench: CommandLine, tmp_path: Path) -> None:
    _pictures(tmp_path / "data/imagenet", "n02869837", "n01749939", "n02488291")
    asked = ("run", "--datasets", "imagenet10", "--data", "data", "--methods", "random")
    line = _refused(dcbench(*asked, cwd=tmp_path))
    lacking = "n02107142, n13037406, n02091831, n04517823, n04589890, n03062245, n01773797"
    assert line == f"imagenet10: data/imagenet/train lacks 7 of 10 classes: {lacking}"


@pytest.mark.parametrize("cache", ["pictures/train/a/1.jpg", "/proc/no/such"])
def test_an_image_cache_that_cannot_be_written_is_refused(dcbench: CommandLine, tmp_path: Path, cache: str) -> None:
    _pictures(tmp_path / "pictures", "a", "b")
    asked = ("run", "--datasets", "folder:pictures", "--methods", "random")
    line = _refused(dcbench(*asked, cwd=tmp_path, DCBENCH_CACHE=cache))
    assert f"the image cache {cache}/" in line
    assert "set another with DCBENCH_CACHE" in line


@pytest.mark.parametrize("results", ["a-file", "a-file/below", "/proc/no/such"])
def test_results_that_cannot_be_written_are_refused(
    dcbench: CommandLine, data: Path, tmp_path: Path, results: str
) -> None:
    (tmp_path / "a-file").write_text("mine")
    line = _refused(dcbench("run", *TOY, "--data", data, "--results", results, cwd=tmp_path))
    assert results in line
    assert (tmp_path / "a-file").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["a-file"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("methods = [", "config.toml: "),
        ("method = 'dm'", "config.toml: there is no option 'method'"),
        ("ipc = [0]", "--ipc takes whole numbers from 1 on"),
        ("repeats = 'many'", "'many' is not a valid integer"),
        ("\xff", "config.toml: "),
    ],
)
def test_a_wrong_config_is_refused(dcbench: CommandLine, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.toml").write_bytes(text.encode("latin-1"))
    assert said in _refused(dcbench("run", "--config", "config.toml", "--methods", "random", cwd=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


def test_two_datasets_of_one_name_are_refused(dcbench: CommandLine, data: Path, tmp_path: Path) -> None:
    twice = ("--datasets", "toy,toy[classes=2]", "--methods", "toy-first", "--evaluators", "count")
    line = _refused(dcbench("run", *twice, "--data", data, cwd=tmp_path))
    assert "two datasets are called 'toy'" in line


@pytest.mark.parametrize("arguments", [("run", "--ipc", "0", "--traceback"), ("--traceback", "run", "--ipc", "0")])
def test_a_traceback_is_shown_on_request(dcbench: CommandLine, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = dcbench(*arguments, cwd=tmp_path)
    assert ended.code != 0
    assert ended.err.startswith("Traceback (most recent call last)")
    assert "RequestError: --ipc takes" in ended.err


@pytest.mark.parametrize("arguments", [("rn",), ("--nonsense",), ("report", "table9"), ("export",)])
def test_a_wrong_command_is_refused(dcbench: CommandLine, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    _refused(dcbench(*arguments, cwd=tmp_path))
