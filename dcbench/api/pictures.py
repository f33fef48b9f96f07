"""Which image files are read, and in which modes. Pillow is imported by the calls that need it."""

from __future__ import annotations

from functools import cache

USUAL_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
"""Endings that need no list of formats from Pillow."""

UNREAD_FORMATS = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"})
"""Formats that Pillow recognises by their content and hands to other programs, such as Ghostscript."""

GREY_MODES = ("1", "L", "LA")
"""Pillow's modes without colour."""

DEEP_MODES = ("I", "F")
"""First letters of Pillow's modes with more than 8 bits. Pillow clips them to 8 bits without a warning."""


@cache
def read_formats() -> tuple[str, ...]:
    """Return the formats that Pillow decodes itself, usual ones first: to open one of others may start a program."""
    from PIL import Image

    Image.preinit()
    Image.init()
    return tuple(name for name in Image.OPEN if name not in UNREAD_FORMATS)


@cache
def image_endings() -> frozenset[str]:
    """Return the endings, in lower case, of all that the installed Pillow decodes itself."""
    from PIL import Image

    formats = set(read_formats())
    return frozenset({*USUAL_ENDINGS, *(ending for ending, form in Image.EXTENSION.items() if form in formats)})
