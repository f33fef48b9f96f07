"""From one image file to a square uint8 array of a known shape."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from dcbench import DcbenchError
from dcbench.api.pictures import DEEP_MODES, GREY_MODES, read_formats
from dcbench_plugins.datasets.files import unreadable
from dcbench_plugins.datasets.folder_traits import Traits, traits_of, upright

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Form:
    """What every image of a folder is brought to."""

    name: str
    """Name of the dataset, for error texts."""
    size: int
    """Side in pixels."""
    channels: int
    """1 (grey) or 3 (RGB)."""
    resize: bool
    """Bring other sizes to `size`; otherwise refuse them."""
    grey_by_guess: bool
    """`channels` is 1 because the first image is grey, not because someone said so: refuse colour then."""
    upright: bool = True
    """Turn images as the orientation tag of cameras says."""
    traits: Traits = field(default_factory=Traits, compare=False, repr=False)
    """What `read` has seen."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        return self.channels, self.size, self.size

    def read(self, file: Path) -> NDArray[np.uint8]:
        """Decode *file*; (C, H, W), uint8.

        With `resize` the shorter side becomes `size` (bilinear with antialiasing), then the centre is cut out, as
        torchvision's Resize and CenterCrop do. Colour becomes grey, and grey, palettes and CMYK become RGB, as Pillow
        converts them: transparency is dropped, the colours of transparent pixels stay, colour profiles are not applied,
        and of 16 bits a channel in a PNG with colour or transparency the upper 8 stay. Of several frames the first is
        read. Images that are turned, transparent, of another profile or of several frames count in `traits`.

        Raises:
            UnreadableDataError: the file is damaged, or its size or colour is not what the others have, or it is grey
                with more than 8 bits and no transparency.
        """
        try:
            with Image.open(file, formats=read_formats()) as image:
                self._note(file, image)
                turned = upright(image) if self.upright else image
                self._check(file, turned)
                square = fit(in_channels(turned, self.channels), self.size)
                pixels = np.asarray(square, dtype=np.uint8)
        except DcbenchError:
            raise
        except Exception as error:  # Pillow's decoders fail in every way there is
            raise unreadable(self.name, file, error) from error
        return pixels[None] if self.channels == 1 else pixels.transpose(2, 0, 1)

    def look(self, file: Path) -> None:
        """Count *file* in `traits` without using its pixels; one that cannot be read is not counted."""
        with suppress(Exception), Image.open(file, formats=read_formats()) as image:
            self._note(file, image)

    def _note(self, file: Path, image: Image.Image) -> None:
        for trait in traits_of(image):
            self.traits.add(trait, file)

    def _check(self, file: Path, image: Image.Image) -> None:
        if not self.resize and image.size != (self.size, self.size):
            width, height = image.size
            found = f"it has {width}x{height} pixels, the first image {self.size}x{self.size}"
            raise unreadable(self.name, file, f"{found}; bring all to one size with {how('size', self.size)}")
        if self.grey_by_guess and image.mode not in GREY_MODES:
            found = "it has colours, the first image has none"
            raise unreadable(self.name, file, f"{found}; choose {how('channels', 3)} or {how('channels', 1)}")
        if image.mode.startswith(DEEP_MODES):
            raise unreadable(self.name, file, f"pixels of kind {image.mode}: only 8 bits a channel are read")


def form_of(name: str, first: Path, size: int | None, channels: int | None) -> Form:
    """Return the form of a folder whose first image is *first*; *size* and *channels* say what is not left to it.

    Raises:
        UnreadableDataError: the image is damaged, or it is not square and no size is given.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tags that Pillow cannot read
            image = Image.open(first, formats=read_formats())
        with image:
            (width, height), mode = upright(image).size, image.mode
    except Exception as error:
        raise unreadable(name, first, error) from error
    if size is None and width != height:
        text = f"it has {width}x{height} pixels, and images are square here; cut them with "
        raise unreadable(name, first, text + how("size", min(width, height)))
    guessed = 1 if mode in GREY_MODES else 3
    return Form(name, size or width, channels or guessed, size is not None, channels is None and guessed == 1)


def how(field: str, value: int) -> str:
    """Return the option that sets *field* of folder datasets."""
    return f"--set folder.{field}={value}"


def in_channels(image: Image.Image, channels: int) -> Image.Image:
    """Return *image* as grey (1) or RGB (3); transparency is dropped."""
    if "transparency" in image.info:
        image = image.convert("RGBA")  # Pillow warns when a palette with transparency goes to RGB in one step
    return image.convert("L" if channels == 1 else "RGB")


def fit(image: Image.Image, size: int) -> Image.Image:
    """Return the *size* x *size* centre of *image* after its shorter side became *size*; 8-bit grey or RGB."""
    width, height = image.size
    short = min(width, height)
    if short != size:
        width, height = (size * width // short, size * height // short)
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.crop((left, top, left + size, top + size))
