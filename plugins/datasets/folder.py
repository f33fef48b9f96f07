"""``folder:PATH``, a dataset made of image files: ``train/<class>/*`` and ``test/<class>/*`` or ``val/<class>/*``."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, cast

from pydantic import BeforeValidator, Field

import dcbench
from dcbench import DatasetInfo, MissingDataError, RequestError
from dcbench.toolbox.recipes import usual_network
from dcbench_plugins.datasets.files import HOW_TO_POINT
from dcbench_plugins.datasets.folder_images import Form, form_of
from dcbench_plugins.datasets.folder_listing import check_same_classes
from dcbench_plugins.datasets.image_folder import ImageFolder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcbench import Split


def _number(value: object) -> object:
    """A literal does not read the text that comes from a command line; everything else is left to pydantic."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class FolderSettings(dcbench.Settings):
    """What the files themselves do not say."""

    name: str = Field("", pattern=r"^[\w.+-]*$")
    """Name in results and tables; empty for the last part of the path."""
    size: int | None = Field(None, ge=1)
    """Side in pixels: the shorter side is resized to it, then the centre is cut out. Unset: the size of the first
    image, and all must have it."""
    channels: Annotated[Literal[1, 3] | None, BeforeValidator(_number)] = None
    """1 for grey, 3 for RGB. Unset: as the first image."""
    mirror_ok: bool = True
    """Whether a mirrored image is still of its class: false for digits and letters."""
    protocol: str = "m3d"
    """The protocol used when none is named."""


class Folder(ImageFolder):
    """Image files in a folder per class, of every format that Pillow decodes; classes in sorted order."""

    Settings: ClassVar[type[dcbench.Settings]] = FolderSettings
    folders: ClassVar[Mapping[Split, tuple[str, ...]]] = {"train": ("train",), "test": ("test", "val")}

    def __init__(self, root: Path, argument: str, settings: dcbench.Settings) -> None:
        """Make the path in *argument* absolute if it leads to a folder: results keep it, wherever they are read."""
        super().__init__(root, argument, settings)
        found = next(filter(Path.is_dir, self._places()), None)
        if found is not None:
            self.argument = str(_absolute(found))

    def info(self) -> DatasetInfo:
        """Describe the dataset: counts from the listing, mean and std from the decoded training split.

        Raises:
            MissingDataError: the folder or a split of it is not there.
            UnreadableDataError: the class folders do not fit together, or a training image cannot be decoded.
            RequestError: no path was given, or the cache cannot be written.
        """
        train, test = self._listing("train"), self._listing("test")
        check_same_classes(self._name, train, test)
        mean, std = self._cache("train").statistics()
        return DatasetInfo(
            name=self._name,
            shape=self._form.shape,
            class_names=train.classes,
            train_counts=train.counts,
            test_counts=test.counts,
            mean=mean,
            std=std,
            mirror_ok=self._settings.mirror_ok,
            default_protocol=self._settings.protocol,
            default_network=usual_network(self._form.shape[-1]),
        )

    @property
    def _settings(self) -> FolderSettings:
        return cast("FolderSettings", self.settings)

    @cached_property
    def _path(self) -> Path:
        if not self.argument:
            raise RequestError("folder: a path belongs behind the colon, as in folder:PATH")
        path = Path(self.argument)
        if path.is_absolute() and path.is_dir():
            return path
        places = " and ".join(map(str, self._places()))
        raise MissingDataError(f"folder:{self.argument}: no such folder; looked for {places}; {HOW_TO_POINT}")

    def _places(self) -> list[Path]:
        """Return where the folder may be: a relative path is below the working directory, or else the data folder."""
        given = Path(self.argument).expanduser()
        if given.is_absolute():
            return [given]
        return [Path.cwd() / given, self.root / given] if self.argument else []

    @cached_property
    def _name(self) -> str:
        return self._settings.name or re.sub(r"[^\w.+-]+", "-", self._path.name) or "folder"

    @cached_property
    def _form(self) -> Form:
        first = self._listing("train").path(0)
        return form_of(self._name, first, self._settings.size, self._settings.channels)


def _absolute(path: Path) -> Path:
    """Return *path* without links and dots, but for a link in the last place: the dataset has the name of the link."""
    return path.resolve() if path.name in ("", "..") else path.parent.resolve() / path.name
