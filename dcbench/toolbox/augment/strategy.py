"""Differentiable siamese augmentation under its two semantics.

One strategy string means two things in the field. DC, DSA and DM (``VICO-UoE/DatasetCondensation``) apply one of all
named operations. IDC, M3D and their descendants (``snu-mllab/Efficient-Dataset-Condensation``) always apply flip,
colour and cutout if they are named, and draw one of the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from dcbench.api.renamed import RenamedMethod
from dcbench.toolbox.augment import operations
from dcbench.toolbox.augment.draws import OPERATIONS, UNIFORMS, Draw, arguments_of, parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor

_APPLY: dict[str, Callable[..., Tensor]] = {
    "flip": operations.flip,
    "color": operations.color,
    "crop": operations.crop,
    "cutout": operations.cutout,
    "scale": operations.scale,
    "rotate": operations.rotate,
}
_ALWAYS_BEFORE = ("flip", "color")
_ALWAYS_AFTER = ("cutout",)


def _checked(names: Iterable[str]) -> frozenset[str]:
    found = frozenset(names)
    unknown = sorted(found.difference(OPERATIONS))
    if unknown:
        raise ValueError(f"unknown augmentation {', '.join(map(repr, unknown))}; known are {', '.join(OPERATIONS)}")
    return found


class Augmentation:
    """An augmentation strategy, without random state: `draw` makes the numbers, `apply` uses them.

    Args:
        semantic: ``dsa`` applies one drawn operation of all named; ``diffaug`` applies flip, colour, one of crop, scale
            and rotate, and cutout, those of them that are named; ``none`` applies nothing.
        strategy: operations joined by underscores, such as ``color_crop_cutout_flip_scale_rotate``, in any order.

    Raises:
        ValueError: the strategy names an operation that does not exist.
    """

    def __init__(self, semantic: Literal["none", "dsa", "diffaug"], strategy: str) -> None:
        named = _checked(name for name in strategy.split("_") if name)
        self.semantic = semantic
        self.operations = tuple(name for name in OPERATIONS if name in named and semantic != "none")
        """The named operations, in the order of `OPERATIONS`."""
        always = (*_ALWAYS_BEFORE, *_ALWAYS_AFTER) if semantic == "diffaug" else ()
        self._before = tuple(name for name in _ALWAYS_BEFORE if name in self.operations and name in always)
        self._after = tuple(name for name in _ALWAYS_AFTER if name in self.operations and name in always)
        self._drawable = tuple(name for name in self.operations if name not in always)

    def __repr__(self) -> str:
        return f"Augmentation({self.semantic!r}, {'_'.join(self.operations)!r})"

    def __bool__(self) -> bool:
        return bool(self.operations)

    def without(self, *names: str) -> Augmentation:
        """Return the strategy without the operations *names*, such as flip for digits, or cutout when CutMix is used.

        Raises:
            ValueError: a name is not that of an operation.
        """
        dropped = _checked(names)
        return Augmentation(self.semantic, "_".join(name for name in self.operations if name not in dropped))

    def draw(self, rows: int, size: int, generator: torch.Generator, *, shared_operation: bool) -> Draw:
        """Draw *rows* independent parameter sets.

        One call takes ``12 * rows`` uniform float64 numbers from *generator* under every strategy.

        Args:
            rows: parameter sets: one per image when training, one per class when matching.
            size: side of the images in pixels.
            generator: on the CPU, so that the numbers are the same for images on every device.
            shared_operation: whether all rows get the operation of the first one (in the original codes a training
                batch is one call) or each row its own (there each class is a call of its own).

        Returns:
            the draw, float64, on the CPU.
        """
        uniforms = torch.rand((rows, UNIFORMS), generator=generator, dtype=torch.float64)
        choice = uniforms[:1, 0].expand(rows) if shared_operation else uniforms[:, 0]
        return Draw(self._operation_of(choice), parameters_of(uniforms[:, 1:], size))

    def _operation_of(self, choice: Tensor) -> Tensor:
        if not self._drawable:
            return torch.full((len(choice),), -1)
        ids = torch.tensor([OPERATIONS.index(name) for name in self._drawable])
        return ids[(choice * len(ids)).long()]

    def apply(self, images: Tensor, draw: Draw) -> Tensor:
        """Augment *images*, image i with row i of *draw*.

        Args:
            images: (N, C, H, W), square, normalised; any floating type, any device.
            draw: N rows, drawn for this size.

        Returns:
            (N, C, H, W), the type and device of *images*, differentiable in them.

        Raises:
            ValueError: the draw has another number of rows than there are images.
        """
        if len(draw) != len(images):
            raise ValueError(f"the draw has {len(draw)} rows for {len(images)} images")
        if not self.operations:
            return images
        # Half precision cannot represent every pixel position.
        draw = draw.to(images.device, torch.promote_types(images.dtype, torch.float32))
        for name in self._before:
            images = _APPLY[name](images, *draw.of(name))
        images = _apply_drawn(images, draw)
        for name in self._after:
            images = _APPLY[name](images, *draw.of(name))
        return images

    def as_tensors(self, draw: Draw) -> Tensor:
        """Return *draw* as parameters (rows, 11) for `apply_tensors`, on the device of the draw."""
        return draw.as_tensors((*self._before, *self._after))

    def apply_tensors(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Do what `apply` does, by the same kernels whatever was drawn, as a captured step must.

        Every named operation runs on every image; those that were not drawn change the last bits at most.

        Args:
            images: (N, C, H, W), as for `apply`.
            parameters: (N, 11) from `as_tensors`, on the device of *images*.

        Returns:
            (N, C, H, W), differentiable in *images*.
        """
        parameters = parameters.to(torch.promote_types(images.dtype, torch.float32))
        both = "scale" in self.operations and "rotate" in self.operations
        for name in (*self._before, *self._drawable, *self._after):
            if both and name == "scale":
                continue  # with rotate, in one pass
            chosen = _APPLY[name]
            arguments = arguments_of(name, parameters)
            if both and name == "rotate":
                chosen, arguments = operations.scale_and_rotate, (*arguments_of("scale", parameters), *arguments)
            images = chosen(images, *arguments)
        return images

    settle = RenamedMethod("as_tensors")
    apply_settled = RenamedMethod("apply_tensors")


def _apply_drawn(images: Tensor, draw: Draw) -> Tensor:
    """Apply to each image the operation of its row alone; the ids are on the host, so it can group the rows by them."""
    drawn = sorted(set(draw.operation.tolist()))
    if len(drawn) <= 1:
        return _apply_one(images, draw)
    groups = [(draw.operation == operation).nonzero().flatten() for operation in drawn]
    order = torch.cat(groups)
    moved = draw.index(order)
    gathered = images[order.to(images.device)]
    pieces, start = [], 0
    for rows in groups:
        end = start + len(rows)
        pieces.append(_apply_one(gathered[start:end], moved.between(start, end)))
        start = end
    return torch.cat(pieces)[order.argsort().to(images.device)]


def _apply_one(images: Tensor, draw: Draw) -> Tensor:
    """Apply one operation, which all rows share."""
    operation = int(draw.operation[0]) if len(draw) else -1
    if operation < 0:
        return images
    name = OPERATIONS[operation]
    return _APPLY[name](images, *draw.of(name))
