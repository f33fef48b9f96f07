"""Where the datasets keep what they make, and how they say what is missing or damaged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from dcbench import MissingDataError, UnreadableDataError

if TYPE_CHECKING:
    from collections.abc import Iterable

HOW_TO_POINT = "set another data folder with --data or the environment variable DCBENCH_DATA"


def cache_folder() -> Path:
    """Return the folder of dcbench's caches: ``DCBENCH_CACHE``, or the user's cache folder of this system."""
    return Path(os.environ.get("DCBENCH_CACHE") or platformdirs.user_cache_dir("dcbench")).expanduser()


def missing(dataset: str, files: Iterable[str], folder: Path, cause: BaseException | None = None) -> MissingDataError:
    """Return the error for *files* that belong in *folder* and are not there; *cause* is why they were not fetched."""
    why = f", and fetching them failed ({reason(cause)})" if cause else ""
    text = f"{dataset}: looked in {folder} for {', '.join(files)}{why}; put them there, or {HOW_TO_POINT}"
    return MissingDataError(text)


def unreadable(dataset: str, file: Path, why: BaseException | str) -> UnreadableDataError:
    """Return the error for a damaged *file*."""
    return UnreadableDataError(f"{dataset}: {file} cannot be used: {why if isinstance(why, str) else reason(why)}")


def reason(error: BaseException) -> str:
    """Return the last line of the text of *error*, or its kind if it has none: what fits into one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
