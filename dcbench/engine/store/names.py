"""Names that plug-ins and users give to what is stored."""

from __future__ import annotations

import re

from dcbench.api.errors import DcbenchError, RequestError

SHIPPED = "shipped"
OWN_FOLDERS = ("artifacts", "reports", SHIPPED)
"""Folders of a results folder that hold no dataset: what cells share, stored reports, and stores that are shipped."""
_LONGEST = 200  # bytes: file systems take 255, and some encrypted ones fewer


def check_name(name: str, what: str) -> None:
    """Refuse a *name* for *what*, such as ``a metric``, that HDF5 would take for a path, or cannot spell.

    Raises:
        DcbenchError: it is not a text or not valid Unicode, is empty or a dot, or has a slash or a null character.
    """
    if not isinstance(name, str) or name in ("", ".") or "/" in name or "\0" in name or not _is_unicode(name):
        raise DcbenchError(f"{name!r} is no name for {what}; names are texts, not empty, no dot alone, without a slash")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def file_name(name: str) -> str:
    """Return *name* with every character replaced that some file system or glob pattern takes for something else."""
    return re.sub(r"[^\w.+-]", "_", name)


def check_dataset_name(name: str) -> None:
    """Refuse a *name* whose folder would not be one of the results folder's own, or none at all.

    Raises:
        RequestError: with the reason, and how to give another.
    """
    folder = file_name(name).casefold()  # some file systems do not tell upper case from lower
    reason = ""
    if not name.strip():
        reason = "it is empty"
    elif folder.startswith("."):
        reason = "it begins with a dot"
    elif folder.endswith(".h5"):
        reason = "it ends in .h5, as files of results do"
    elif folder in OWN_FOLDERS:
        reason = f"a results folder keeps something else in its folder {folder}"
    elif len(folder.encode()) > _LONGEST:
        reason = f"it has more than {_LONGEST} bytes"
    if reason:
        shown = name if len(name) <= _LONGEST else f"{name[:50]}..."
        raise RequestError(f"{shown!r} is no name for a dataset: {reason}; give it another: folder:PATH[name=...]")
