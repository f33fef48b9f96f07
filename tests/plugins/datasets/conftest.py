from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.made_vision import LABELS, of, write_cifar, write_mnist, write_svhn

from dcbench_plugins.datasets import standard

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcbench import Dataset


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []

    def refuse(request: Any, *args: Any, **kwargs: Any) -> None:
        asked.append(request.full_url)
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    return asked


@pytest.fixture
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
