"""The contract of a network."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import SkipTest

import torch

import dcbench.testing.subject
from dcbench.api.errors import RequestError
from dcbench.api.network import Network
from dcbench.engine.factories import make_network
from dcbench.testing import common
from dcbench.testing.common import loads
from dcbench.testing.promises import ContractBroken, promise
from dcbench.testing.side_effects import preserved

if TYPE_CHECKING:
    from torch import nn

_CLASSES, _IMAGES = 3, 4
_GREY = (1, 28, 28)
_SIDES = (32, 64, 128)  # of colour images; the first that a network takes


class Subject(dcbench.testing.subject.Subject):
    """A network."""

    group: ClassVar[str] = "networks"
    base: ClassVar[type] = Network

    @cached_property
    def colour(self) -> tuple[int, int, int]:
        """Shape of the smallest colour images that the network takes."""
        for side in _SIDES[:-1]:
            with suppress(SkipTest):
                self.build((3, side, side))
                return (3, side, side)
        return (3, _SIDES[-1], _SIDES[-1])

    def build(self, shape: tuple[int, int, int], seed: int = 0) -> nn.Module:
        """Return the network for images of *shape*, initialised under a global generator with *seed*.

        Raises:
            unittest.SkipTest: the network refuses the shape, as it may.
        """
        network, chosen = make_network(self.registry, self.selector.label)
        try:
            network.validate(shape, chosen)
        except RequestError as error:
            raise SkipTest(str(error)) from error
        with preserved():
            torch.manual_seed(seed)
            return network.build(shape, _CLASSES, chosen)


def _images(shape: tuple[int, int, int]) -> torch.Tensor:
    return torch.rand((_IMAGES, *shape), generator=torch.Generator().manual_seed(0))


@promise(common.settings_have_defaults)
def takes_its_presets(subject: Subject) -> None:
    """The settings that its name stands for are allowed."""
    make_network(subject.registry, subject.selector.label)


@promise(takes_its_presets)
def embeds_and_classifies(subject: Subject) -> None:
    """It maps colour images (N, C, H, W) to logits (N, classes) by forward, and to features (N, D) by embed."""
    _check_outputs(subject, subject.colour)


@promise(embeds_and_classifies)
def takes_grey_images(subject: Subject) -> None:
    """It does so for images of MNIST, too."""
    _check_outputs(subject, _GREY)


def _check_outputs(subject: Subject, shape: tuple[int, int, int]) -> None:
    module: Any = subject.build(shape)
    logits, features = module(_images(shape)), module.embed(_images(shape))
    if tuple(logits.shape) != (_IMAGES, _CLASSES):
        raise ContractBroken(f"forward gives {tuple(logits.shape)} for {_IMAGES} images and {_CLASSES} classes")
    if features.ndim != 2 or len(features) != _IMAGES:
        raise ContractBroken(f"embed gives {tuple(features.shape)} for {_IMAGES} images; (N, D) is wanted")
    if not (logits.isfinite().all() and features.isfinite().all()):
        raise ContractBroken("logits or features are NaN or infinite for pixels in [0, 1]")


@promise(embeds_and_classifies)
def weights_from_the_seed(subject: Subject) -> None:
    """The same seed of torch's global generator gives the same weights, and another gives others."""
    first, same, other = (subject.build(subject.colour, seed).state_dict() for seed in (0, 0, 1))
    if any(not torch.equal(first[name], same[name]) for name in first):
        raise ContractBroken("two builds under one seed differ; draw weights from torch's global generator only")
    if all(torch.equal(first[name], other[name]) for name in first):
        raise ContractBroken("builds under two seeds are the same; draw weights from torch's global generator")


@promise(embeds_and_classifies)
def gradients_reach_pixels(subject: Subject) -> None:
    """The features depend on the pixels, differentiably: matching methods learn images through them."""
    module: Any = subject.build(subject.colour)
    images = _images(subject.colour).requires_grad_()
    (gradient,) = torch.autograd.grad(module.embed(images).square().sum(), images, allow_unused=True)
    if gradient is None or not gradient.isfinite().all() or not gradient.any():
        raise ContractBroken("the gradient of the features is zero, not a number, or does not reach the pixels")


PROMISES = (
    loads,
    *common.PROMISES,
    takes_its_presets,
    embeds_and_classifies,
    takes_grey_images,
    weights_from_the_seed,
    gradients_reach_pixels,
)
