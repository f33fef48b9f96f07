"""Small files of the official names, as torchvision lays them out."""

from __future__ import annotations

import hashlib
import pickle
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dcbench import Dataset
from dcbench_plugins.datasets import vision

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torchvision import datasets as official

SMALL = {"train": 6, "test": 4}
NAMES = ["mnist", "fashion-mnist", "svhn", "cifar10", "cifar100"]


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
