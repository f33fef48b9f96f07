"""Reading a results folder: a missing folder is refused, a file that cannot be read is left out with a warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from dcbench.api.errors import RequestError
from dcbench.engine.store.failures import load_failure, overcome
from dcbench.engine.store.guards import UnreadableFileError

_Read = TypeVar("_Read")


def check_folder(results: Path) -> None:
    """Refuse a results folder that is not there.

    Raises:
        RequestError: it is not there, or is not a folder.
    """
    if not results.is_dir():
        raise RequestError(f"there is no results folder {results}; 'dcbench run' makes one")


def read_failures(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Return the failures recorded in the files *paths*, but for those that were overcome.

    A record that is damaged, or cannot be read now, is left out with a warning.
    """
    read = ((path, read_or_warn(load_failure, path)) for path in paths)
    return [facts for path, facts in read if facts is not None and not overcome(path)]


def read_or_warn(read: Callable[[Path], _Read], path: Path) -> _Read | None:
    """Return what *read* makes of the file *path*.

    A file that is damaged, or cannot be read now, is left out with a warning: None. One that was removed since it was
    listed, or that a run has just replaced by a longer one, is left out without a warning.
    """
    try:
        return read(path)
    except FileNotFoundError:
        return None
    except UnreadableFileError as error:
        warnings.warn(f"{error}; left out", stacklevel=2)
        return None
