"""What is said of an image folder: how many files are left out, and what images lose when they are decoded."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from dcbench_plugins.datasets.folder_listing import unread_folders
from dcbench_plugins.datasets.folder_traits import FRAMES, PROFILE, TRANSPARENT, TURNED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from dcbench import Split
    from dcbench_plugins.datasets.folder_listing import Listing
    from dcbench_plugins.datasets.folder_traits import Traits

_SHOWN = 3
_SPLITS: dict[Split, str] = {"train": "training", "test": "test"}


def remarks(
    root: Path, listings: Mapping[Split, Listing], traits: Mapping[Split, Traits], *, turned: bool
) -> Iterator[str]:
    """Yield a line for each thing that is to be said of the folder *root*.

    Args:
        root: the folder that holds the splits.
        listings: what was found, by split.
        traits: what was seen while the images were decoded, by split.
        turned: whether images are turned as their EXIF tag says.
    """
    yield from _left_out(root, listings.values())
    yield from _deeper(root, listings)
    yield from _unread(root, list(listings.values()))
    for trait, words in _words(turned=turned).items():
        counts = {split: seen.counts.get(trait, 0) for split, seen in traits.items()}
        first = [seen.first[trait] for seen in traits.values() if trait in seen.first]
        if first:
            yield f"{_counted(counts)}, such as {_below(root, first[0])}, {words}"


def _words(*, turned: bool) -> dict[str, str]:
    """Return what is said of images with each trait, in the singular of "each"."""
    return {
        TURNED: "turned by an EXIF tag: "
        + ("stored lying, read upright" if turned else "the tag is not obeyed, as in the field"),
        TRANSPARENT: "with transparency: it is dropped, and the colours below it stay",
        PROFILE: "with a colour profile other than sRGB: it is not applied",
        FRAMES: "with several frames: the first is read",
    }


def _left_out(root: Path, listings: Iterable[Listing]) -> Iterator[str]:
    paths = [_below(root, f"{listing.folder}/{path}") for listing in listings for path in listing.left_out]
    folders = sum(path.endswith("/") for path in paths)
    if paths:
        what = "files and folders" if 0 < folders < len(paths) else "folders" if folders else "files"
        what = what.removesuffix("s") if len(paths) == 1 else what
        yield f"{len(paths):,} {what} left out, as no images of a class: {_few(paths)}"


def _deeper(root: Path, listings: Mapping[Split, Listing]) -> Iterator[str]:
    found = {split: listing.deeper() for split, listing in listings.items()}
    paths = [_below(root, f"{listings[split].folder}/{path}") for split, deeper in found.items() for path in deeper]
    if paths:
        counts = {split: len(deeper) for split, deeper in found.items()}
        yield f"{_counted(counts)}, in folders below those of their classes, read with them: {_few(paths)}"


def _unread(root: Path, listings: Sequence[Listing]) -> Iterator[str]:
    classes = sorted(set(chain.from_iterable(listing.classes for listing in listings)))
    others = unread_folders(root, [listing.folder.name for listing in listings], classes)
    if others:
        read = " and ".join(f"{listing.folder.name}/" for listing in listings)
        names = ", ".join(f"{name}/" for name in others)
        yield f"{names} left out: only {read} are read, and --split validation holds out a tenth of the training images"


def _counted(counts: Mapping[Split, int]) -> str:
    parts = [f"{count:,} {_SPLITS[split]}" for split, count in counts.items() if count]
    return f"{' and '.join(parts)} image{'' if sum(counts.values()) == 1 else 's'}"


def _below(root: Path, path: str) -> str:
    """Return *path* below *root*, with what cannot be printed escaped: a file may have any name."""
    text = str(path).removeprefix(f"{root}/")
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _few(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN:,} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more
