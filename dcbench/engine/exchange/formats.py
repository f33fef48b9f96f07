"""The formats by name and by the ending of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcbench.api.errors import RequestError

if TYPE_CHECKING:
    from pathlib import Path

ENDINGS = {
    "hdf5": (".h5", ".hdf5"),
    "safetensors": (".safetensors",),
    "pt": (".pt", ".pth"),
    "npz": (".npz",),
    "pkl": (".pkl", ".pickle"),
}
"""Formats that are files. The format ``images`` is a folder."""

EXPORTS = ("hdf5", "images", "safetensors", "pt")
"""What can be written."""


def format_of(path: Path) -> str | None:
    """Return the format that the ending of *path* stands for, None if it stands for none."""
    ending = path.suffix.lower()
    return next((name for name, endings in ENDINGS.items() if ending in endings), None)


def export_format(target: Path, wanted: str | None) -> str:
    """Return the format to write *target* in: *wanted*, or what its ending says.

    Raises:
        RequestError: neither says it, or they contradict each other.
    """
    found = None if target.is_dir() else format_of(target)
    chosen = wanted or found
    if chosen is None:
        raise RequestError(
            f"the name {target} does not say the format: end it in .h5, .safetensors or .pt, or name a folder "
            "together with --format images, safetensors or pt"
        )
    if chosen not in EXPORTS:
        raise RequestError(f"sets are not exported as {chosen}; there are: {', '.join(EXPORTS)}")
    if found is not None and found != chosen:
        raise RequestError(f"the name {target} says {found}, --format says {chosen}")
    if chosen == "hdf5" and target.is_dir():
        raise RequestError(f"{target} is a folder; an HDF5 export is one file with everything")
    return chosen


def import_format(source: Path) -> str:
    """Return the format of *source*: a folder holds images, a file what its ending says.

    Raises:
        RequestError: the ending stands for no format.
    """
    if source.is_dir():
        return "images"
    found = format_of(source)
    if found is None:
        endings = ", ".join(ending for endings in ENDINGS.values() for ending in endings)
        raise RequestError(f"{source} is of no format that can be imported: a folder of images, or one of {endings}")
    return found
