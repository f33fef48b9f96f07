"""Decoded images in one file per split, written once and read through a memory map."""

from __future__ import annotations

import json
import logging
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock

from dcbench import RequestError
from dcbench_plugins.datasets.places import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

CHUNK = 64
"""Images that a thread decodes before it comes back."""
BLOCK = 1 << 22
"""Pixels that are counted at once."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageCache:
    """The cache file of one split."""

    file: Path
    """The finished file; its name changes with the sources, so a file of this name is never stale."""
    shape: tuple[int, int, int, int]
    """(N, C, H, W)."""
    read: Callable[[int], NDArray[np.uint8]]
    """Decodes the image at a position; (C, H, W), uint8. Called from several threads."""

    def images(self) -> NDArray[np.uint8]:
        """Return all images, (N, C, H, W) uint8, as a memory map; decodes them if that was never done.

        Raises:
            RequestError: the cache cannot be written.
            UnreadableDataError: an image cannot be decoded.
        """
        found = self._finished()
        if found is not None:
            return found
        with self._alone():
            found = self._finished()  # another process may have done it while this one waited
            if found is None:
                self._decode()
                found = self._finished()
        if found is None:
            raise RequestError(f"the image cache {self.file} cannot be read back; set another with DCBENCH_CACHE")
        return found

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return mean and standard deviation of the pixels in [0, 1], one per channel each; measured once.

        Raises:
            RequestError: the cache cannot be written.
            UnreadableDataError: an image cannot be decoded.
        """
        beside = self.file.with_suffix(".json")
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(beside.read_text())
            return tuple(map(float, kept["mean"])), tuple(map(float, kept["std"]))
        mean, std = measure(self.images())
        with self._alone():
            partial_file = beside.with_suffix(".json.partial")
            partial_file.write_text(json.dumps({"mean": mean, "std": std}))
            partial_file.replace(beside)
        return mean, std

    def _finished(self) -> NDArray[np.uint8] | None:
        """Return the memory map if the file is there and whole. Copy on write: torch refuses read-only arrays."""
        try:
            found: NDArray[np.uint8] = np.load(self.file, mmap_mode="c")
        except (OSError, ValueError, EOFError):
            return None
        return found if found.shape == self.shape and found.dtype == np.uint8 else None

    def _decode(self) -> None:
        log.info("decoding %d images into %s", self.shape[0], self.file)
        self._check_room()
        # The lock is held, so the name is free; what a killed process left there is overwritten.
        unfinished = self.file.with_suffix(".partial")
        try:
            target = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=self.shape)
            starts = range(0, len(target), CHUNK)
            with ThreadPoolExecutor() as pool:  # Pillow lets go of the interpreter while it decodes
                for _ in pool.map(partial(self._fill, target), starts):
                    pass
            target.flush()
            del target
            with unfinished.open("rb+") as written:
                os.fsync(written.fileno())
            unfinished.replace(self.file)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    def _fill(self, target: NDArray[np.uint8], start: int) -> None:
        for position in range(start, min(start + CHUNK, len(target))):
            target[position] = self.read(position)

    def _check_room(self) -> None:
        """Refuse early: writing through a memory map to a full disk kills the process."""
        needed, free = int(np.prod(self.shape)), shutil.disk_usage(self.file.parent).free
        if needed > free:
            raise OSError(f"{needed / 1e9:.2f} GB are needed, {free / 1e9:.2f} GB are free")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of this file, so that two processes never decode the same images at once."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.file.with_suffix(".lock")):
                yield
        except OSError as error:
            text = f"the image cache {self.file} cannot be written: {reason(error)}; set another with DCBENCH_CACHE"
            raise RequestError(text) from error


def measure(images: NDArray[np.uint8]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation (of the whole population) of *images* / 255, one per channel each.

    Exact up to the last rounding: the pixels are counted by value, not summed.

    Args:
        images: (N, C, H, W), uint8; read block by block, so a memory map of any size will do.
    """
    count, channels, height, width = images.shape
    tally = np.zeros((channels, 256))
    step = max(1, BLOCK // (height * width))
    for start in range(0, count, step):
        for channel in range(channels):
            tally[channel] += np.bincount(images[start : start + step, channel].ravel(), minlength=256)
    values, share = np.arange(256) / 255, tally / (count * height * width)
    mean = share @ values
    variance = (share * (values - mean[:, None]) ** 2).sum(1)
    return tuple(mean.tolist()), tuple(np.sqrt(variance).tolist())
