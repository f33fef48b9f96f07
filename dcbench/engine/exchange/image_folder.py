"""Sets as folders of PNG files, one folder for each class: to look at, and for tools that read nothing else."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from PIL import Image

from dcbench.api.errors import RequestError
from dcbench.api.pictures import DEEP_MODES, image_endings, read_formats
from dcbench.api.texts import plural
from dcbench.engine.exchange.portable import PortableSet, parse_factor
from dcbench.engine.store.guards import Unpacked, check_is_file, parse_json

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from dcbench.api.data import DatasetInfo

ABOUT = "set.json"
"""The file with what pictures cannot hold: factor, soft labels, the class of each folder, and provenance."""

Folders = Literal["names", "numbers"]
"""What folders are called: as the classes are, or by their labels."""

_MODES = {1: "L", 3: "RGB"}
_LONGEST = 100  # bytes that every file system takes, with room for a number


def folder_names(class_names: Sequence[str]) -> list[str]:
    """Return one folder name for each class: its own, as far as every file system takes it, and all different."""
    safe = [_cut(re.sub(r"[^\w.+ -]", "_", name)).strip(" .") or "class" for name in class_names]
    if len({name.casefold() for name in safe}) == len(safe):
        return safe
    return [f"{label}-{name}" for label, name in enumerate(safe)]


def _cut(name: str) -> str:
    return name.encode()[:_LONGEST].decode(errors="ignore")


def write(folder: Path, exported: PortableSet) -> None:
    """Write *exported* as 8-bit PNG files ``<class>/<position in the set>.png`` with `ABOUT`, whole or not at all.

    Soft labels lie in the folder of their likeliest class. Pixels outside [0, 1] are clipped, with a warning.

    Raises:
        RequestError: *folder* is there already, or the images have neither 1 nor 3 channels.
    """
    if folder.exists():
        raise RequestError(f"{folder} is there already; remove it, or name another folder")
    if exported.images.shape[1] not in _MODES:
        raise RequestError(f"images with {exported.images.shape[1]} channels cannot be PNG files; take safetensors")
    clipped = float(((exported.images < 0) | (exported.images > 1)).float().mean())
    if clipped:
        warnings.warn(
            f"{folder.name}: {clipped:.1%} of its pixels lie outside [0, 1] and are clipped; safetensors and pt keep "
            "them",
            stacklevel=2,
        )
    unfinished = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(parents=True)
        _fill(unfinished, exported)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _fill(folder: Path, exported: PortableSet) -> None:
    soft = exported.labels.ndim == 2
    labels = (exported.labels.argmax(1) if soft else exported.labels).tolist()
    named = folder_names(exported.class_names or [str(label) for label in range(max(labels) + 1)])
    stems = [f"{position:05d}" for position in range(len(labels))]
    for stem, label, picture in zip(stems, labels, _pictures(exported.images), strict=True):
        (folder / named[label]).mkdir(exist_ok=True)
        picture.save(folder / named[label] / f"{stem}.png")
    about = {
        "decoder": exported.decoder,
        "factor": exported.factor,
        "classes": {name: label for label, name in enumerate(named)},
        "soft_labels": dict(zip(stems, exported.labels.tolist(), strict=True)) if soft else None,
        "facts": dict(exported.facts),
    }
    (folder / ABOUT).write_text(json.dumps(about, indent=1))


def _pictures(images: Tensor) -> list[Image.Image]:
    mode = _MODES[images.shape[1]]
    pixels = images.clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return [Image.fromarray(picture.squeeze(-1).numpy() if mode == "L" else picture.numpy()) for picture in pixels]


def read(folder: Path, info: DatasetInfo, named: Folders | None = None) -> PortableSet:
    """Return the set in *folder*, as uint8 pixels.

    With `ABOUT` images come in the order of their names, which is that of the set; without, class by class, and the
    folders are named as the classes of *info* are, or by their numbers. *named* says which, where both would do.

    Raises:
        RequestError: a folder is of no class, or of one by its name and another by its number; an image does not open,
            is grey with more than 8 bits or differs in size; or there is none.
    """
    about = _read_about(folder)
    if about and named is not None:
        raise RequestError(f"{folder}: {ABOUT} says which folder is which class; leave out --folders, or remove it")
    homes = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    files = _labelled(folder, dict(about["classes"]) if about else _labels_of(homes, info, named, folder))
    if not files:
        raise RequestError(f"{folder} holds no images: wanted is a folder for each class with PNG or other images")
    if about:
        files.sort(key=lambda file: file[0].name)
    try:
        labels = torch.tensor([label for _, label in files])
    except (OverflowError, RuntimeError, ValueError) as error:
        raise RequestError(f"{folder / ABOUT}: a class has no label that a number of 64 bits can be") from error
    soft = about.get("soft_labels")
    if soft is not None:
        labels = _soft_labels(soft, [path for path, _ in files], folder)
    images = _load([path for path, _ in files], folder, info.shape[0])
    return PortableSet(images, labels, parse_factor(about.get("factor"), folder), about.get("facts") or {})


def _read_about(folder: Path) -> dict[str, Any]:
    path = folder / ABOUT
    if not path.is_file():
        return {}
    try:
        about: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} cannot be read: {error}") from error
    if not _is_about(about):
        raise RequestError(f"{path} is not what 'dcbench export' writes; remove it to read the folder without it")
    return about


def _is_about(about: object) -> bool:
    kinds = {"classes": dict, "soft_labels": dict | None, "facts": dict | None}
    return (
        isinstance(about, dict)
        and all(isinstance(about.get(name), kind) for name, kind in kinds.items())
        and all(isinstance(label, int) for label in about["classes"].values())
    )


def _labels_of(homes: Sequence[str], info: DatasetInfo, named: Folders | None, folder: Path) -> dict[str, int]:
    """Return the label of each of *homes*, the folders below *folder*, that has one.

    A dataset may have classes that are called 0, 1, 10, 11, 2: there the folder 10 is label 2 by its name.
    """
    names = {name: label for label, name in enumerate(folder_names(info.class_names))}
    numbers = {home: int(home) for home in homes if home.isdecimal() and int(home) < info.classes}
    if named == "names":
        return names
    if {*homes} == {str(label) for label in range(1, info.classes + 1)} != {*names}:
        raise RequestError(
            f"{folder}: its folders count from 1 to {info.classes}, and labels from 0; rename them, or call them as "
            f"the classes of {info.name} are called"
        )
    if named == "numbers":
        return numbers
    whole = [labels for labels in (names, numbers) if all(home in labels for home in homes)]
    if len(whole) == 1:
        return whole[0]
    for home in homes:
        if home in names and names[home] != numbers.get(home, names[home]):
            raise RequestError(
                f"{folder}: the folder {home!r} is label {names[home]} of {info.name} by its name, and label "
                f"{numbers[home]} by its number; say --folders names, or --folders numbers"
            )
    return numbers | names


def _labelled(folder: Path, classes: Mapping[str, int]) -> list[tuple[Path, int]]:
    """Return the image files in *folder*, however deep in a class folder, with their classes, class by class."""
    homes = {}
    for home in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if home.name not in classes:
            known = ", ".join(list(classes)[-5:]) or "0, 1, 2"
            raise RequestError(f"{folder}: the folder {home.name!r} is of no class; folders are such as {known}")
        homes[home] = classes[home.name]
    found = [
        (path, label)
        for home, label in sorted(homes.items(), key=lambda item: (item[1], item[0]))
        for path in sorted(home.rglob("*"))
        if _is_image(path)
    ]
    _tell_left_out(folder, {path for path, _ in found})
    return found


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in image_endings() and not path.name.startswith(".") and not path.is_dir()


def _tell_left_out(folder: Path, read: Collection[Path]) -> None:
    """Warn of files that may have been meant to be read: those in no class folder, and those of other endings."""
    others = [path for path in sorted(folder.rglob("*")) if path.is_file() and path not in read]
    left = [path.relative_to(folder).as_posix() for path in others if path.name[0] != "." and path.name != ABOUT]
    if left:
        these = f"{plural(len(left), 'file')} {'is' if len(left) == 1 else 'are'} left out, such as {left[0]}"
        warnings.warn(
            f"{folder}: {these}: not in a class folder, or of an ending that Pillow does not read", stacklevel=2
        )


def _soft_labels(soft: Mapping[str, Any], files: Sequence[Path], folder: Path) -> Tensor:
    try:
        return torch.tensor([soft[path.stem] for path in files], dtype=torch.float32)
    except (KeyError, ValueError, TypeError, OverflowError, RuntimeError) as error:
        raise RequestError(f"{folder / ABOUT}: its soft labels do not fit the images") from error


def _load(files: Sequence[Path], folder: Path, channels: int) -> Tensor:
    unpacked = Unpacked(sum(map(check_is_file, files)))
    arrays = []
    for path in files:
        try:
            array = _picture(path, channels, unpacked)
        except Exception as error:  # a damaged picture makes many kinds
            raise RequestError(f"{path} cannot be read as an image: {error}") from error
        if isinstance(array, str):
            raise RequestError(f"{path} has pixels of kind {array}: only 8 bits a channel are read")
        arrays.append(array)
    sizes = sorted({array.shape[:2] for array in arrays})
    if len(sizes) > 1:
        raise RequestError(f"{folder} holds images of several sizes: {', '.join(f'{w}x{h}' for h, w in sizes[:5])}")
    pixels = torch.from_numpy(np.stack(arrays))
    return pixels.unsqueeze(1) if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2).contiguous()


def _picture(path: Path, channels: int, unpacked: Unpacked) -> NDArray[np.uint8] | str:
    """Return the pixels of an image, or the mode of one that has more than 8 bits."""
    with Image.open(path, formats=read_formats()) as picture:
        unpacked.add(picture.width * picture.height * channels, path.name)
        if picture.mode.startswith(DEEP_MODES):
            return picture.mode
        return np.asarray(picture.convert(_MODES.get(channels, "RGB")))
