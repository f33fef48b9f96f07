"""Decoded images in one file per split, written once and read through a memory map."""

from __future__ import annotations

import json
import logging
import math
import mmap
import os
import secrets
import shutil
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dcbench import RequestError, UnreadableDataError
from dcbench.api.folders import holding
from dcbench_plugins.datasets.files import reason
from dcbench_plugins.datasets.folder_seals import check_of, seal, unseal, verifies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

CHUNK = 64
"""Images that a thread decodes before it comes back."""
BLOCK = 1 << 22
"""Pixels that are counted at once."""
NO_RESERVE = 0x4000 if sys.platform == "linux" else 0
"""MAP_NORESERVE, which Python names from 3.13 on: Linux would refuse a private map larger than the memory there is."""

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
    decoded: Callable[[], None] = lambda: None
    """Called when all images were decoded, before the file has its name."""
    progress: Callable[[int, int], None] = lambda _done, _total: None
    """Called now and then with how many images of how many are decoded, by the thread that asked for them."""

    def images(self) -> NDArray[np.uint8]:
        """Return all images, (N, C, H, W) uint8, as a memory map; decodes them if that was never done, or has rotted.

        Raises:
            RequestError: the cache cannot be written or read.
            UnreadableDataError: an image cannot be decoded; the text names the first and counts the others.
        """
        if not self._finished():
            with self._alone() as alone:
                if not self._finished():  # another process may have done it while this one waited
                    self._decode(alone=alone)
        try:
            return map_pixels(self.file)
        except OSError as error:
            text = f"the image cache {self.file} cannot be read: {reason(error)}; set another with DCBENCH_CACHE"
            raise RequestError(text) from error

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return mean and standard deviation of the pixels in [0, 1], one per channel each; measured once.

        Raises:
            RequestError: the cache cannot be written.
            UnreadableDataError: an image cannot be decoded.
        """
        described = self.file.with_suffix(".json")
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(described.read_text())
            if kept["check"] == check_of([kept["mean"], kept["std"]]):
                return tuple(map(float, kept["mean"])), tuple(map(float, kept["std"]))
        mean, std = measure(self.images())
        with self._alone() as alone:
            partial_file = described.with_suffix(".json.partial" if alone else f".{secrets.token_hex(4)}.partial")
            partial_file.write_text(json.dumps({"mean": mean, "std": std, "check": check_of([mean, std])}))
            partial_file.replace(described)
        return mean, std

    def _finished(self) -> bool:
        """Say whether the file is there and whole."""
        try:
            found = np.load(self.file, mmap_mode="r")
            if found.shape == self.shape and found.dtype == np.uint8 and verifies(self.file):
                return True
        except (FileNotFoundError, NotADirectoryError):
            return False
        except Exception as error:  # whatever NumPy makes of a damaged header
            log.info("%s: %s", self.file, error)
        log.warning("the image cache %s is damaged; it is made again", self.file)
        return False

    def _decode(self, *, alone: bool) -> None:
        log.info("decoding %d images into %s", self.shape[0], self.file)
        self._check_room()
        # Under a lock the name is free, and what a killed process left there is overwritten.
        unfinished = self.file.with_suffix(".partial" if alone else f".{secrets.token_hex(4)}.partial")
        try:
            self._fill(unfinished)
            self.decoded()
            with unfinished.open("rb+") as written:
                os.fsync(written.fileno())
            unseal(self.file)
            unfinished.replace(self.file)
            seal(self.file)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    def _fill(self, file: Path) -> None:
        """Write header and images, several threads a part each: Pillow lets go of the interpreter while it decodes."""
        origin = write_header(file, self.shape)

        def decode(start: int) -> list[str]:
            return self._fill_part(file, origin, start)

        # Pillow warns of tags that it cannot read; here, since what a thread ignores is ignored by all.
        with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
            warnings.simplefilter("ignore")
            refused = []
            starts = range(0, self.shape[0], CHUNK)
            for start, texts in zip(starts, pool.map(decode, starts), strict=True):
                refused += texts
                self.progress(min(start + CHUNK, self.shape[0]), self.shape[0])
        if refused:
            others = len(refused) - 1
            more = f"; {others} more {'image' if others == 1 else 'images'} cannot be used either" if others else ""
            raise UnreadableDataError(refused[0] + more)

    def _fill_part(self, file: Path, origin: int, start: int) -> list[str]:
        """Write the images from *start* on; return what is wrong with those that cannot be decoded, as texts.

        Written and not mapped: pages of a map count as memory of this process, and a disk that is full would kill it.
        """
        refused = []
        with file.open("rb+") as target:
            target.seek(origin + start * math.prod(self.shape[1:]))
            for position in range(start, min(start + CHUNK, self.shape[0])):
                try:
                    target.write(np.ascontiguousarray(self.read(position)).data)
                except UnreadableDataError as error:
                    refused.append(str(error))
        return refused

    def _check_room(self) -> None:
        """Refuse before hours are spent, not after."""
        needed, free = math.prod(self.shape), shutil.disk_usage(self.file.parent).free
        if needed > free:
            raise OSError(f"{needed / 1e9:.2f} GB are needed, {free / 1e9:.2f} GB are free")

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Hold the lock of this file, so that two processes do not decode the same images; yield whether it is held."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with holding(self.file.with_suffix(".lock")) as held:
                yield held
        except OSError as error:
            text = f"the image cache {self.file} cannot be written: {reason(error)}; set another with DCBENCH_CACHE"
            raise RequestError(text) from error


def write_header(file: Path, shape: tuple[int, ...]) -> int:
    """Begin the ``npy`` file of a uint8 array of *shape*, at its full length; return where the pixels start."""
    with file.open("wb") as target:
        np.lib.format.write_array_header_1_0(target, {"descr": "|u1", "fortran_order": False, "shape": shape})
        origin = target.tell()
        target.truncate(origin + math.prod(shape))
    return origin


def map_pixels(file: Path) -> NDArray[np.uint8]:
    """Return the uint8 array in an ``npy`` file as a memory map that takes writes but never hands them on.

    torch has no read-only tensors: a stray write through a read-only map would kill the process.
    """
    header = np.load(file, mmap_mode="r")
    with file.open("rb") as source:
        pages = mmap.mmap(
            source.fileno(), 0, flags=mmap.MAP_PRIVATE | NO_RESERVE, prot=mmap.PROT_READ | mmap.PROT_WRITE
        )
    return np.frombuffer(pages, np.uint8, offset=header.offset).reshape(header.shape)


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
