"""What the package is called where packages are installed, and whether another one writes into the module dcbench."""

from __future__ import annotations

from functools import cache
from importlib import metadata

NAME = "dataset-condensation-bench"
"""The name that pip takes. `MODULE` is that of another project on the package index, which installs a module too."""
MODULE = "dcbench"
"""The name of the module, of the command, and of the package in checkouts that were installed under it before."""


def is_own(distribution: metadata.Distribution) -> bool:
    """Return whether *distribution* is this package: by its name, and by the built-in plug-ins that it brings."""
    return distribution.name in {NAME, MODULE} and any(
        point.group == "dcbench" and point.value.startswith("dcbench_plugins.") for point in distribution.entry_points
    )


@cache
def own() -> metadata.Distribution:
    """Return the metadata of this package.

    Raises:
        PackageNotFoundError: it is not installed.
    """
    for name in (NAME, MODULE):
        for distribution in metadata.distributions(name=name):
            if is_own(distribution):
                return distribution
    raise metadata.PackageNotFoundError(NAME)


def version() -> str:
    """Return the version of this package."""
    return own().version


def clash() -> str:
    """Return what is wrong if another package writes into the module too, and what to do; else an empty text."""
    if own().name == MODULE:
        return ""
    for other in metadata.distributions(name=MODULE):
        return (
            f"another package, {MODULE} {other.version}, is installed too and writes into the same module: "
            f"pip uninstall {MODULE}, then install {NAME} again"
        )
    return ""
