from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.fakes import info_of, made_up_set

from dcbench import RequestError
from dcbench.engine.exchange.image_folder import ABOUT, Folders, folder_names, read, write
from dcbench.engine.exchange.portable import PortableSet

INFO = info_of(made_up_set(), class_names=("cat", "../dog", "a/b"))
SET = PortableSet(
    torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([2, 0, 1]), 1, {}, INFO.class_names
)


@given(st.lists(st.text(max_size=300), min_size=1, max_size=8))
def test_folder_names_are_safe_and_all_different(names: list[str]) -> None:
    folders = folder_names(names)
    assert len({name.casefold() for name in folders}) == len(names)
    for name in folders:
        assert Path(name).name == name
        assert name not in {"", ".", ".."}
        assert not name.startswith(".")
        assert len(name.encode()) <= 255


def test_ordinary_names_stay_as_they_are() -> None:
    assert folder_names(["n01440764", "ice cream", "T-shirt"]) == ["n01440764", "ice cream", "T-shirt"]
    assert folder_names(["a", "A"]) == ["0-a", "1-A"]


def test_long_names_are_cut_at_bytes_between_letters(tmp_path: Path) -> None:
    long = "\u732b" * 120
    assert folder_names([long, "a"]) == ["\u732b" * 33, "a"]
    write(tmp_path / "set", replace(SET, class_names=(long, long + "a", "b")))
    back = read(tmp_path / "set", replace(INFO, class_names=(long, long + "a", "b")))
    assert back.labels.tolist() == [2, 0, 1]


def test_a_folder_holds_a_picture_for_each_stored_image(tmp_path: Path) -> None:
    write(tmp_path / "set", SET)
    found = sorted(path.relative_to(tmp_path / "set").as_posix() for path in (tmp_path / "set").rglob("*.*"))
    assert found == ["_dog/00002.png", "a_b/00000.png", "cat/00001.png", ABOUT]
    assert list(tmp_path.iterdir()) == [tmp_path / "set"]


def test_pixels_come_back_as_well_as_eight_bits_hold_them(tmp_path: Path) -> None:
    write(tmp_path / "set", SET)
    back = read(tmp_path / "set", INFO)
    assert (back.images.float() / 255 - SET.images).abs().max() <= 0.5 / 255 + 1e-6
    assert back.labels.tolist() == [2, 0, 1]


def test_pixels_that_eight_bits_cannot_hold_are_clipped_with_a_warning(tmp_path: Path) -> None:
    images = SET.images.clone()
    images[0, 0, 0, :4], images[1, 0, 0, :2] = 1.5, -0.2
    with pytest.warns(UserWarning, match=r"set: 3\.1% of its pixels lie outside \[0, 1\] and are clipped"):
        write(tmp_path / "set", replace(SET, images=images, unbounded=True))
    assert torch.equal(read(tmp_path / "set", INFO).images[0, 0, 0, :4], torch.full((4,), 255, dtype=torch.uint8))


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "set", SET)
    with pytest.raises(RequestError, match="is there already"):
        write(tmp_path / "set", SET)


def test_images_of_two_channels_are_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="2 channels cannot be PNG files; take safetensors"):
        write(tmp_path / "set", PortableSet(torch.zeros(1, 2, 4, 4), torch.zeros(1, dtype=torch.int64)))
    assert list(tmp_path.iterdir()) == []


def pictures(folder: Path, *homes: str, size: int = 8) -> Path:
    for number, home in enumerate(homes):
        (folder / home).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (size, size), (number, number, number)).save(folder / home / f"{number}.png")
    return folder


@pytest.mark.parametrize("homes", [("cat", "_dog", "a_b"), ("0", "1", "2")])
def test_a_folder_made_elsewhere_names_classes_or_their_numbers(tmp_path: Path, homes: tuple[str, ...]) -> None:
    back = read(pictures(tmp_path, *reversed(homes)), INFO)
    assert back.labels.tolist() == [0, 1, 2]
    assert back.images[:, 0, 0, 0].tolist() == [2, 1, 0]
    assert back.images.shape == (3, 1, 8, 8), "as many channels as the dataset has"
    assert back.factor is None


TWELVE = tuple(sorted(map(str, range(12))))  # 0, 1, 10, 11, 2, ...: the order of the classes of an image folder


@pytest.mark.parametrize(("named", "expected"), [("numbers", list(range(12))), ("names", None)])
def test_folders_that_can_be_read_both_ways_are_read_as_one_says(
    tmp_path: Path, named: Folders, expected: list[int] | None
) -> None:
    info = replace(INFO, class_names=TWELVE)
    pictures(tmp_path, *map(str, range(12)))  # the picture in folder k is as bright as k
    with pytest.raises(
        RequestError, match=r"folder '10' is label 2 of .* by its name, and label 10 by its number; say"
    ):
        read(tmp_path, info)
    back = read(tmp_path, info, named)
    assert back.labels.tolist() == list(range(12))
    assert back.images[:, 0, 0, 0].tolist() == (expected or [int(name) for name in TWELVE])


def test_folders_that_can_be_read_one_way_need_no_word(tmp_path: Path) -> None:
    info = replace(INFO, class_names=("1", "2", "3"))
    assert read(pictures(tmp_path / "a", "1", "2", "3"), info).labels.tolist() == [0, 1, 2], "3 is no label"
    assert read(pictures(tmp_path / "b", "0", "1", "2"), info).labels.tolist() == [0, 1, 2], "0 is no name"
    with pytest.raises(RequestError, match=r"the folder '1' is label 0 .*, and label 1"):
        read(pictures(tmp_path / "c", "1", "2"), info)
    assert read(tmp_path / "c", info, "numbers").labels.tolist() == [1, 2]
    with pytest.raises(RequestError, match="the folder '3' is of no class"):
        read(tmp_path / "a", info, "numbers")


def test_numbers_may_have_zeros_before_them_and_do_not_count_from_1(tmp_path: Path) -> None:
    assert read(pictures(tmp_path / "a", "000", "001", "002"), INFO).labels.tolist() == [0, 1, 2]
    with pytest.raises(RequestError, match="its folders count from 1 to 3, and labels from 0; rename them"):
        read(pictures(tmp_path / "b", "1", "2", "3"), INFO)


def test_a_folder_of_our_own_says_itself_which_is_which(tmp_path: Path) -> None:
    write(tmp_path / "set", SET)
    with pytest.raises(RequestError, match=r"set\.json says which folder is which class; leave out --folders"):
        read(tmp_path / "set", INFO, "names")


def test_a_wrong_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="holds no images"):
        read(tmp_path, INFO)
    pictures(tmp_path / "a", "cat", "cow")
    with pytest.raises(RequestError, match="the folder 'cow' is of no class"):
        read(tmp_path / "a", INFO)
    pictures(pictures(tmp_path / "b", "cat"), "1", "1", size=4)
    with pytest.raises(RequestError, match="several sizes: 4x4, 8x8"):
        read(tmp_path / "b", INFO)
    (pictures(tmp_path / "c", "cat") / "cat" / "1.png").write_text("no picture")
    with pytest.raises(RequestError, match=r"1\.png cannot be read as an image"):
        read(tmp_path / "c", INFO)


@pytest.mark.parametrize(("kind", "form"), [(np.uint16, "PNG"), (np.float32, "TIFF")])
@pytest.mark.parametrize("channels", [1, 3])
def test_more_than_eight_bits_of_grey_are_refused(
    tmp_path: Path, kind: type[np.generic], form: str, channels: int
) -> None:
    home = pictures(tmp_path, "cat") / "cat"
    Image.fromarray(np.full((8, 8), 40_000, dtype=kind)).save(home / "deep.png", format=form)
    with pytest.raises(RequestError, match=r"deep\.png .*pixels of kind [IF].*8 bits"):
        read(tmp_path, replace(INFO, shape=(channels, 8, 8)))


def test_all_that_pillow_reads_is_read_however_deep_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    home = pictures(tmp_path, "cat") / "cat"
    (home / "more").mkdir()
    for name in ("1.jfif", "2.TIF", "3.gif", "more/4.jpe", "more/5.WEBP"):
        Image.new("L", (8, 8), 7).save(home / name)
    assert read(tmp_path, INFO).labels.tolist() == [0] * 6
    (home / "notes.txt").write_text("x")
    Image.new("L", (8, 8)).save(tmp_path / "loose.png")
    with pytest.warns(
        UserWarning, match=r"2 files are left out, such as cat/notes\.txt: not in a class folder, or of an"
    ):
        assert len(read(tmp_path, INFO).images) == 6


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    (pictures(tmp_path, "cat") / "cat" / "._0.png").write_bytes(b"what macOS keeps beside a file")
    assert read(tmp_path, INFO).labels.tolist() == [0]


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "is not what 'dcbench export' writes"),
        ('{"classes": {"cat": "0"}}', "is not what 'dcbench export' writes"),
        ('{"classes": {"cat": 0}, "soft_labels": {}}', "soft labels do not fit"),
    ],
)
def test_a_damaged_description_is_one_line(tmp_path: Path, about: str, message: str) -> None:
    (pictures(tmp_path, "cat") / ABOUT).write_text(about)
    with pytest.raises(RequestError, match=message):
        read(tmp_path, INFO)


def test_a_description_leads_to_no_other_folder(tmp_path: Path) -> None:
    pictures(tmp_path / "outside", "cat")
    (pictures(tmp_path / "set", "cat") / ABOUT).write_text(json.dumps({"classes": {"cat": 0, "../outside/cat": 1}}))
    assert read(tmp_path / "set", INFO).labels.tolist() == [0]
