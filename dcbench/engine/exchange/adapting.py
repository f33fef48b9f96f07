"""From the images and labels of a file to a condensed set: what they mean, and whether they can mean it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import TYPE_CHECKING, Any, Literal

import torch

from dcbench.api.condensed import PIXEL_RANGE, CondensedSet
from dcbench.api.errors import RequestError
from dcbench.engine.exchange.layouts import tidy_labels
from dcbench.engine.exchange.whitening import EPSILON, unwhitened

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench.api.data import DatasetInfo, ImageSet
    from dcbench.engine.exchange.portable import PortableSet

Space = Literal["pixel", "bytes", "normalised", "zca", "zca-normalised"]
"""What the numbers of images are: pixels in [0, 1]; pixels from 0 to 255; (x - mean) / std; ZCA-whitened pixels, or
ZCA-whitened (x - mean) / std. Integers of 8 bits are pixels from 0 to 255 in any case."""

Labels = Literal["hard", "soft", "logits", "centred"]
"""What labels (N, classes) are: scores of which the likeliest class counts; probabilities; scores before a softmax;
one-hot minus 1/classes, as kernel methods learn them."""

NORMALISED = ("normalised", "zca-normalised")
UNBOUNDED = ("normalised", "zca", "zca-normalised")
"""Spaces in which codes never clamp what they learn, and evaluate it so."""

_SLACK = 0.1  # by which learnt pixels leave [0, 1]; normalised black is further below 0 than that
_BYTES_FROM = 16.0  # no code learns normalised or whitened images that reach so far and never below 0
_CHOICES = (
    "say what they are: --labels logits (scores before a softmax), centred (one-hot minus 1/classes, kernel methods), "
    "or hard (the likeliest class alone)"
)


@dataclass(frozen=True)
class Meaning:
    """What the numbers of a file mean, as the user states it."""

    space: Space = "pixel"
    labels: Labels | None = None
    """None: as they are, if classes or probabilities."""
    mean: tuple[float, ...] = ()
    """By which images were normalised; empty for those of the dataset."""
    std: tuple[float, ...] = ()
    clip: bool = False
    any_range: bool = False
    """Take numbers as `space` says even if they do not look like it."""


@dataclass
class Adapted:
    """A condensed set, with what was done to make it one."""

    condensed: CondensedSet
    facts: dict[str, Any] = field(default_factory=dict)
    """For the record of its origin."""
    notes: list[str] = field(default_factory=list)
    """Remarks for the person who imports it."""


def adapt(
    held: PortableSet, factor: int, meaning: Meaning, info: DatasetInfo, train: Callable[[], ImageSet], where: str
) -> Adapted:
    """Return the condensed set that *held* is.

    Args:
        held: images and labels as the file has them.
        factor: tiles per side of a stored image.
        meaning: what the numbers are.
        info: the dataset.
        train: loads its training split; called only for whitened images.
        where: the file, and which of its sets, for error texts.

    Raises:
        RequestError: shapes, labels or pixels cannot be what they are said to be.
    """
    _check_shapes(held, info, where)
    facts: dict[str, Any] = {"space": meaning.space, "clipped": meaning.clip}
    notes: list[str] = []
    labels = _labels(held.labels, meaning.labels, info, where)
    if meaning.labels is not None:
        facts["labels"] = meaning.labels
    if held.labels.ndim == 2 and held.labels.shape[1] > 1 and labels.ndim == 1 and meaning.labels is not None:
        whole = _one_hot(held.labels, meaning.labels)
        facts["labels_dropped"] = {"images": len(labels), "one_hot": whole}
        notes.append(
            f"soft labels dropped: each image counts for its likeliest class alone; {whole} of {len(labels)} said no "
            "more than that"
        )
    known = bool(held.facts) and meaning.space == "pixel"  # dcbench wrote it: its range is what it is
    pixels = _pixels(held.images, replace(meaning, any_range=True) if known else meaning, info, train, where)
    if meaning.space in NORMALISED:
        facts |= {"mean": list(meaning.mean or info.mean), "std": list(meaning.std or info.std)}
    if meaning.space.startswith("zca"):
        facts["whitening"] = f"ZCA of the training images, epsilon {EPSILON}, undone"
    if held.companions and meaning.space == "normalised":
        notes.append("MTT, DATM and DataDAM, which write one tensor a file, often whiten: then it is --space zca")
    unbounded = held.unbounded or meaning.space in UNBOUNDED or meaning.any_range
    if meaning.clip:
        pixels = pixels.clamp(*PIXEL_RANGE)
    elif not unbounded:
        _check_range(pixels, where)
    condensed = CondensedSet.of_images(pixels, labels, factor, unbounded=unbounded and not meaning.clip)
    return Adapted(condensed, facts, notes)


def _check_shapes(held: PortableSet, info: DatasetInfo, where: str) -> None:
    images, labels = tuple(held.images.shape), tuple(held.labels.shape)
    if not held.images.numel():
        raise RequestError(f"{where} holds no images")
    if images[1:] == info.shape and images[:1] == labels[:1]:
        return
    raise RequestError(
        f"{where} holds images of shape {images} with labels of {labels}; those of {info.name} are "
        f"(N, {', '.join(map(str, info.shape))}) with N labels{_how_to_turn(images, labels, info)}"
    )


def _how_to_turn(images: tuple[int, ...], labels: tuple[int, ...], info: DatasetInfo) -> str:
    """Return what would give *images* the shape that they should have, in the words of torch; or nothing."""
    count = labels[0] if labels else 0
    wanted = (count, *info.shape)
    if len(images) == 4:
        for axes in permutations(range(4)):
            if tuple(images[axis] for axis in axes) == wanted and axes != (0, 1, 2, 3):
                return f": its axes stand in another order, save images.permute{axes}"
    if images == (count, *info.shape[1:]) and info.shape[0] == 1:
        return ": the axis of the channels is missing, save images.unsqueeze(1)"
    if len(images) == 2 and images == (count, info.shape[0] * info.shape[1] * info.shape[2]):
        return f": its images are flat, save images.reshape{(-1, *info.shape)} if rows are channel by channel"
    return ""


def _labels(labels: Tensor, wanted: Labels | None, info: DatasetInfo, where: str) -> Tensor:
    """Return *labels* as the contract has them: int64 (N,), or float32 probabilities (N, classes)."""
    try:
        tidy = tidy_labels(labels)
    except RequestError as error:
        raise RequestError(f"{where}: {error}") from error
    if labels.ndim == 1 or labels.shape[1] == 1:
        if wanted not in {None, "hard"}:
            raise RequestError(f"{where}: --labels {wanted}: it has one number for each image, a class; leave it out")
        _check_classes(tidy, info, where)
        return tidy
    if labels.shape[1] != info.classes:
        raise RequestError(
            f"{where}: labels have shape {tuple(labels.shape)}; soft labels must be probabilities over {info.classes} "
            f"classes, those of {info.name}"
        )
    if not bool(labels.isfinite().all()):
        raise RequestError(f"{where}: its labels hold NaN or infinite numbers")
    if wanted in {"hard", "centred"}:
        return labels.argmax(1)
    if wanted == "logits":
        return labels.double().softmax(1).float()
    if tidy.ndim == 2 and (bool((tidy < 0).any()) or bool(((tidy.sum(1) - 1).abs() > 1e-3).any())):
        raise RequestError(
            f"{where}: its labels are {tuple(labels.shape)} numbers from {float(tidy.min()):.3g} to "
            f"{float(tidy.max()):.3g}; soft labels must be probabilities over {info.classes} classes; {_CHOICES}"
        )
    return tidy


def _check_classes(labels: Tensor, info: DatasetInfo, where: str) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= info.classes:
        counted = low == 1 and high == info.classes
        hint = f": they count from 1, save labels - 1, as {info.name} counts from 0" if counted else ""
        raise RequestError(f"{where}: labels must lie in 0..{info.classes - 1}, found {low}..{high}{hint}")


def _one_hot(labels: Tensor, meaning: Labels) -> int:
    """Return how many rows hold one class and nothing on the others."""
    rows = labels.double() + (1 / labels.shape[1] if meaning == "centred" else 0)
    sure = torch.zeros_like(rows).scatter_(1, rows.argmax(1, keepdim=True), 1)
    return int(((rows - sure).abs() < 1e-6).all(1).sum())


def _pixels(images: Tensor, meaning: Meaning, info: DatasetInfo, train: Callable[[], ImageSet], where: str) -> Tensor:
    """Return *images* as float32 pixels whose range is [0, 1]."""
    space = meaning.space
    if not images.is_floating_point():
        whole = images.dtype == torch.uint8 and space == "pixel"
        if images.is_complex() or images.dtype == torch.bool or not (whole or space == "bytes"):
            raise RequestError(
                f"{where} holds {images.dtype} images; wanted is uint8 pixels, or floating point; other integers from "
                "0 to 255 take --space bytes"
            )
        space = "bytes"
    pixels = images.float()
    if not meaning.any_range and bool(pixels.isfinite().all()):
        _refuse_other_range(pixels, space, meaning.space, where)
    if space == "bytes":
        return pixels / 255
    if space in {"zca", "zca-normalised"}:
        pixels = unwhitened(pixels, train(), _shift(meaning, info, where) if space in NORMALISED else None)
    if space in NORMALISED:
        mean, std = _shift(meaning, info, where)
        pixels = pixels * std + mean
    return pixels


def _shift(meaning: Meaning, info: DatasetInfo, where: str) -> tuple[Tensor, Tensor]:
    """Return mean and std, (C, 1, 1) each, that images were normalised with."""
    channels = info.shape[0]
    for name, values in (("mean", meaning.mean), ("std", meaning.std)):
        if values and len(values) != channels:
            raise RequestError(f"{where}: --{name} has {len(values)} numbers, and {info.name} {channels} channels")
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (meaning.mean or info.mean, meaning.std or info.std))
    return mean, std


def _refuse_other_range(pixels: Tensor, space: Space, said: Space, where: str) -> None:
    """Refuse numbers that reach as far as those of another space do, with what to type."""
    low, high = float(pixels.min()), float(pixels.max())
    reach = f"{where}: its numbers reach from {low:.3g} to {high:.3g}"
    insist = "or say --any-range to take them as they are"
    if space == "bytes":
        if low < -255 or high > 2 * 255:
            raise RequestError(f"{reach}, and those of --space bytes from 0 to 255; {insist}")
        if low >= 0 and 0 < high <= 1:
            hint = "leave out --space bytes" if said == "bytes" else "save them as floating point"
            raise RequestError(f"{reach}, as pixels in [0, 1] do, not bytes; {hint}, {insist}")
    elif low >= 0 and _BYTES_FROM < high <= 2 * 255:
        raise RequestError(f"{reach}, as pixels from 0 to 255 do; say --space bytes, {insist}")
    elif space == "pixel":
        if low >= 0 and 0 < high <= 1 / 255:
            raise RequestError(f"{reach}, as pixels that were divided by 255 twice; save them times 255, {insist}")
    elif low >= -_SLACK and high <= 1 + _SLACK and (low, high) != (0, 0):
        raise RequestError(
            f"{reach}, as pixels in [0, 1] do; numbers of --space {space} go below 0 and above 1; leave it out, "
            f"{insist}"
        )


def _check_range(pixels: Tensor, where: str) -> None:
    low, high = float(pixels.min()), float(pixels.max())
    if low < PIXEL_RANGE[0] or high > PIXEL_RANGE[1]:
        raise RequestError(
            f"{where}: pixels reach from {low:.3g} to {high:.3g}, and may from {PIXEL_RANGE[0]} to {PIXEL_RANGE[1]}; "
            "if the images are normalised, as those of DC, DSA, DM and IDM are, add --space normalised; if they are "
            "whitened, as those of MTT, DATM and DataDAM often are, --space zca; --clip brings them to that range, and "
            "--any-range takes them as they are"
        )
