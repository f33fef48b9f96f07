from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import pytest
from oracles.image_folder import read_split
from PIL import Image

from dcbench import MissingDataError, RequestError, UnreadableDataError
from dcbench_plugins.datasets import folder_images
from dcbench_plugins.datasets.folder_listing import Listing
from dcbench_plugins.datasets.imagenet import (
    IMAGENET10,
    IMAGENET100,
    IMAGENETTE,
    ImageNet10,
    ImageNet100,
    ImageNetSubset,
    Imagenette,
)

SIZES = ((240, 230), (300, 224), (100, 150))
MODES = ("RGB", "L", "CMYK")


def write_split(folder: Path, wnids: tuple[str, ...], count: int) -> None:
    """Write *count* JPEGs a class, none square, in colour, grey and print colours by turns."""
    draw = np.random.default_rng(len(wnids) + count)
    for wnid in wnids:
        (folder / wnid).mkdir(parents=True)
        for number in range(count):
            coarse = Image.fromarray(draw.integers(0, 256, (5, 6, 3), dtype=np.uint8))
            image = coarse.resize(SIZES[number % 3]).convert(MODES[number % 3])
            image.save(folder / wnid / f"{wnid}_{number}.JPEG")


def write_subset(folder: Path, wnids: tuple[str, ...]) -> Path:
    write_split(folder / "train", wnids, 3)
    write_split(folder / "val", wnids, 1)
    return folder


def of(kind: type[ImageNetSubset], root: Path, **settings: Any) -> ImageNetSubset:
    return kind(root, "", kind.Settings(**settings))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a small ImageNet: the classes of ImageNet-10, one more, and unlabelled test images."""
    write_subset(tmp_path / "data/imagenet", (*IMAGENET10, "n00000001"))
    (tmp_path / "data/imagenet/test").mkdir()
    (tmp_path / "data/imagenet/test/ILSVRC2012_test_1.JPEG").write_text("")
    return tmp_path / "data"


def test_the_lists_hold_different_identifiers() -> None:
    assert [len(set(names)) for names in (IMAGENET10, IMAGENET100, IMAGENETTE)] == [10, 100, 10]
    assert all(re.fullmatch(r"n\d{8}", wnid) for wnid in (*IMAGENET100, *IMAGENETTE))
    assert IMAGENET100[:10] == IMAGENET10
    assert (IMAGENET10[0], IMAGENET100[-1]) == ("n02869837", "n02090622")


@pytest.mark.parametrize("settings", [{}, {"size": 32}])
def test_it_reads_what_the_literal_reader_reads(data: Path, settings: dict[str, int]) -> None:
    dataset = of(ImageNet10, data, **settings)
    for split, folder in (("train", "train"), ("test", "val")):
        images, labels = read_split(data / "imagenet" / folder, settings.get("size", 224), 3, IMAGENET10)
        loaded = dataset.load(split)
        np.testing.assert_array_equal(loaded.images.numpy(), images)
        assert loaded.labels.tolist() == labels


def test_info_is_known_without_opening_an_image(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_images.Image, "open", None)
    info = of(ImageNet10, data).info()
    assert (info.name, info.shape, info.class_names) == ("imagenet10", (3, 224, 224), IMAGENET10)
    assert (info.train_counts, info.test_counts) == ((3,) * 10, (1,) * 10)
    assert (info.mean, info.std, info.mirror_ok) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), True)
    assert (info.default_protocol, info.default_network) == ("idc-imagenet", "resnetap10")


def test_another_size_has_a_name_of_its_own(data: Path) -> None:
    info = of(ImageNet10, data, size=64).info()
    assert (info.name, info.shape, info.default_network) == ("imagenet10-64px", (3, 64, 64), "")


@pytest.mark.parametrize("split", ["train", "val"])
def test_absent_classes_are_counted_and_the_first_are_named(data: Path, split: str) -> None:
    wanted = rf"imagenet100: .*imagenet/{split} lacks 90 of 100 classes: {', '.join(IMAGENET100[10:])}$"
    if split == "val":
        write_split(data / "imagenet/train", IMAGENET100[10:], 1)
    with pytest.raises(MissingDataError, match=wanted):
        of(ImageNet100, data).info()


def test_one_absent_class_is_named(data: Path) -> None:
    (data / "imagenet/train" / IMAGENET10[3]).rename(data / "elsewhere")
    with pytest.raises(MissingDataError, match=rf"train lacks 1 of 10 classes: {IMAGENET10[3]}$"):
        of(ImageNet10, data).load("train")


def test_an_empty_class_is_named(data: Path) -> None:
    for file in (data / "imagenet/val" / IMAGENET10[3]).iterdir():
        file.unlink()
    with pytest.raises(UnreadableDataError, match=rf"val/{IMAGENET10[3]} cannot be used: no image in it"):
        of(ImageNet10, data).info()


def test_an_absent_split_is_named(data: Path) -> None:
    (data / "imagenet/val").rename(data / "imagenet/validation")
    assert not of(ImageNet10, data).present()
    with pytest.raises(MissingDataError, match=r"imagenet10: there is no folder .*imagenet/val;"):
        of(ImageNet10, data).info()


@pytest.mark.parametrize(("kind", "folder"), [(ImageNet10, "imagenet"), (Imagenette, "imagenette2")])
def test_an_absent_folder_is_named(tmp_path: Path, kind: type[ImageNetSubset], folder: str) -> None:
    dataset = of(kind, tmp_path / "nowhere")
    assert not dataset.present()
    with pytest.raises(MissingDataError, match=rf"nowhere for {folder}/train/<wnid>/\*, {folder}/val/.*--data"):
        dataset.info()


def test_the_full_size_edition_of_imagenette_goes_first(tmp_path: Path) -> None:
    for name in ("imagenette2-160", "imagenette2", "imagenette2-320"):
        write_subset(tmp_path / name, tuple(IMAGENETTE))
    dataset = of(Imagenette, tmp_path)
    assert dataset.present()
    info = dataset.info()
    assert (info.name, info.class_names[:2]) == ("imagenette", ("n01440764 tench", "n02102040 English springer"))
    assert of(Imagenette, tmp_path, folder="imagenette2-320", size=64).info().name == "imagenette2-320-64px"


def test_another_edition_of_imagenette_has_a_name_of_its_own(tmp_path: Path) -> None:
    write_subset(tmp_path / "imagenette2-160", tuple(IMAGENETTE))
    (tmp_path / "imagenette2-320.tgz").write_text("")
    assert of(Imagenette, tmp_path).info().name == "imagenette2-160"
    (tmp_path / "imagenette2-320").mkdir()
    assert not of(Imagenette, tmp_path).present()
    with pytest.raises(
        RequestError, match=r"holds imagenette2-160, imagenette2-320; choose one with --set imagenette\."
    ):
        of(Imagenette, tmp_path).info()
    with pytest.raises(MissingDataError, match=r"for imagenette3/train"):
        of(Imagenette, tmp_path, folder="imagenette3").info()
    with pytest.raises(pydantic.ValidationError):
        of(Imagenette, tmp_path, folder="../elsewhere")


def listed(kind: type[ImageNetSubset], train: dict[str, int], test: dict[str, int]) -> ImageNetSubset:
    """Return *kind* with as many images of each class as it should have, but for *train* and *test*."""
    dataset = of(kind, Path())
    usual = {"train": (1300 if kind is not Imagenette else 9469 // 10), "test": (50 if kind is not Imagenette else 392)}
    for split, other in (("train", train), ("test", test)):
        counts = tuple(other.get(wnid, usual[split]) for wnid in kind.wanted)
        dataset._listings[split] = Listing(Path(), kind.wanted, counts, ())  # type: ignore[index]
    return dataset


def test_a_whole_subset_of_imagenet_is_no_other_data() -> None:
    assert listed(ImageNet10, {}, {}).differs() == ""
    assert listed(ImageNet100, {IMAGENET100[3]: 732}, {}).differs() == ""


def test_half_of_a_subset_of_imagenet_says_so() -> None:
    half = dict.fromkeys(IMAGENET10, 650)
    assert listed(ImageNet10, half, {}).differs() == (
        "10 of 10 classes do not have the 732 to 1,300 training images of ImageNet: n02869837 has 650"
    )
    assert listed(ImageNet100, {}, {IMAGENET100[7]: 49}).differs() == (
        f"1 of 100 classes do not have the 50 test images of ImageNet: {IMAGENET100[7]} has 49"
    )
    both = listed(ImageNet10, {IMAGENET10[0]: 1301}, {IMAGENET10[1]: 51}).differs()
    assert both.count(" images of ImageNet: ") == 2


def test_part_of_imagenette_says_how_many_images_are_there() -> None:
    whole = {"n01440764": 9469 - 9 * 946}, {"n01440764": 3925 - 9 * 392}
    assert listed(Imagenette, *whole).differs() == ""
    assert listed(Imagenette, dict.fromkeys(IMAGENETTE, 460), dict.fromkeys(IMAGENETTE, 50)).differs() == (
        "4,600 training images are there, not 9,469; 500 test images are there, not 3,925"
    )


@pytest.mark.real_data
def test_real_photographs(tmp_path: Path) -> None:
    source = Path(os.environ.get("DCBENCH_TEST_DATA", "/nowhere")) / "imagenette224"
    if not source.is_dir():
        pytest.skip("no imagenette224 in DCBENCH_TEST_DATA")
    for split, count in (("train", 4), ("val", 2)):
        for wnid in IMAGENETTE:
            folder = tmp_path / "imagenette224" / split / wnid
            folder.mkdir(parents=True)
            for file in sorted((source / split / wnid).iterdir())[:count]:
                (folder / file.name).symlink_to(file)
    dataset = of(Imagenette, tmp_path)
    assert (dataset.info().name, dataset.info().train_counts) == ("imagenette224", (4,) * 10)
    images = dataset.load("train").images.numpy()
    np.testing.assert_array_equal(images, read_split(tmp_path / "imagenette224/train", 224, 3, tuple(IMAGENETTE))[0])
    np.testing.assert_allclose(images.mean((0, 2, 3)) / 255, dataset.info().mean, atol=0.08)
