"""What an image folder holds that is read otherwise than it may seem, or not at all."""

from __future__ import annotations

import os
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from dcbench import UnreadableDataError
from dcbench_plugins.datasets import folder_files
from dcbench_plugins.datasets.folder import Folder, FolderSettings
from dcbench_plugins.datasets.folder_traits import Traits
from dcbench_plugins.datasets.imagenet import IMAGENET10, ImageNet10


def noise(seed: int = 0, mode: str = "RGB", size: tuple[int, int] = (6, 6)) -> Image.Image:
    bands = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, *bands), dtype=np.uint8))


def turned(seed: int = 0, tag: int = 6) -> tuple[Image.Image, Image.Exif]:
    exif = Image.Exif()
    exif[0x0112] = tag
    return noise(seed), exif


def of(path: Path, **settings: Any) -> Folder:
    return Folder(Path("/nowhere"), str(path), FolderSettings(**settings))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DCBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Two classes with two images a split."""
    for split in ("train", "test"):
        for label in ("ant", "bee"):
            (tmp_path / "pets" / split / label).mkdir(parents=True)
            for number in range(2):
                noise(number).save(tmp_path / "pets" / split / label / f"{number}.png")
    return tmp_path / "pets"


def remarks(path: Path, **settings: Any) -> list[str]:
    dataset = of(path, **settings)
    for split in ("train", "test"):
        dataset.files(split)  # type: ignore[arg-type]
    return list(dataset.remarks())


def test_of_a_plain_folder_nothing_is_said(pets: Path) -> None:
    assert remarks(pets) == []


@pytest.mark.parametrize(
    "name",
    ["a.JPG", "a.jfif", "a.jpe", "a.tif", "a.TIFF", "a.gif", "a.ppm", "a.pgm", "a.tga", "a.ico", "a.jp2", "a.dib"],
)
def test_every_format_that_pillow_decodes_is_read(pets: Path, name: str) -> None:
    noise(9, size=(16, 16)).save(
        pets / "train/ant" / name, format=Image.registered_extensions()[Path(name).suffix.lower()]
    )
    dataset = of(pets, size=6, channels=3)
    assert dataset.info().train_counts == (3, 2)
    assert len(dataset.load("train")) == 5
    assert [line for line in remarks(pets, size=6, channels=3) if "left out" in line] == []


@pytest.mark.parametrize("name", ["0001", "a.jpg_large", "a.JPG~", "a.image"])
def test_an_image_is_known_by_what_it_begins_with_where_its_ending_does_not_say(pets: Path, name: str) -> None:
    noise(9).save(pets / "train/bee" / name, format="JPEG")
    assert of(pets).info().train_counts == (2, 3)


def test_formats_that_pillow_only_recognises_are_left_out() -> None:
    assert not {".h5", ".hdf", ".grib", ".bufr", ".eps", ".mpg"} & folder_files.image_endings()
    assert {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif"} <= folder_files.image_endings()


def test_what_is_left_out_is_counted_and_named_in_one_line(pets: Path) -> None:
    (pets / "train/ant/notes.txt").write_text("P5 is how some images begin")
    (pets / "train/bee/scores.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (pets / "test/bee/.hidden.png").write_bytes((pets / "test/bee/0.png").read_bytes())
    (pets / "test/loose.png").write_bytes((pets / "test/bee/0.png").read_bytes())
    assert remarks(pets) == [
        "4 files left out, as no images of a class: train/ant/notes.txt, train/bee/scores.h5, test/loose.png and 1 more"
    ]
    assert of(pets).info().train_counts == (2, 2)


def test_folders_that_are_left_out_are_named_too(pets: Path) -> None:
    (pets / "train/ant/.cache").mkdir()
    (pets / "train/.old").mkdir()
    (pets / "train/ant/circle").symlink_to(pets, target_is_directory=True)
    assert remarks(pets) == [
        "3 folders left out, as no images of a class: train/.old/, train/ant/.cache/, train/ant/circle/"
    ]
    (pets / "train/ant/notes.txt").write_text("x")
    assert remarks(pets)[0].startswith("4 files and folders left out")


def test_of_what_systems_leave_in_every_folder_nothing_is_said(pets: Path) -> None:
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._0.png"):
        (pets / "train/ant" / name).write_text("x")
    (pets / "train/.DS_Store").write_text("x")
    assert remarks(pets) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes in folders")
def test_a_pipe_is_never_opened(pets: Path) -> None:
    os.mkfifo(pets / "train/ant/pipe")
    os.mkfifo(pets / "train/ant/pipe.png")
    (pets / "train/ant/to-pipe.png").symlink_to(pets / "train/ant/pipe")
    assert remarks(pets) == [
        "3 files left out, as no images of a class: train/ant/pipe, train/ant/pipe.png, train/ant/to-pipe.png"
    ]


def test_a_name_that_no_terminal_should_get_is_escaped(pets: Path) -> None:
    (pets / "train/ant/\x1b[2Jnotes").write_text("x")
    (line,) = remarks(pets)
    assert line.endswith("train/ant/\\x1b[2Jnotes")


def test_images_in_deeper_folders_are_read_counted_and_named(pets: Path) -> None:
    (pets / "train/ant/more/still").mkdir(parents=True)
    noise(7).save(pets / "train/ant/more/a.png")
    noise(8).save(pets / "train/ant/more/still/b.png")
    assert remarks(pets) == [
        "2 training images, in folders below those of their classes, read with them: train/ant/more/a.png, "
        "train/ant/more/still/b.png"
    ]
    loaded = of(pets).load("train")
    assert loaded.labels.tolist() == [0, 0, 0, 0, 1, 1]
    for position, seed in ((2, 7), (3, 8)):
        np.testing.assert_array_equal(loaded.images[position].numpy(), np.asarray(noise(seed)).transpose(2, 0, 1))


def test_a_layout_with_every_image_in_one_more_folder_is_usual(pets: Path) -> None:
    for label in ("ant", "bee"):
        (pets / "train" / label / "images").mkdir()
        for file in (pets / "train" / label).glob("*.png"):
            file.rename(file.parent / "images" / file.name)
    assert of(pets).info().train_counts == (2, 2)
    assert remarks(pets) == []


def test_a_class_without_images_says_what_it_holds(pets: Path) -> None:
    for file in (pets / "train/ant").iterdir():
        file.unlink()
    (pets / "train/ant/a.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(UnreadableDataError, match=r"train/ant cannot be used: no image in it, only a\.npy$"):
        of(pets).info()


@pytest.mark.parametrize("tag", range(1, 9))
def test_images_are_turned_as_their_exif_tag_says(pets: Path, tag: int) -> None:
    image, exif = turned(5, tag)
    image.save(pets / "train/ant/0.png", exif=exif)
    expected = ImageOps.exif_transpose(Image.open(pets / "train/ant/0.png")).convert("RGB")
    np.testing.assert_array_equal(of(pets).load("train").images[0].numpy(), np.asarray(expected).transpose(2, 0, 1))
    said = ["1 training image, such as train/ant/0.png, turned by an EXIF tag: stored lying, read upright"]
    assert remarks(pets) == ([] if tag == 1 else said)


def test_a_side_is_that_of_the_upright_image(pets: Path) -> None:
    image, exif = turned(5)
    noise(5, size=(6, 9)).save(pets / "train/ant/0.png", exif=exif)
    with pytest.raises(UnreadableDataError, match=r"0\.png cannot be used: it has 6x9 pixels"):
        of(pets).info()
    assert image.size == (6, 6)


def test_subsets_of_imagenet_are_read_as_the_field_reads_them(tmp_path: Path) -> None:
    image, exif = turned(5)
    for split, wnid in [(split, wnid) for split in ("train", "val") for wnid in IMAGENET10]:
        folder = tmp_path / "imagenet" / split / wnid
        folder.mkdir(parents=True)
        image.save(folder / "0.png", exif=exif)
    dataset = ImageNet10(tmp_path, "", ImageNet10.Settings(size=6))
    np.testing.assert_array_equal(dataset.load("train").images[0].numpy(), np.asarray(image).transpose(2, 0, 1))
    dataset.files("test")
    assert list(dataset.remarks()) == [
        "10 training and 10 test images, such as train/n01749939/0.png, turned by an EXIF tag: the tag is not obeyed, "
        "as in the field"
    ]


def test_transparency_is_counted_where_it_is_used(pets: Path) -> None:
    noise(3, "RGBA").save(pets / "train/ant/0.png")
    opaque = noise(3)
    opaque.putalpha(255)
    opaque.save(pets / "train/ant/1.png")
    palette = noise(4).quantize(8)
    palette.save(pets / "test/bee/0.png", transparency=0)
    grey = noise(4, "L")
    grey.save(pets / "test/bee/1.png", transparency=grey.getpixel((0, 0)))
    assert remarks(pets, channels=3) == [
        "1 training and 2 test images, such as train/ant/0.png, with transparency: it is dropped, and the colours "
        "below it stay"
    ]
    first = of(pets, channels=3).load("train").images[0].numpy()
    np.testing.assert_array_equal(first, np.asarray(noise(3, "RGBA"))[..., :3].transpose(2, 0, 1))


def test_a_colour_profile_other_than_srgb_is_counted(pets: Path) -> None:
    for number, space in enumerate(("sRGB", "LAB")):
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()
        noise(number).save(pets / f"train/ant/{number}.png", icc_profile=profile)
    noise(2).save(pets / "train/bee/0.png", icc_profile=b"no profile")
    assert remarks(pets) == [
        "2 training images, such as train/ant/1.png, with a colour profile other than sRGB: it is not applied"
    ]


@pytest.mark.parametrize("name", ["a.gif", "a.tif", "a.webp"])
def test_of_several_frames_the_first_is_read(pets: Path, name: str) -> None:
    frames = [Image.new("RGB", (6, 6), (level, level, level)) for level in (0, 120, 240)]
    frames[0].save(pets / "train/ant" / name, save_all=True, append_images=frames[1:])
    assert remarks(pets) == [f"1 training image, such as train/ant/{name}, with several frames: the first is read"]
    assert of(pets).load("train").images[2].numpy().max() == 0


@pytest.mark.parametrize("other", ["val", "valid", "extra"])
def test_a_folder_of_the_same_classes_that_is_not_read_is_named(pets: Path, other: str) -> None:
    (pets / other / "ant").mkdir(parents=True)
    (pets / "unrelated").mkdir()
    assert remarks(pets) == [
        f"{other}/ left out: only train/ and test/ are read, and --split validation holds out a tenth of the training "
        "images"
    ]


def test_val_that_serves_as_test_is_read(pets: Path) -> None:
    (pets / "test").rename(pets / "val")
    assert remarks(pets) == []


def test_nothing_is_decoded_to_say_it(pets: Path, cache: Path) -> None:
    noise(3, "RGBA").save(pets / "test/ant/0.png")
    dataset = of(pets, size=6, channels=3)
    assert list(dataset.remarks()) == []
    assert not cache.exists()


@pytest.mark.parametrize("content", [None, "", "{}", '{"counts": {"turned": 1}, "first": {}}', "[1]"])
def test_counts_that_are_lost_or_damaged_are_taken_again(pets: Path, cache: Path, content: str | None) -> None:
    noise(3, "RGBA").save(pets / "train/ant/0.png")
    before = remarks(pets)
    (file,) = (file for file in cache.rglob("*.traits.json") if ".train." in file.name)
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    assert remarks(pets) == before
    assert Traits.read(file) == Traits({"transparent": 1}, {"transparent": str(pets / "train/ant/0.png")})


def test_damage_to_an_exif_tag_is_no_reason_to_refuse_an_image(pets: Path) -> None:
    noise(5).save(pets / "train/ant/0.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12\0\3")
    assert len(of(pets).load("train")) == 5


def test_a_profile_is_read_from_the_file_itself(pets: Path) -> None:
    buffer = BytesIO()
    noise(5).save(buffer, "JPEG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (pets / "train/ant/0.jpg").write_bytes(buffer.getvalue())
    assert remarks(pets) == []
