from __future__ import annotations

import gzip
import hashlib
import io
import os
import pickle
import struct
import sys
import tarfile
import urllib.error
import urllib.request
import warnings
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from oracles.image_folder import read_idx

from dcbench import Dataset, MissingDataError, UnreadableDataError
from dcbench_plugins.datasets import standard, vision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torchvision import datasets as official

SMALL = {"train": 6, "test": 4}


def of(name: str, root: Path) -> Dataset:
    target = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "svhn": "SVHN"}.get(name, name.upper())
    dataset: Dataset = getattr(vision, target)(root, "", getattr(vision, target).Settings())
    return dataset


def pixels(split: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(len(split)).integers(0, 256, (SMALL[split], *shape), dtype=np.uint8)


LABELS = {"train": [3, 1, 4, 1, 5, 9], "test": [2, 0, 5, 3]}


def write_idx(file: Path, array: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    file.write_bytes(header + array.astype(np.uint8).tobytes())


def write_mnist(root: Path, folder: str = "MNIST") -> None:
    for split, prefix in (("train", "train"), ("test", "t10k")):
        raw = root / folder / "raw"
        write_idx(raw / f"{prefix}-images-idx3-ubyte", pixels(split, (28, 28)))
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", np.array(LABELS[split]))


def write_pickle(file: Path, content: dict[str, Any]) -> list[str]:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(pickle.dumps(content))
    return [file.name, hashlib.md5(file.read_bytes()).hexdigest()]


def write_cifar(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write small files of the official names, and let torchvision take their checksums for the official ones."""
    base = official.CIFAR10 if name == "cifar10" else official.CIFAR100
    key, folder = ("labels" if name == "cifar10" else "fine_labels"), root / base.base_folder
    rows = {split: pixels(split, (3 * 32 * 32,)) for split in SMALL}
    batches = np.array_split(np.arange(SMALL["train"]), len(base.train_list))
    sums = [
        write_pickle(folder / old, {"data": rows["train"][part], key: [LABELS["train"][i] for i in part]})
        for (old, _), part in zip(base.train_list, batches, strict=True)
    ]
    monkeypatch.setattr(base, "train_list", sums)
    test = write_pickle(folder / base.test_list[0][0], {"data": rows["test"], key: LABELS["test"]})
    monkeypatch.setattr(base, "test_list", [test])
    _, md5 = write_pickle(folder / base.meta["filename"], {base.meta["key"]: ["?"] * 10})
    monkeypatch.setattr(base, "meta", base.meta | {"md5": md5})


def write_svhn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.io import savemat  # type: ignore[import-untyped]

    folder.mkdir(parents=True, exist_ok=True)
    sums = dict(official.SVHN.split_list)
    for split, labels in LABELS.items():
        file = folder / f"{split}_32x32.mat"
        tens = np.array([[label or 10] for label in labels], dtype=np.uint8)
        savemat(file, {"X": pixels(split, (3, 32, 32)).transpose(2, 3, 1, 0), "y": tens})
        sums[split] = [sums[split][0], file.name, hashlib.md5(file.read_bytes()).hexdigest()]
    monkeypatch.setattr(official.SVHN, "split_list", sums)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []

    def refuse(request: Any, *args: Any, **kwargs: Any) -> None:
        asked.append(request.full_url)
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    return asked


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_network: list[str]) -> None:
    monkeypatch.setenv("DCBENCH_CACHE", str(tmp_path / "cache"))
    for name, info in list(standard.INFO.items()):
        train, test = (tuple(map(LABELS[split].count, range(info.classes))) for split in ("train", "test"))
        monkeypatch.setitem(standard.INFO, name, replace(info, train_counts=train, test_counts=test))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Dataset]:
    def all_files(name: str) -> Dataset:
        root = tmp_path / "data"
        if name == "svhn":
            write_svhn(root / "svhn", monkeypatch)
        elif name.startswith("cifar"):
            write_cifar(root, name, monkeypatch)
        else:
            write_mnist(root, "MNIST" if name == "mnist" else "FashionMNIST")
        return of(name, root)

    return all_files


NAMES = ["mnist", "fashion-mnist", "svhn", "cifar10", "cifar100"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("split", ["train", "test"])
def test_images_and_labels_are_those_of_the_files(name: str, split: Any, write: Callable[[str], Dataset]) -> None:
    dataset = write(name)
    loaded = dataset.load(split)
    assert loaded.images.dtype == torch.uint8
    assert loaded.images.is_contiguous()
    flat = (3 * 32 * 32,) if name.startswith("cifar") else dataset.info().shape if name == "svhn" else (28, 28)
    expected = pixels(split, flat).reshape(SMALL[split], *dataset.info().shape)
    np.testing.assert_array_equal(loaded.images.numpy(), expected)
    assert loaded.labels.dtype == torch.int64
    assert loaded.labels.tolist() == LABELS[split]
    assert loaded.classes == dataset.info().classes


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("split", "other"), [("train", "test"), ("test", "train")])
def test_one_split_loads_without_the_files_of_the_other(
    name: str, split: Any, other: Any, write: Callable[[str], Dataset], no_network: list[str]
) -> None:
    dataset = write(name)
    for file in set(dataset.files(other)) - set(dataset.files(split)):
        file.unlink()
    assert len(dataset.load(split)) == SMALL[split]
    assert no_network == []


@pytest.mark.parametrize("name", NAMES)
def test_one_split_never_opens_the_files_of_the_other(name: str, write: Callable[[str], Dataset]) -> None:
    dataset = write(name)
    other = {str(file) for file in set(dataset.files("test")) - set(dataset.files("train"))}
    opened: set[str] = set()
    watching = True
    sys.addaudithook(lambda event, args: opened.add(str(args[0])) if watching and event == "open" else None)
    dataset.load("train")
    watching = False
    assert {str(file) for file in dataset.files("train")} <= opened
    assert not other & opened


@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_file_is_named(name: str, write: Callable[[str], Dataset]) -> None:
    dataset = write(name)
    for file in dataset.files("train"):
        whole = file.read_bytes()
        file.write_bytes(whole[:-3])
        with pytest.raises(UnreadableDataError, match=f"{file.name} cannot be used: .*delete it") as caught:
            dataset.load("train")
        assert "\n" not in str(caught.value)
        file.write_bytes(b"")
        with pytest.raises(UnreadableDataError, match=file.name):
            dataset.load("train")
        file.write_bytes(whole)


class Alarm:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_a_pickle_that_is_not_the_official_one_is_never_opened(
    name: str, write: Callable[[str], Dataset], tmp_path: Path
) -> None:
    dataset = write(name)
    for split in ("train", "test"):
        for file in dataset.files(split):  # type: ignore[arg-type]
            whole = file.read_bytes()
            file.write_bytes(pickle.dumps(Alarm(tmp_path / "opened")))
            with pytest.raises(UnreadableDataError, match=rf"{file.name} cannot be used: its checksum is not that of"):
                dataset.load(split)  # type: ignore[arg-type]
            file.write_bytes(whole)
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
@pytest.mark.parametrize(("content", "words"), [(b"", "it has 0 bytes"), (b"<html>", "it is a web page, not data")])
def test_what_lies_in_the_place_of_a_pickle_is_told(
    name: str, content: bytes, words: str, write: Callable[[str], Dataset]
) -> None:
    dataset = write(name)
    for file in dataset.files("test"):
        whole = file.read_bytes()
        file.write_bytes(content)
        with pytest.raises(UnreadableDataError, match=f"{file.name} cannot be used: {words}; delete it"):
            dataset.load("test")
        file.write_bytes(whole)


def test_files_that_only_have_to_be_unpacked_are_named(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    labels = tmp_path / "MNIST/raw/train-labels-idx1-ubyte"
    labels.with_name(f"{labels.name}.gz").write_bytes(gzip.compress(labels.read_bytes()))
    labels.unlink()
    with pytest.raises(MissingDataError, match=rf"mnist: .*{labels.name}\.gz is still packed; unpack it with gunzip$"):
        of("mnist", tmp_path).load("train")


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


def test_the_layout_of_old_torchvision_is_not_taken_for_the_files(tmp_path: Path) -> None:
    for name in ("training.pt", "test.pt"):
        (tmp_path / "MNIST/processed").mkdir(parents=True, exist_ok=True)
        torch.save((torch.zeros(1, 28, 28), torch.zeros(1)), tmp_path / "MNIST/processed" / name)
    with pytest.raises(MissingDataError, match="train-images-idx3-ubyte"):
        of("mnist", tmp_path).files("train")


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


def test_svhn_may_lie_beside_the_other_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_svhn(tmp_path, monkeypatch)
    assert of("svhn", tmp_path).load("test").labels.tolist() == LABELS["test"]


def test_a_file_of_another_length_is_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    write_idx(tmp_path / "MNIST/raw/train-images-idx3-ubyte", pixels("train", (28, 28))[:5])
    with pytest.raises(UnreadableDataError, match=r"train-images-idx3-ubyte .*\(5, 1, 28, 28\).*\(6, 1, 28, 28\)"):
        of("mnist", tmp_path).load("train")


def test_labels_out_of_range_are_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    write_idx(tmp_path / "MNIST/raw/train-labels-idx1-ubyte", np.array([0, 1, 2, 3, 4, 10]))
    with pytest.raises(UnreadableDataError, match=r"0\.\.9"):
        of("mnist", tmp_path).load("train")


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_the_real_files_are_as_described(name: str, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(os.environ.get("DCBENCH_TEST_DATA", "/nowhere"))
    if not (root / folder).is_dir():
        pytest.skip(f"no {folder} in DCBENCH_TEST_DATA")
    monkeypatch.undo()
    dataset = of(name, root)
    info, train, test = dataset.info(), dataset.load("train"), dataset.load("test")
    assert tuple(torch.bincount(train.labels).tolist()) == info.train_counts
    assert tuple(torch.bincount(test.labels).tolist()) == info.test_counts
    pixels = train.images.float() / 255
    assert pixels.mean().item() == pytest.approx(info.mean[0], abs=2e-4)
    assert pixels.std().item() == pytest.approx(info.std[0], abs=2e-4)
    np.testing.assert_array_equal(test.images[:, 0].numpy(), read_idx(root / folder / "raw/t10k-images-idx3-ubyte"))
    assert test.labels.tolist() == read_idx(root / folder / "raw/t10k-labels-idx1-ubyte").tolist()


@pytest.mark.parametrize("name", [name for name in standard.INFO if name != "digits"])
def test_an_empty_folder_has_no_dataset_and_asking_fetches_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vision.VisionDataset, "_fetch", lambda self, split: pytest.fail("it fetches"))
    assert not of(name, tmp_path).present()


def test_a_dataset_is_there_when_the_files_of_both_splits_are(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    assert of("mnist", tmp_path).present()
    (tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    assert not of("mnist", tmp_path).present()
