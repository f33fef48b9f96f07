"""Datasets that are not there yet: what is fetched, and what is left when it fails."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.made_vision import (
    LABELS,
    NAMES,
    SMALL,
    of,
    official,
    write_cifar,
    write_mnist,
    write_svhn,
)

from dcbench import MissingDataError
from dcbench_plugins.datasets import standard, vision

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.usefixtures("small")


@pytest.mark.parametrize("name", NAMES)
def test_missing_files_are_asked_for_and_then_explained_in_one_line(
    name: str, tmp_path: Path, no_network: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "deep" / "data"
    with pytest.raises(MissingDataError) as caught:
        of(name, root).load("train")
    text = str(caught.value)
    assert no_network
    assert "\n" not in text
    assert str(root) in text
    assert "no route to host" in text
    assert "--data" in text
    assert "DCBENCH_DATA" in text
    assert {"mnist": "train-images-idx3-ubyte", "svhn": "train_32x32.mat"}.get(name, "") in text
    assert not root.parent.exists()
    assert capfd.readouterr() == ("", "")


def test_what_was_there_stays_when_fetching_fails(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / "MNIST/raw/train-labels-idx1-ubyte").unlink()
    with pytest.raises(MissingDataError):
        of("mnist", tmp_path).files("train")
    assert len(list((tmp_path / "MNIST/raw").iterdir())) == 3


def test_a_download_is_silent_and_only_of_the_split_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write_mnist(tmp_path / "server")
    asked: list[str] = []

    def answer(request: Any) -> Any:
        name = request.full_url.rpartition("/")[2]
        asked.append(name)
        stream = io.BytesIO((tmp_path / "server" / f"{name}").read_bytes())
        stream.url, stream.length = request.full_url, None  # type: ignore[attr-defined]
        return stream

    resources = []
    for entry, _ in official.MNIST.resources:
        packed = gzip.compress((tmp_path / "server/MNIST/raw" / entry[:-3]).read_bytes())
        (tmp_path / "server" / entry).write_bytes(packed)
        resources.append((entry, hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(official.MNIST, "resources", resources)
    monkeypatch.setattr(urllib.request, "urlopen", answer)
    assert of("mnist", tmp_path / "data").load("train").labels.tolist() == LABELS["train"]
    assert set(asked) == {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"}
    assert capfd.readouterr() == ("", "")


class Server:
    """Answers requests with the files in *folder*, of which only the first bytes come while the line is *dropped*."""

    def __init__(self, folder: Path, dropped: bool = False) -> None:
        self.folder, self.dropped, self.asked = folder, dropped, 0

    def __call__(self, request: Any) -> Any:
        self.asked += 1
        whole = (self.folder / request.full_url.rpartition("/")[2]).read_bytes()
        stream = io.BytesIO(whole[:1000] if self.dropped else whole)
        stream.url, stream.length = request.full_url, None  # type: ignore[attr-defined]
        return stream


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Return a server of SVHN and of CIFAR-10, the latter packed as the official archive is."""
    folder = tmp_path / "server"
    write_svhn(folder, monkeypatch)
    write_cifar(folder, "cifar10", monkeypatch)
    with tarfile.open(folder / official.CIFAR10.filename, "w:gz") as archive:
        archive.add(folder / official.CIFAR10.base_folder, official.CIFAR10.base_folder)
    packed = (folder / official.CIFAR10.filename).read_bytes()
    monkeypatch.setattr(official.CIFAR10, "tgz_md5", hashlib.md5(packed).hexdigest())
    answer = Server(folder)
    monkeypatch.setattr(urllib.request, "urlopen", answer)
    return answer


@pytest.mark.parametrize("name", ["svhn", "cifar10"])
def test_a_dropped_connection_leaves_nothing_and_the_next_run_fetches_again(
    name: str, tmp_path: Path, server: Server
) -> None:
    root = tmp_path / "data"
    server.dropped = True
    with pytest.raises(MissingDataError, match="fetching them failed"):
        of(name, root).load("train")
    assert not root.exists()
    server.dropped = False
    dataset = of(name, root)
    assert dataset.load("train").labels.tolist() == LABELS["train"]
    kept = {path for path in root.rglob("*") if path.is_file()}
    assert set(dataset.files("train")) <= kept <= {*dataset.files("train"), *dataset.files("test")}


def test_one_archive_brings_both_splits(tmp_path: Path, server: Server) -> None:
    of("cifar10", tmp_path / "data").load("train")
    server.asked = 0
    assert of("cifar10", tmp_path / "data").load("test").labels.tolist() == LABELS["test"]
    assert server.asked == 0


def test_an_archive_that_lies_there_is_unpacked_and_stays(tmp_path: Path, server: Server) -> None:
    data, name = tmp_path / "data", official.CIFAR10.filename
    data.mkdir()
    (data / name).write_bytes((server.folder / name).read_bytes())
    assert of("cifar10", data).load("train").labels.tolist() == LABELS["train"]
    assert server.asked == 0
    assert (data / name).is_file()


def test_a_growing_file_does_not_have_its_name_yet(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, seen = of("svhn", tmp_path / "data"), []
    file = tmp_path / "data/svhn/train_32x32.mat"

    def answer(request: Any) -> Any:
        stream = server(request)
        read = stream.read
        stream.read = lambda size: (seen.append(file.exists()), read(size))[1]
        return stream

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    assert dataset.files("train") == [file]
    assert seen
    assert not any(seen)


def test_what_another_process_fetched_in_the_meantime_is_not_fetched_again(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def late(dataset: str, folder: Path) -> Iterator[Path]:
        write_svhn(folder, monkeypatch)
        yield tmp_path

    monkeypatch.setattr(vision, "fetching", late)
    assert len(of("svhn", tmp_path / "data").load("train")) == SMALL["train"]
    assert server.asked == 0


@pytest.mark.parametrize("name", [name for name in standard.INFO if name != "digits"])
def test_an_empty_folder_has_no_dataset_and_asking_fetches_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vision.VisionDataset, "_fetch", lambda self, split: pytest.fail("it fetches"))
    assert not of(name, tmp_path).present()
