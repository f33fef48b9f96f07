"""Tiny ImageNet: 200 classes of ImageNet at 64 pixels, read from the folder as it is handed out.

It lies below the data folder::

    tiny-imagenet-200/wnids.txt                             the classes, one WordNet identifier a line
    tiny-imagenet-200/train/<wnid>/images/*.JPEG            the training split
    tiny-imagenet-200/val/images/*.JPEG                     the test split; the images in test/ have no labels
    tiny-imagenet-200/val/val_annotations.txt               file and identifier of each of these, divided by tabs
    tiny-imagenet-200/words.txt                             names of the classes, if it is there
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from PIL import Image

from dcbench import DatasetInfo, MissingDataError
from dcbench.api.pictures import read_formats
from dcbench_plugins.datasets.files import missing, reason, unreadable
from dcbench_plugins.datasets.folder_images import Form
from dcbench_plugins.datasets.folder_listing import Listing
from dcbench_plugins.datasets.image_folder import ImageFolder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from dcbench import Split

FOLDER = "tiny-imagenet-200"
SIZE = 64
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Of ImageNet, with which the code of IDM normalises these images (``get_dataset`` in ``dc_utils.py``)."""
CLASSES, TRAIN, TEST = 200, 500, 50
"""How many classes there are, and how many images of each in the two splits."""

_LISTS = ("val/val_annotations.txt", "wnids.txt")
_ENDINGS = (".jpeg", ".jpg")


class TinyImageNet(ImageFolder):
    """Tiny ImageNet in RGB, with the validation images as test split; classes in the order of their identifiers."""

    folders: ClassVar[Mapping[Split, tuple[str, ...]]] = {"train": ("train",), "test": ("val",)}

    def present(self) -> bool:
        """Say whether the folders of both splits and the list of the classes are there; they are not looked into."""
        parts = ("train", "val/images", "val/val_annotations.txt", "wnids.txt")
        return all((self._path / part).exists() for part in parts)

    def info(self) -> DatasetInfo:
        """Describe the dataset: classes and counts from the listing; no image is opened.

        Raises:
            MissingDataError: the folder, a list or a class of it is not there.
            UnreadableDataError: a list is damaged, or a class has no images.
        """
        names = [f"{wnid} {self._words[wnid]}" if wnid in self._words else wnid for wnid in self._wnids]
        return _described(tuple(names), self._listing("train").counts, self._listing("test").counts)

    def expected(self) -> DatasetInfo:
        """Describe the whole dataset; the names of its classes are in its files alone."""
        names = tuple(f"class {number}" for number in range(CLASSES))
        return _described(names, (TRAIN,) * CLASSES, (TEST,) * CLASSES)

    def differs(self) -> str:
        """Say which counts, or which size of the first image, are not those of Tiny ImageNet."""
        found = []
        if len(self._wnids) != CLASSES:
            found.append(f"{len(self._wnids)} classes, not {CLASSES}")
        wanted: tuple[tuple[Split, str, int], ...] = (("train", "training", TRAIN), ("test", "test", TEST))
        for split, name, full in wanted:
            odd = [count for count in self._listing(split).counts if count != full]
            if odd:
                found.append(f"{len(odd)} classes do not have {full} {name} images: one has {odd[0]}")
        first = self._listing("train").path(0)
        try:
            with Image.open(first, formats=read_formats()) as image:
                size = image.size
        except Exception as error:  # Pillow's decoders fail in every way there is
            raise unreadable(self._name, first, error) from error
        if size != (SIZE, SIZE):
            found.append(f"images of {size[0]}x{size[1]} pixels, not {SIZE}x{SIZE}")
        return "; ".join(found)

    @property
    def _name(self) -> str:
        return "tiny-imagenet"

    @property
    def _path(self) -> Path:
        return self.root / FOLDER

    @property
    def _form(self) -> Form:
        return Form(self._name, SIZE, 3, resize=True, grey_by_guess=False)

    @cached_property
    def _wnids(self) -> tuple[str, ...]:
        lines = self._lines("wnids.txt")
        if not lines:
            raise unreadable(self._name, self._path / "wnids.txt", "it names no class")
        return tuple(sorted(set(lines)))

    @cached_property
    def _words(self) -> dict[str, str]:
        """Return the first name of each identifier in ``words.txt``; none if it is not there."""
        if not (self._path / "words.txt").is_file():
            return {}
        pairs = (line.partition("\t") for line in self._lines("words.txt"))
        return {wnid: words.partition(",")[0].strip() for wnid, _, words in pairs if words}

    def _lines(self, name: str) -> list[str]:
        """Return the lines of the file *name*, without those that are empty."""
        path = self._path / name
        if not path.is_file():
            parts = [name] if self._path.is_dir() else ["train/<wnid>/images/*", "val/images/*", *_LISTS]
            raise missing(self._name, [f"{FOLDER}/{part}" for part in parts], self.root)
        try:
            return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise unreadable(self._name, path, "not a text" if isinstance(error, ValueError) else error) from error

    def _listing(self, split: Split) -> Listing:
        if split not in self._listings:
            found = self._training() if split == "train" else self._validation()
            folder = self._path / self.folders[split][0]
            try:
                entries = {wnid: sorted(_entry(folder, path) for path in found[wnid]) for wnid in self._wnids}
            except OSError as error:
                raise unreadable(self._name, folder / str(error.filename), error.strerror or reason(error)) from error
            for wnid, images in entries.items():
                if not images:
                    raise unreadable(self._name, folder, f"no image of the class {wnid} in it")
            counts = tuple(map(len, entries.values()))
            together = tuple(entry for images in entries.values() for entry in images)
            self._listings[split] = Listing(folder, self._wnids, counts, together)
        return self._listings[split]

    def _training(self) -> dict[str, list[str]]:
        folder = self._path / "train"
        if not folder.is_dir():
            raise missing(self._name, [f"{FOLDER}/train/<wnid>/images/*"], self.root)
        absent = [wnid for wnid in self._wnids if not (folder / wnid / "images").is_dir()]
        if absent:
            some = ", ".join(f"{wnid}/images" for wnid in absent[:5]) + (", ..." if len(absent) > 5 else "")
            raise MissingDataError(f"{self._name}: {folder} lacks {len(absent)} of {len(self._wnids)} classes: {some}")
        return {wnid: [f"{wnid}/images/{name}" for name in _images(folder / wnid / "images")] for wnid in self._wnids}

    def _validation(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {wnid: [] for wnid in self._wnids}
        annotations = self._path / "val/val_annotations.txt"
        for number, line in enumerate(self._lines("val/val_annotations.txt"), 1):
            name, _, rest = line.partition("\t")
            wnid = rest.partition("\t")[0]
            if wnid not in found:
                raise unreadable(self._name, annotations, f"line {number} names no class of wnids.txt: {line[:60]!r}")
            found[wnid].append(f"images/{name}")
        return found


def _described(names: tuple[str, ...], train_counts: tuple[int, ...], test_counts: tuple[int, ...]) -> DatasetInfo:
    return DatasetInfo(
        name="tiny-imagenet",
        shape=(3, SIZE, SIZE),
        class_names=names,
        train_counts=train_counts,
        test_counts=test_counts,
        mean=MEAN,
        std=STD,
    )


def _images(folder: Path) -> Iterable[str]:
    return (path.name for path in folder.iterdir() if path.suffix.lower() in _ENDINGS and path.name[0] != ".")


def _entry(folder: Path, path: str) -> tuple[str, int, int]:
    stat = (folder / path).stat()
    return path, stat.st_size, stat.st_mtime_ns
