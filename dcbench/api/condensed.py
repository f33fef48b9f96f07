"""The condensed set: what a method returns, how it is decoded into training images, and the budget it must keep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from dcbench.api.errors import InvalidCondensedSetError, OverBudgetError
from dcbench.api.renamed import renamed_arguments

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from dcbench.api.data import DatasetInfo, ImageSet

PIXEL_RANGE = (-0.5, 1.5)
"""Pixels outside this range are refused, unless the set says that it is unbounded: images live in [0, 1], a step may
end a little outside, and what lies far outside was most likely meant to be mapped back."""


def decode_patches(images: Tensor, factor: int) -> Tensor:
    """Cut each image into factor x factor tiles and enlarge every tile to the full size, differentiably.

    Enlarging is bilinear and written as two matrix products, so its gradient is the same bits every time on a GPU too.
    An image whose side is not a multiple of *factor* is padded right and below with 0.5 first (code of IDC and M3D).

    Args:
        images: (N, C, H, W), square, any floating type.
        factor: tiles per side, at least 1.

    Returns:
        (factor**2 * N, C, H, W), tile by tile: tile k of image i stands at ``k * N + i``; tiles go row by row.
    """
    from torch.nn import functional

    if factor == 1:
        return images
    count, channels, size, _ = images.shape
    side = -(-size // factor)
    margin = side * factor - size
    padded = functional.pad(images, (0, margin, 0, margin), value=0.5)
    tiles = padded.reshape(count, channels, factor, side, factor, side).permute(2, 4, 0, 1, 3, 5)
    enlarge = _enlarging(side, size, images.device, images.dtype)
    return (enlarge @ tiles @ enlarge.mT).reshape(factor**2 * count, channels, size, size)


@cache
def _enlarging(side: int, size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the matrix (size, side) that enlarges a row of *side* pixels bilinearly to *size*."""
    import torch
    from torch.nn import functional

    unit = torch.eye(side, dtype=torch.float64).unsqueeze(0)
    return functional.interpolate(unit, size, mode="linear")[0].mT.to(device, dtype)


@dataclass(frozen=True)
class Decoder:
    """How stored images become training images."""

    factor: int = 1
    """Tiles per side of a stored image, each of which is a training image."""

    @property
    def name(self) -> str:
        """``identity``, or ``patches`` where a stored image holds several."""
        return "patches" if self.factor > 1 else "identity"

    def images(self, stored: Tensor) -> Tensor:
        """Return (factor**2 * N, C, H, W) training images from (N, C, H, W) stored ones."""
        return decode_patches(stored, self.factor)

    def labels(self, stored: Tensor) -> Tensor:
        """Return the labels that belong to `images`: hard (N,) or soft (N, classes), repeated tile by tile."""
        return stored.repeat(self.factor**2, *[1] * (stored.ndim - 1))


@dataclass(frozen=True, eq=False)
class CondensedSet:
    """What a method returns: images of its own making, or a selection of training images.

    Make one with `of_images` or `selection`.
    """

    labels: Tensor
    """(N,) int64, or class probabilities (N, classes) float32."""
    images: Tensor | None = None
    """(N, C, H, W), float32 pixels, nominally in [0, 1], not normalised; None for a selection. See `unbounded`."""
    source_indices: Tensor | None = None
    """(N,) int64 positions in the training split; None for images of the method's own making."""
    decoder: Decoder = Decoder()
    """How stored images become training images."""
    unbounded: bool = False
    """Whether pixels may lie anywhere, not in `PIXEL_RANGE` alone, as those learnt in normalised space (dm, idm) do."""

    @classmethod
    def of_images(cls, images: Tensor, labels: Tensor, factor: int = 1, *, unbounded: bool = False) -> CondensedSet:
        """Return a set of stored images, which are copied: what is learnt further does not move them.

        Args:
            images: (N, C, H, W), any floating type, on any device.
            labels: (N,) or (N, classes).
            factor: tiles per side; each stored image holds factor x factor training images.
            unbounded: the images were learnt without bounds, as those of DM, and networks are to see them so.
        """
        import torch

        pixels = images.detach().to("cpu", torch.float32, copy=True)
        return cls(labels.detach().to("cpu", copy=True), pixels, None, Decoder(factor), unbounded)

    @classmethod
    def selection(cls, indices: Tensor, train: ImageSet) -> CondensedSet:
        """Return a set made of the training images at *indices* (n,) int64, with their own labels."""
        indices = indices.detach().cpu()
        return cls(train.labels[indices], None, indices)

    def __len__(self) -> int:
        return len(self.labels)

    def of_classes(self, classes: range) -> CondensedSet:
        """Return the images of *classes* alone, of a set with hard labels."""
        rows = (self.labels >= classes.start) & (self.labels < classes.stop)
        images, indices = (None if values is None else values[rows] for values in (self.images, self.source_indices))
        return replace(self, labels=self.labels[rows], images=images, source_indices=indices)

    def stored_images(self, train: ImageSet | None = None) -> Tensor:
        """Return the stored images (N, C, H, W), float32 pixels. A selection takes them from *train*.

        Raises:
            ValueError: the set is a selection and *train* is None.
        """
        if self.images is not None:
            return self.images
        if self.source_indices is None or train is None:
            raise ValueError("a selection is decoded with the training split it was made from")
        return train.pixels(self.source_indices)

    def decode(self, train: ImageSet | None = None) -> tuple[Tensor, Tensor]:
        """Return the training images (M, C, H, W) float32 and their labels, M = factor**2 * N.

        Pixels are nominally in [0, 1]; those of an `unbounded` set may lie anywhere.

        Raises:
            ValueError: the set is a selection and *train* is None.
        """
        return self.decoder.images(self.stored_images(train)), self.decoder.labels(self.labels)

    def numbers(self, info: DatasetInfo) -> int:
        """Return how many numbers the set holds: all pixels, and soft labels too (hard labels are free)."""
        channels, height, width = info.shape
        soft = self.labels.numel() if self.labels.ndim == 2 else 0
        return len(self.labels) * channels * height * width + soft

    @renamed_arguments("CondensedSet.check", exempt="budget_exempt")
    def check(
        self,
        info: DatasetInfo,
        ipc: int,
        *,
        budget_exempt: bool = False,
        factor: int | None = None,
        classes: range | None = None,
    ) -> None:
        """Refuse a set that breaks the contract which makes methods comparable.

        Args:
            info: the dataset it was made for.
            ipc: the images per class asked for.
            budget_exempt: leave out the budget, for a reference row such as the whole training set.
            factor: the tiles per side that `Method.factor` announced, on which protocols depend; None skips this check.
            classes: what a part of a set must hold, neither more nor less, with hard labels; None means a whole set.

        Raises:
            InvalidCondensedSetError: with what is wrong and by how much.
        """
        self._check_shapes(info)
        if factor not in (None, self.decoder.factor):
            raise InvalidCondensedSetError(
                f"the set has {self.decoder.factor} tiles per side, but factor(settings) gives {factor}"
            )
        if classes is not None and self.labels.ndim != 1:
            raise InvalidCondensedSetError("a part of a condensed set has hard labels")
        held = range(info.classes) if classes is None else classes
        self._check_labels(info, held)
        if not budget_exempt:
            self._check_budget(info, ipc, len(held))
        if self.images is not None:
            self._check_pixels(self.images)

    def _check_shapes(self, info: DatasetInfo) -> None:
        if self.decoder.factor > min(info.shape[1:]):
            side = min(info.shape[1:])
            raise InvalidCondensedSetError(f"an image of {side} px is cut into at most {side} tiles per side")
        if (self.images is None) == (self.source_indices is None):
            raise InvalidCondensedSetError("a condensed set holds either images or source_indices")
        if len(self.labels) == 0:
            raise InvalidCondensedSetError("the condensed set is empty")
        if self.images is not None and tuple(self.images.shape) != (len(self.labels), *info.shape):
            raise InvalidCondensedSetError(
                f"images have shape {tuple(self.images.shape)}, expected {(len(self.labels), *info.shape)}"
            )
        if self.source_indices is not None:
            count = sum(info.train_counts)
            if self.source_indices.shape != self.labels.shape:
                raise InvalidCondensedSetError("source_indices and labels differ in length")
            if int(self.source_indices.min()) < 0 or int(self.source_indices.max()) >= count:
                raise InvalidCondensedSetError(f"source_indices go beyond the {count} training images")

    def _check_labels(self, info: DatasetInfo, classes: range) -> None:
        import torch

        labels = self.labels
        if labels.ndim == 2:
            whole = labels.is_floating_point() and bool(((labels.sum(1) - 1).abs() <= 1e-3).all())
            if labels.shape[1] != info.classes or not whole or bool((labels < 0).any()):
                raise InvalidCondensedSetError(f"soft labels must be probabilities over {info.classes} classes")
            return
        if labels.ndim != 1 or labels.dtype != torch.int64:
            raise InvalidCondensedSetError(f"labels must be int64 (N,), not {labels.dtype} {tuple(labels.shape)}")
        if int(labels.min()) < classes.start or int(labels.max()) >= classes.stop:
            found = f"{int(labels.min())}..{int(labels.max())}"
            raise InvalidCondensedSetError(f"labels must lie in {classes.start}..{classes.stop - 1}, found {found}")
        missing = sorted(set(classes) - set(labels.tolist()))
        if missing:
            raise InvalidCondensedSetError(f"no image for class {', '.join(info.class_names[c] for c in missing[:5])}")

    def _check_budget(self, info: DatasetInfo, ipc: int, classes: int) -> None:
        held, allowed = self.numbers(info), info.budget(ipc) * classes // info.classes
        if held > allowed:
            soft = f", {self.labels.numel():,} of them soft labels" if self.labels.ndim == 2 else ""
            raise OverBudgetError(
                f"over budget: the set holds {held:,} numbers{soft}; "
                f"{classes} classes at IPC {ipc} may hold {allowed:,}"
            )

    def _check_pixels(self, images: Tensor) -> None:
        if not bool(images.isfinite().all()):
            raise InvalidCondensedSetError("the images hold NaN or infinite pixels")
        low, high = float(images.min()), float(images.max())
        if not self.unbounded and (low < PIXEL_RANGE[0] or high > PIXEL_RANGE[1]):
            raise InvalidCondensedSetError(
                f"pixels lie in {low:.3g}..{high:.3g}; images are kept in [0, 1], not normalised, "
                f"and refused outside {list(PIXEL_RANGE)}"
            )


def plain_set(returned: object, *, copy: bool = True) -> CondensedSet:
    """Return what a plug-in *returned* as a set of the bench's own, made of plain tensors in the documented types.

    A subclass, of the set or of a tensor, could override the methods that check it. So only its tensors are taken over,
    unchecked.

    Args:
        returned: the condensed set. Floating pixels and probabilities become float32.
        copy: take copies, so that what a plug-in goes on to change is not changed here.

    Raises:
        InvalidCondensedSetError: it is not a condensed set, or holds something else than a tensor of the right type.
    """
    if not isinstance(returned, CondensedSet):
        raise InvalidCondensedSetError(f"a condensed set is a dcbench.CondensedSet, not a {type(returned).__name__}")
    return CondensedSet(
        _plain_tensor(returned.labels, "labels", ("int64", "float32"), copy=copy),
        None if returned.images is None else _plain_tensor(returned.images, "images", ("float32",), copy=copy),
        None
        if returned.source_indices is None
        else _plain_tensor(returned.source_indices, "source_indices", ("int64",), copy=copy),
        _plain_decoder(returned.decoder),
        bool(returned.unbounded),
    )


def _plain_decoder(decoder: object) -> Decoder:
    if type(decoder) is not Decoder:
        raise InvalidCondensedSetError(
            f"the decoder is a {type(decoder).__name__}; a set is stored and evaluated with a plain dcbench.Decoder"
        )
    if type(decoder.factor) is not int or decoder.factor < 1:
        raise InvalidCondensedSetError(f"the decoder's factor is a whole number from 1 on, not {decoder.factor!r}")
    return decoder


def _plain_tensor(value: object, name: str, types: tuple[str, ...], *, copy: bool) -> Tensor:
    """Return *value* as a dense tensor on the CPU of the first of *types* that fits: floats become float32."""
    import torch

    if not isinstance(value, torch.Tensor):
        raise InvalidCondensedSetError(f"{name} must be a tensor, not a {type(value).__name__}")
    with torch._C.DisableTorchFunctionSubclass():  # a subclass of Tensor could override these operations
        wanted = "float32" if value.is_floating_point() else "int64"
        if wanted not in types or (wanted == "int64" and value.dtype != torch.int64):
            shape = f"(N,){' or probabilities float32 (N, classes)' if len(types) > 1 else ''}"
            expected = f"int64 {shape}" if "int64" in types else "float32 (N, C, H, W) in [0, 1]"
            raise InvalidCondensedSetError(f"{name} must be {expected}, not {value.dtype} {tuple(value.shape)}")
        try:
            dense = value.detach().to("cpu", getattr(torch, wanted)).as_subclass(torch.Tensor)
            return torch.from_numpy(dense.numpy().copy() if copy else dense.contiguous().numpy())
        except (RuntimeError, TypeError, NotImplementedError) as error:  # sparse, or without values
            raise InvalidCondensedSetError(f"{name} must be a dense tensor: {error}") from error
