"""Tiny ImageNet, on a small tree of the layout that it has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dcbench import MissingDataError, UnreadableDataError
from dcbench_plugins.datasets.tiny_imagenet import TinyImageNet

WNIDS = ("n02124075", "n01443537", "n04067472")
"""Not in order, as in the real list."""
BOX = "\t0\t32\t44\t62"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three classes, four training images and two validation images each; some are grey."""
    folder = tmp_path / "tiny-imagenet-200"
    draw = np.random.default_rng(0)
    lines = []
    for label, wnid in enumerate(WNIDS):
        (folder / "train" / wnid / "images").mkdir(parents=True)
        (folder / "train" / wnid / f"{wnid}_boxes.txt").write_text(f"{wnid}_0.JPEG{BOX}\n")
        for number in range(4):
            save(folder / "train" / wnid / "images" / f"{wnid}_{number}.JPEG", draw, "L" if number == 3 else "RGB")
        for number in range(2):
            name = f"val_{number * len(WNIDS) + label}.JPEG"
            (folder / "val/images").mkdir(parents=True, exist_ok=True)
            save(folder / "val/images" / name, draw, "RGB")
            lines.append(f"{name}\t{wnid}{BOX}")
    (folder / "val/val_annotations.txt").write_text("\n".join(sorted(lines)) + "\n")
    (folder / "wnids.txt").write_text("\n".join(WNIDS) + "\n")
    (folder / "words.txt").write_text("n00001740\tentity\nn01443537\tgoldfish, Carassius auratus\n")
    (folder / "test/images").mkdir(parents=True)
    save(folder / "test/images/test_0.JPEG", draw, "RGB")
    return folder


def save(file: Path, draw: np.random.Generator, mode: str, size: int = 64) -> None:
    pixels = draw.integers(0, 256, (size, size, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(file)


def dataset(root: Path) -> TinyImageNet:
    return TinyImageNet(root, "", TinyImageNet.Settings())


def decoded(file: Path) -> torch.Tensor:
    with Image.open(file) as image:
        return torch.from_numpy(np.asarray(image.convert("RGB")).copy()).permute(2, 0, 1)


def test_both_splits_are_read_class_by_class_in_the_order_of_the_identifiers(tmp_path: Path, tree: Path) -> None:
    found = dataset(tmp_path)
    info = found.info()
    assert found.present()
    assert info.name == "tiny-imagenet"
    assert info.class_names == ("n01443537 goldfish", "n02124075", "n04067472")
    assert (info.shape, info.train_counts, info.test_counts) == ((3, 64, 64), (4, 4, 4), (2, 2, 2))
    train, test = found.load("train"), found.load("test")
    assert train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    ordered = [
        tree / "train" / wnid / "images" / f"{wnid}_{number}.JPEG" for wnid in sorted(WNIDS) for number in range(4)
    ]
    assert torch.equal(train.images, torch.stack([decoded(file) for file in ordered]))
    labels = {wnid: label for label, wnid in enumerate(sorted(WNIDS))}
    assert test.labels.tolist() == [0, 0, 1, 1, 2, 2]
    said = {}
    for line in (tree / "val/val_annotations.txt").read_text().splitlines():
        name, wnid = line.split("\t")[:2]
        said.setdefault(labels[wnid], []).append(decoded(tree / "val/images" / name))
    assert torch.equal(test.images, torch.stack([image for label in range(3) for image in said[label]]))


def test_it_says_in_what_it_is_not_the_whole_of_tiny_imagenet(tmp_path: Path, tree: Path) -> None:
    assert dataset(tmp_path).differs() == (
        "3 classes, not 200; 3 classes do not have 500 training images: one has 4; "
        "3 classes do not have 50 test images: one has 2"
    )
    draw = np.random.default_rng(1)
    save(tree / "train/n01443537/images/n01443537_0.JPEG", draw, "RGB", size=32)
    assert dataset(tmp_path).differs().endswith("images of 32x32 pixels, not 64x64")


def test_recipes_can_be_listed_before_it_is_there(tmp_path: Path) -> None:
    expected = dataset(tmp_path).expected()
    assert not dataset(tmp_path).present()
    assert (expected.classes, set(expected.train_counts), set(expected.test_counts)) == (200, {500}, {50})
    with pytest.raises(MissingDataError, match=r"for tiny-imagenet-200/train/<wnid>/images/\*, .*wnids.txt; put"):
        dataset(tmp_path).info()
    (tmp_path / "tiny-imagenet-200").mkdir()
    with pytest.raises(MissingDataError, match=r"tiny-imagenet: looked in .* for tiny-imagenet-200/wnids.txt; put"):
        dataset(tmp_path).info()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("wnids.txt", "\n", r"wnids.txt cannot be used: it names no class"),
        ("wnids.txt", b"\xff\xfe", r"wnids.txt cannot be used: not a text"),
        ("val/val_annotations.txt", "val_0.JPEG n01443537\n", r"line 1 names no class of wnids.txt: 'val_0.JPEG n0144"),
        ("val/val_annotations.txt", f"val_0.JPEG\tn9{BOX}\n", r"line 1 names no class of wnids.txt: 'val_0.JPEG"),
        ("val/val_annotations.txt", f"no.JPEG\tn01443537{BOX}\n", r"no.JPEG cannot be used: No such file"),
        ("val/val_annotations.txt", f"val_0.JPEG\tn02124075{BOX}\n", r"no image of the class n01443537 in it"),
    ],
)
def test_a_list_that_is_damaged_is_named(tmp_path: Path, tree: Path, name: str, text: str | bytes, said: str) -> None:
    (tree / name).write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(UnreadableDataError, match=said):
        dataset(tmp_path).info()


def test_a_class_that_is_missing_is_named(tmp_path: Path, tree: Path) -> None:
    (tree / "train/n04067472/images").rename(tree / "train/n04067472/pictures")
    with pytest.raises(MissingDataError, match=r"train lacks 1 of 3 classes: n04067472/images"):
        dataset(tmp_path).info()


def test_a_damaged_image_is_named(tmp_path: Path, tree: Path) -> None:
    (tree / "train/n04067472/images/n04067472_1.JPEG").write_bytes(b"no image")
    with pytest.raises(UnreadableDataError, match=r"n04067472_1.JPEG cannot be used"):
        dataset(tmp_path).load("train")


def test_postscript_named_as_a_photograph_is_refused(tmp_path: Path, tree: Path) -> None:
    first = min((tree / "train" / min(WNIDS) / "images").iterdir())
    Image.new("RGB", (64, 64)).save(first, "EPS")
    with pytest.raises(UnreadableDataError, match="cannot identify"):
        dataset(tmp_path).differs()
