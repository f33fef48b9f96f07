"""What images of a folder lose when they are decoded, counted: turning, transparency, colour profiles, frames."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING

from PIL import ImageCms, ImageOps

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL import Image

ORIENTATION = 0x0112
"""The EXIF tag that says how a camera was held: 1 is upright, 2 to 8 are the other ways."""

_TAGGED = {"exif", "xmp"}
"""Where a JPEG may have the tag."""

TURNED, TRANSPARENT, PROFILE, FRAMES = "turned", "transparent", "profile", "frames"

_OPAQUE = 255


@dataclass
class Traits:
    """How many images have each trait, and the first that has it; threads may add to it."""

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def add(self, trait: str, file: Path) -> None:
        """Count *file* as one that has *trait*."""
        with self._lock:
            self.counts[trait] = self.counts.get(trait, 0) + 1
            self.first[trait] = min(self.first.get(trait, str(file)), str(file))

    def write(self, file: Path) -> None:
        """Keep the counts in *file*."""
        partial_file = file.with_name(f"{file.name}.{id(self):x}.partial")
        partial_file.write_text(json.dumps({"counts": self.counts, "first": self.first}))
        partial_file.replace(file)

    @staticmethod
    def read(file: Path) -> Traits | None:
        """Return what `write` kept, or None if *file* is not there or is damaged."""
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            kept = json.loads(file.read_text())
            counts = {str(trait): int(count) for trait, count in kept["counts"].items()}
            first = {str(trait): str(path) for trait, path in kept["first"].items()}
            return Traits(counts, first) if set(counts) == set(first) else None
        return None


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of *image*, 1 to 8; 1 where it has none, or one that cannot be read."""
    if image.format == "JPEG" and not _TAGGED & image.info.keys():  # most files: nothing to look for
        return 1
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # the pixels are good even where a tag is damaged
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright(image: Image.Image) -> Image.Image:
    """Return *image* as it was seen when it was taken."""
    return ImageOps.exif_transpose(image) if orientation(image) != 1 else image


def traits_of(image: Image.Image) -> Iterator[str]:
    """Yield the traits of an opened *image*; some are known only when its pixels are decoded."""
    if orientation(image) != 1:
        yield TURNED
    if _is_transparent(image):
        yield TRANSPARENT
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and profile and not _is_srgb(profile):
        yield PROFILE
    if getattr(image, "is_animated", False):
        yield FRAMES


def _is_transparent(image: Image.Image) -> bool:
    """Say whether a pixel of *image* is not opaque: many files have a channel for it and do not use it."""
    if "transparency" in image.info:
        image = image.convert("RGBA")
    if "A" not in image.getbands():
        return False
    lowest, _ = image.getchannel("A").getextrema()
    return isinstance(lowest, int | float) and lowest < _OPAQUE


@lru_cache(maxsize=64)
def _is_srgb(profile: bytes) -> bool:
    """Say whether a colour profile is that of sRGB, in which pixels are taken to be anyway."""
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(profile))).strip().lower()
    except Exception:  # a profile that cannot be read, or Pillow without littlecms
        return False
    return "srgb" in name or name == "c2"  # c2: a small sRGB profile that is widely embedded
