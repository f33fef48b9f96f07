"""Names that plug-ins give to what is stored."""

from __future__ import annotations

from dcbench.api.errors import DcbenchError


def check_name(name: str, what: str) -> None:
    """Refuse a *name* for *what*, such as ``a figure``, that HDF5 would take for a path.

    Raises:
        DcbenchError: it is empty, a dot, or has a slash or a null character.
    """
    if name in ("", ".") or "/" in name or "\0" in name:
        raise DcbenchError(f"{name!r} is no name for {what}; names are not empty, no dot alone, and have no slash")
