"""What datasets made of image files have in common: a folder per class, decoded once into a cache."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import torch

from dcbench import Dataset, ImageSet
from dcbench.api.folders import cache_folder
from dcbench_plugins.datasets.folder_cache import ImageCache
from dcbench_plugins.datasets.folder_listing import Listing, list_split
from dcbench_plugins.datasets.folder_remarks import remarks
from dcbench_plugins.datasets.folder_traits import Traits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dcbench import Split
    from dcbench_plugins.datasets.folder_images import Form

CACHE_FORMAT = 1
"""Raise it when the same files would be decoded to other pixels."""


class ImageFolder(Dataset):
    """Image files in ``<split>/<class>/``.

    Each split is decoded once, in parallel, into one file of uint8 pixels in the cache folder (``DCBENCH_CACHE``),
    which is found again by the names, sizes and times of the image files, and read through a memory map.
    """

    folders: ClassVar[Mapping[Split, tuple[str, ...]]]
    """Names that the folder of a split may have; the first that exists is read."""
    wanted: ClassVar[tuple[str, ...] | None] = None
    """The class folders to read, in the order of the labels; None for all that there are, sorted."""
    ignored: ClassVar[tuple[str, ...]] = ()
    """Patterns of the names of files that lie in class folders and are not images, such as ``*_boxes.txt``."""

    def files(self, split: Split) -> Sequence[Path]:
        """Return the one cache file of *split*, made if need be. Changed image files give it another name.

        Raises:
            MissingDataError: the folder, or a class of it, is not there.
            UnreadableDataError: an image cannot be decoded.
            RequestError: the folder was not named well, or the cache cannot be written.
        """
        cache = self._cache(split)
        cache.images()
        return [cache.file]

    def load(self, split: Split) -> ImageSet:
        """Load one split: images (N, C, H, W) as a memory map, class by class.

        Only file names and the header of the first training image are looked at outside of *split*.

        Raises:
            MissingDataError: the folder, or a class of it, is not there.
            UnreadableDataError: an image cannot be decoded.
            RequestError: the folder was not named well, or the cache cannot be written.
        """
        counts = torch.tensor(self._listing(split).counts)
        labels = torch.arange(len(counts)).repeat_interleave(counts)
        return ImageSet(torch.from_numpy(self._cache(split).images()), labels, len(counts))

    def remarks(self) -> Sequence[str]:
        """Count what is left out, and what decoded images have lost; nothing is decoded here.

        Raises:
            MissingDataError: the folder, or a class of it, is not there.
        """
        listings = {split: self._listing(split) for split in self.folders}
        traits = {split: self._traits(split) for split in self.folders}
        return list(remarks(self._path, listings, traits, turned=self._form.upright))

    @property
    @abstractmethod
    def _name(self) -> str:
        """The name in results and error texts."""

    @property
    @abstractmethod
    def _path(self) -> Path:
        """The folder that holds the splits."""

    @property
    @abstractmethod
    def _form(self) -> Form:
        """What every image is brought to."""

    @cached_property
    def _listings(self) -> dict[Split, Listing]:
        return {}

    def _listing(self, split: Split) -> Listing:
        if split not in self._listings:
            self._listings[split] = list_split(self._name, self._path, self.folders[split], self.wanted, self.ignored)
        return self._listings[split]

    def _cache(self, split: Split) -> ImageCache:
        listing, form = self._listing(split), replace(self._form, traits=Traits())
        # Images that are not turned are decoded as they always were: their caches, which may be large, stay.
        turning = ("upright",) if form.upright else ()
        digest = listing.digest(CACHE_FORMAT, form.shape, form.resize, form.grey_by_guess, *turning)
        file = cache_folder() / "folder" / f"{self._name}-{digest}.{split}.npy"
        return ImageCache(
            file,
            (len(listing.entries), *form.shape),
            lambda at: form.read(listing.path(at)),
            lambda: form.traits.write(_traits_file(file)),
            self.progress,
        )

    def _traits(self, split: Split) -> Traits:
        """Return what was counted when *split* was decoded; nothing as long as it is not."""
        cache, listing = self._cache(split), self._listing(split)
        kept = Traits.read(_traits_file(cache.file))
        if kept is not None or not cache.file.exists():
            return kept or Traits()
        form = replace(self._form, traits=Traits())  # decoded by an older version: counted once
        with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
            warnings.simplefilter("ignore")
            paths = map(listing.path, range(len(listing.entries)))
            for done, _ in enumerate(pool.map(form.look, paths), 1):
                self.progress(done, len(listing.entries))
        with suppress(OSError):  # a cache that cannot be written is done without
            form.traits.write(_traits_file(cache.file))
        return form.traits


def _traits_file(cache: Path) -> Path:
    return cache.with_suffix(".traits.json")
