from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dcbench import UnreadableDataError
from dcbench_plugins.datasets.folder_images import Form, fit, form_of

if TYPE_CHECKING:
    from pathlib import Path

SIDE = st.integers(1, 40)
COLOUR = Form("x", 4, 3, resize=False, grey_by_guess=False)


@given(width=SIDE, height=SIDE, size=SIDE, seed=st.integers(0, 9))
@settings(max_examples=60)
def test_fit_is_resize_and_centre_crop(width: int, height: int, size: int, seed: int) -> None:
    from torchvision.transforms import v2

    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    expected = v2.CenterCrop(size)(v2.Resize(size, v2.InterpolationMode.BILINEAR)(image))
    fitted = fit(image, size)
    assert fitted.size == (size, size)
    np.testing.assert_array_equal(np.asarray(fitted), np.asarray(expected))


def test_the_form_is_that_of_the_first_image(tmp_path: Path) -> None:
    grey, colour = tmp_path / "g.png", tmp_path / "c.png"
    Image.new("L", (5, 5)).save(grey)
    Image.new("RGB", (5, 8)).save(colour)
    assert form_of("x", grey, None, None) == Form("x", 5, 1, resize=False, grey_by_guess=True)
    assert form_of("x", grey, None, 1) == Form("x", 5, 1, resize=False, grey_by_guess=False)
    assert form_of("x", colour, 4, None) == Form("x", 4, 3, resize=True, grey_by_guess=False)
    with pytest.raises(UnreadableDataError, match="5x8"):
        form_of("x", colour, None, None)


def test_a_palette_with_transparency_is_read_without_a_warning(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.save(tmp_path / "p.png", transparency=bytes([0, 128]))
    read = form_of("x", tmp_path / "p.png", None, None).read(tmp_path / "p.png")
    assert read[:, 0, 0].tolist() == [10, 20, 30]
    assert read.shape == (3, 4, 4)


def test_grey_becomes_colour(tmp_path: Path) -> None:
    Image.new("L", (4, 4), 7).save(tmp_path / "g.png")
    assert (COLOUR.read(tmp_path / "g.png") == 7).all()


@pytest.mark.parametrize(
    ("ink", "colour"), [((0, 255, 255, 0), (255, 0, 0)), ((0, 0, 0, 255), (0, 0, 0)), ((0,) * 4, (255,) * 3)]
)
def test_print_colours_become_those_of_a_screen(tmp_path: Path, ink: tuple[int, ...], colour: tuple[int, ...]) -> None:
    Image.new("CMYK", (4, 4), ink).save(tmp_path / "p.jpg")
    np.testing.assert_allclose(COLOUR.read(tmp_path / "p.jpg")[:, 0, 0], colour, atol=2)


def test_of_sixteen_bits_a_channel_the_upper_eight_stay(tmp_path: Path) -> None:
    row = b"\0" + struct.pack(">HHH", 0x1280, 0x34FF, 0x5600) * 4
    chunks = {b"IHDR": struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0), b"IDAT": zlib.compress(row * 4), b"IEND": b""}
    packed = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks.items()
    ]
    (tmp_path / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    assert COLOUR.read(tmp_path / "deep.png")[:, 0, 0].tolist() == [0x12, 0x34, 0x56]


def test_more_than_eight_bits_of_grey_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 40_000, dtype=np.uint16)).save(tmp_path / "deep.png")
    form = Form("x", 4, 1, resize=False, grey_by_guess=False)
    with pytest.raises(UnreadableDataError, match=r"deep\.png .*8 bits"):
        form.read(tmp_path / "deep.png")


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(UnreadableDataError, match=r"a\.png"):
        form_of("x", tmp_path / "a.png", None, None)


def test_postscript_under_the_name_of_an_image_starts_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import EpsImagePlugin

    disguised = tmp_path / "1.png"
    Image.new("RGB", (4, 4)).save(disguised, "EPS")
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("it went to Ghostscript"))
    for use in (COLOUR.read, lambda file: form_of("x", file, None, None)):
        with pytest.raises(UnreadableDataError, match=r"1\.png.*cannot identify") as caught:
            use(disguised)
        assert "\n" not in str(caught.value)


def test_a_format_that_has_no_mark_at_its_start_is_still_read(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), (9, 9, 9)).save(tmp_path / "t.tga")
    assert (COLOUR.read(tmp_path / "t.tga") == 9).all()
