"""Fingerprints of data: a hash of the pixels and labels of a split, remembered by what it was read from and by."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.api.data import Dataset
from dcbench.api.folders import cache_folder, holding
from dcbench.engine.identity import digest_of
from dcbench.engine.store.atomic import replacing

if TYPE_CHECKING:
    from dcbench.api.data import ImageSet, Split

log = logging.getLogger(__name__)

_CHECK = "check "  # and the state: where the check of a fingerprint stands
_BLOCK = 4096  # images hashed at a time: a memory map is never read whole


def fingerprint(dataset: Dataset, split: Split) -> str:
    """Return the SHA-256 of the pixels and labels of *split*.

    The split is loaded only if its files, or the code that reads them, have changed since the hash was last computed.

    Raises:
        MissingDataError: the data is not there.
    """
    state = digest_of(
        {
            "dataset": f"{type(dataset).__module__}:{type(dataset).__qualname__}",
            "argument": dataset.argument,
            "settings": dataset.settings.model_dump(mode="json"),
            "code": sorted(map(_state, _code_of(type(dataset)))),
            "files": [_state(path) for path in dataset.files(split)],
            "split": split,
        }
    )
    known = _known(state)
    if known is None:
        known = hash_images(dataset.load(split))
        with suppress(OSError):  # a cache that cannot be written, in a container or on a full disk, is done without
            _remember(state, known)
    return known


def hash_images(images: ImageSet) -> str:
    """Return the SHA-256 of shape, pixels and labels."""
    value = hashlib.sha256(repr((tuple(images.images.shape), images.classes)).encode())
    for start in range(0, len(images), _BLOCK):
        value.update(images.images[start : start + _BLOCK].contiguous().numpy().data)
    value.update(images.labels.contiguous().numpy().data)
    return value.hexdigest()


def _code_of(target: type[Dataset]) -> set[Path]:
    """Return the source files that may decide which pixels *target* makes of the same files."""
    classes = takewhile(lambda one: one is not Dataset, target.__mro__)
    return {path for one in classes for path in _sources(one.__module__) if path.is_file()}


def _sources(name: str) -> Iterator[Path]:
    """Yield the file of a module and, where it is part of a package, those next to it, which it may use."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if file:
        yield Path(file)
        if getattr(module, "__package__", ""):
            yield from Path(file).parent.glob("*.py")


def _state(path: Path) -> list[str | int]:
    status = path.stat()
    return [str(path.resolve()), status.st_size, status.st_mtime_ns]


def _path() -> Path:
    return cache_folder() / "fingerprints.json"


def _known(state: str) -> str | None:
    """Return the fingerprint of *state* as it was remembered, or None; one whose check does not fit has rotted."""
    kept = _read()
    value = kept.get(state)
    if value is None:
        return None
    check = kept.get(_CHECK + state)
    if isinstance(value, str) and check == _check_of(state, value):
        return value
    if check is not None:
        log.warning("%s is damaged; the fingerprint of a dataset is computed again", _path())
    return None  # older versions wrote no check


def _check_of(state: str, value: str) -> str:
    return hashlib.sha256(f"{state} {value}".encode()).hexdigest()[:16]


def _read() -> dict[str, object]:
    try:
        known = json.loads(_path().read_bytes())
    except (OSError, ValueError, RecursionError):  # a cache that is missing or damaged is a cache to fill
        return {}
    return known if isinstance(known, dict) else {}


def _remember(state: str, value: str) -> None:
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    with holding(path.with_name(f"{path.name}.lock")):
        # The check stands apart from the value: older versions that share this folder find what they expect.
        known = _read() | {state: value, _CHECK + state: _check_of(state, value)}
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(known, indent=1))
