from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import pytest
import torch
from oracles.image_folder import mean_and_std, read_split
from PIL import Image

from dcbench import MissingDataError, RequestError, UnreadableDataError
from dcbench_plugins.datasets import folder_images
from dcbench_plugins.datasets.folder import Folder, FolderSettings


def write(file: Path, size: tuple[int, int] = (6, 6), mode: str = "RGB", seed: int = 0) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    bands = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], *bands), dtype=np.uint8)
    Image.fromarray(pixels).save(file)


def write_set(root: Path, names: tuple[str, ...] = ("a.png", "B.JPG", "c.jpeg", "d.bmp", "e.WebP")) -> Path:
    for seed, name in enumerate(names):
        write(root / "train" / "cat" / name, seed=seed)
        write(root / "train" / "Dog" / name, seed=10 + seed)
    write(root / "train" / "cat" / "extra.png", seed=40)
    for seed, label in enumerate(("cat", "Dog")):
        write(root / "test" / label / "t.png", seed=50 + seed)
    return root


def of(path: Path | str, root: Path = Path("/nowhere"), **settings: Any) -> Folder:
    return Folder(root, str(path), FolderSettings(**settings))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DCBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_set(tmp_path / "pets")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every image file that is decoded."""
    files: list[Path] = []
    read = folder_images.Form.read

    def noted(self: folder_images.Form, file: Path) -> np.ndarray:
        files.append(file)
        return read(self, file)

    monkeypatch.setattr(folder_images.Form, "read", noted)
    return files


@pytest.mark.parametrize("settings", [{}, {"size": 6}, {"size": 4}, {"size": 9}, {"channels": 1}])
def test_it_reads_what_the_literal_reader_reads(data: Path, settings: dict[str, Any]) -> None:
    dataset = of(data, **settings)
    for split in ("train", "test"):
        images, labels = read_split(data / split, settings.get("size"), settings.get("channels", 3))
        loaded = dataset.load(split)
        assert loaded.images.dtype == torch.uint8
        np.testing.assert_array_equal(loaded.images.numpy(), images)
        assert loaded.labels.dtype == torch.int64
        assert loaded.labels.tolist() == labels


def test_info_is_counted_and_measured(data: Path) -> None:
    info = of(data).info()
    mean, std = mean_and_std(of(data).load("train").images.numpy())
    assert info.mean == pytest.approx(mean, abs=1e-12)
    assert info.std == pytest.approx(std, abs=1e-12)
    assert (info.name, info.shape, info.class_names) == ("pets", (3, 6, 6), ("Dog", "cat"))
    assert (info.train_counts, info.test_counts) == ((5, 6), (1, 1))
    assert (info.mirror_ok, info.default_protocol, info.default_network) == (True, "m3d", "convnet-tiny")
    large = Folder(Path(), str(data), FolderSettings(size=128)).info()
    assert large.default_network == "resnetap10"


def test_settings_fill_what_the_files_do_not_say(data: Path) -> None:
    settings = FolderSettings().changed({"name": "mine", "mirror_ok": "false", "protocol": "dc", "channels": "1"})
    info = Folder(Path(), str(data), settings).info()
    assert (info.name, info.mirror_ok, info.default_protocol, info.shape) == ("mine", False, "dc", (1, 6, 6))


@pytest.mark.parametrize("change", [{"channels": "2"}, {"size": "0"}, {"name": "a/b"}, {"sise": "3"}])
def test_settings_that_cannot_be_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(pydantic.ValidationError):
        FolderSettings().changed(change)


def test_val_is_taken_for_test(data: Path) -> None:
    (data / "test").rename(data / "val")
    assert len(of(data).load("test")) == 2


def test_other_files_are_passed_over(data: Path) -> None:
    (data / "train/cat/notes.txt").write_text("x")
    (data / "train/cat/._a.png").write_text("x")
    (data / "train/.hidden").mkdir()
    assert len(of(data).load("train")) == 11


def test_a_relative_path_is_tried_here_and_then_in_the_data_folder(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert of("pets", root=tmp_path).info().train_counts == (5, 6)
    write_set(here / "pets", names=("only.png",))
    assert of("pets", root=tmp_path).info().train_counts == (1, 2)
    monkeypatch.chdir(data)
    assert of(".").info().name == "pets"


def test_images_are_decoded_once(data: Path, decoded: list[Path], cache: Path) -> None:
    of(data).load("train")
    assert len(decoded) == 11
    dataset = of(data)
    dataset.info()
    (file,) = dataset.files("train")
    dataset.load("train")
    assert len(decoded) == 11
    assert file.is_relative_to(cache)
    assert not list(cache.rglob("*.partial"))


def test_it_says_how_many_images_are_decoded_and_nothing_where_none_are(tmp_path: Path) -> None:
    names = tuple(f"{number}.png" for number in range(40))
    dataset, told = of(write_set(tmp_path / "many", names)), []
    dataset.listener = lambda done, total: told.append((done, total))
    dataset.files("train")
    assert told == [(64, 81), (81, 81)]
    dataset.files("train")
    dataset.load("train")
    assert len(told) == 2


def test_mean_and_std_are_measured_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = of(data).info()
    monkeypatch.setattr("dcbench_plugins.datasets.folder_cache.measure", None)
    assert of(data).info() == first


def test_training_never_opens_a_test_image(data: Path, decoded: list[Path]) -> None:
    for file in (data / "test").rglob("*.png"):
        file.write_bytes(b"no image")
    dataset = of(data)
    dataset.info()
    dataset.load("train")
    assert all((data / "train") in file.parents for file in decoded)


def test_loaded_images_are_a_memory_map_that_writes_do_not_reach(data: Path) -> None:
    dataset = of(data)
    (file,) = dataset.files("train")
    before = file.read_bytes()
    loaded = dataset.load("train")
    loaded.images.zero_()
    assert file.read_bytes() == before


@pytest.mark.parametrize("change", ["content", "time", "gone", "new", "size", "channels"])
def test_any_change_makes_another_cache(data: Path, change: str, decoded: list[Path]) -> None:
    (old,) = of(data).files("train")
    target = data / "train/cat/a.png"
    settings: dict[str, Any] = {}
    if change == "content":
        stat = target.stat()
        write(target, seed=99, mode="RGBA")
        os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    elif change == "time":
        os.utime(target, ns=(1, 1))
    elif change == "gone":
        target.unlink()
    elif change == "new":
        write(data / "train/cat/z.png")
    else:
        settings = {change: {"size": 6, "channels": 1}[change]}
    del decoded[:]
    (new,) = of(data, **settings).files("train")
    assert new != old
    assert decoded
    assert old.exists()


def test_two_folders_whose_files_have_the_same_names_sizes_and_times(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("two", 2)):
        for split in ("train", "test"):
            file = tmp_path / name / "x" / split / "a" / "0.bmp"
            write(file, seed=seed)
            os.utime(file, ns=(0, 0))
    one, two = (of(tmp_path / name / "x").load("train").images for name in ("one", "two"))
    assert not torch.equal(one, two)


def test_a_damaged_cache_is_made_anew(data: Path) -> None:
    dataset = of(data)
    (file,) = dataset.files("train")
    whole = dataset.load("train").images.clone()
    for damage in (b"", file.read_bytes()[:-10]):
        file.unlink()
        file.write_bytes(damage)
        assert torch.equal(of(data).load("train").images, whole)
    file.with_suffix(".json").write_text("{}")
    assert of(data).info().mean == of(data).info().mean


def test_an_unreadable_image_is_named_and_leaves_nothing(data: Path, cache: Path) -> None:
    bad = data / "train/cat/B.JPG"
    bad.write_bytes(bad.read_bytes()[:200])
    with pytest.raises(UnreadableDataError, match=r"pets: .*train/cat/B\.JPG cannot be used: "):
        of(data).info()
    assert not [file for file in cache.rglob("*") if file.suffix in (".npy", ".partial")]


def test_a_broken_link_is_named_and_not_passed_over(data: Path, tmp_path: Path) -> None:
    (data / "train/cat/gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(UnreadableDataError, match=r"pets: .*train/cat/gone\.png cannot be used: No such file"):
        of(data).info()
    (data / "train/cat/gone.png").unlink()
    (data / "train/cat/folder.png").symlink_to(tmp_path, target_is_directory=True)
    assert of(data).info().train_counts == (5, 6)


def test_every_unreadable_image_is_counted(data: Path) -> None:
    (data / "train/cat/B.JPG").write_text("no image")
    with pytest.raises(UnreadableDataError, match=r"B\.JPG cannot be used: [^;]*$"):
        of(data).info()
    (data / "train/Dog/c.jpeg").write_bytes(b"")
    with pytest.raises(
        UnreadableDataError, match=r"Dog/c\.jpeg cannot be used: .*; 1 more image cannot be used either$"
    ):
        of(data).info()
    (data / "train/cat/e.WebP").write_bytes((data / "train/cat/e.WebP").read_bytes()[:40])
    with pytest.raises(UnreadableDataError, match=r"Dog/c\.jpeg .*; 2 more images cannot be used either$"):
        of(data).info()


def test_an_image_of_another_size_says_what_to_set(data: Path) -> None:
    write(data / "train/cat/z.png", size=(7, 6))
    with pytest.raises(UnreadableDataError, match=r"z\.png .*7x6.*--set folder\.size=6"):
        of(data).info()
    assert of(data, size=6).info().shape == (3, 6, 6)


def test_a_first_image_that_is_not_square_says_what_to_set(data: Path) -> None:
    write(data / "train/Dog/0.png", size=(8, 5))
    with pytest.raises(UnreadableDataError, match=r"0\.png .*8x5.*--set folder\.size=5"):
        of(data).info()


def test_a_grey_first_image_does_not_silently_drop_the_colours_of_others(data: Path) -> None:
    write(data / "train/Dog/0.png", mode="L")
    with pytest.raises(UnreadableDataError, match=r"--set folder\.channels=3"):
        of(data).info()
    assert of(data, channels=3).info().shape == (3, 6, 6)
    assert of(data, channels=1).info().shape == (1, 6, 6)


@pytest.mark.parametrize("typed", ["pets", "./pets", "../here/pets"])
def test_the_argument_becomes_absolute_so_that_the_data_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    for folder, names in (("here", ("a.png",)), ("there", ("a.png", "b.png"))):
        write_set(tmp_path / folder / "pets", names)
    monkeypatch.chdir(tmp_path / "here")
    argument = of(typed).argument
    assert argument == str(tmp_path / "here" / "pets")
    monkeypatch.chdir(tmp_path / "there")
    assert len(of(argument).load("train")) == 3, "not the other folder of this name"


def test_the_data_folder_may_be_relative_and_a_link_keeps_its_name(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "animals").symlink_to(data)
    monkeypatch.chdir(tmp_path)
    dataset = of("animals", root=Path("data"))
    assert dataset.argument == str(tmp_path / "data" / "animals")
    assert dataset.info().name == "animals"


def test_a_path_that_leads_nowhere_stays_as_it_was_typed(tmp_path: Path) -> None:
    assert of("absent", root=tmp_path).argument == "absent"
    assert of("").argument == ""


def test_missing_folders_are_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"absent.*--data.*DCBENCH_DATA"):
        of("absent", root=tmp_path).info()
    with pytest.raises(RequestError, match="folder:PATH"):
        of("").info()
    (data / "test").rename(data / "tset")
    with pytest.raises(MissingDataError, match=r"pets/test or .*pets/val"):
        of(data).info()
    (data / "train").rename(data / "trian")
    with pytest.raises(MissingDataError, match="pets/train;"):
        of(data).load("train")


def test_classes_that_do_not_fit_are_named(data: Path) -> None:
    (data / "test/Dog").rename(data / "test/Bird")
    with pytest.raises(UnreadableDataError, match=r"pets/test cannot .*no class folder Dog"):
        of(data).info()
    (data / "test/Dog").mkdir()
    with pytest.raises(UnreadableDataError, match=r"test/Dog cannot .*no image"):
        of(data).info()
    (data / "test/Dog").rmdir()
    write(data / "test/Dog/x.png")
    with pytest.raises(UnreadableDataError, match=r"pets/train cannot .*no class folder Bird"):
        of(data).info()


def test_a_class_folder_whose_name_is_no_text_is_named(data: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    try:
        write(data / "train" / name / "a.png")
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    with pytest.raises(UnreadableDataError, match=r"pets/train cannot .* 'caf\\udce9' .*UTF-8") as caught:
        of(data).info()
    str(caught.value).encode()


def test_a_split_without_class_folders_is_named(tmp_path: Path) -> None:
    write(tmp_path / "flat/train/a.png")
    with pytest.raises(UnreadableDataError, match="flat/train"):
        of(tmp_path / "flat").load("train")


def test_a_cache_that_cannot_be_written_is_one_line(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DCBENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(RequestError, match="DCBENCH_CACHE") as caught:
        of(data).load("train")
    assert "\n" not in str(caught.value)


@pytest.mark.real_data
def test_real_photographs(tmp_path: Path) -> None:
    source = Path(os.environ.get("DCBENCH_TEST_DATA", "/nowhere")) / "cifar10-jpeg"
    if not source.is_dir():
        pytest.skip("no cifar10-jpeg in DCBENCH_TEST_DATA")
    for split, count in (("train", 40), ("test", 10)):
        for label in ("cat", "ship", "truck"):
            (tmp_path / "few" / split / label).mkdir(parents=True)
            for file in sorted((source / split / label).iterdir())[:count]:
                (tmp_path / "few" / split / label / file.name).symlink_to(file)
    dataset = of(tmp_path / "few")
    info = dataset.info()
    assert (info.shape, info.train_counts, info.test_counts) == ((3, 32, 32), (40,) * 3, (10,) * 3)
    assert info.mean == pytest.approx((0.49, 0.48, 0.46), abs=0.06)
    np.testing.assert_array_equal(dataset.load("train").images.numpy(), read_split(tmp_path / "few/train", None, 3)[0])
