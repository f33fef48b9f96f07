"""Instance norm with a learnt scale and shift, which is quick on a CPU in channels_last too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

_SLOW_BELOW = 1024
"""Pixels of a feature map below which the forward of torch's GroupNorm takes four times as long in channels_last."""


class InstanceNorm(nn.GroupNorm):
    """A GroupNorm of one channel per group, as in the DC and IDC codes: torch's InstanceNorm2d has no scale and shift.

    The results are those of GroupNorm. On a CPU in channels_last, where torch is slow, other kernels do the forward
    pass of small feature maps and the backward pass of all.

    Args:
        channels: number of feature maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)

    def forward(self, images: Tensor) -> Tensor:
        """Normalise each feature map of *images* (N, C, H, W) by itself."""
        if slow_through_torch(images):
            normalised: Tensor = _ByRows.apply(images, self.weight, self.bias, self.eps)
            return normalised
        return super().forward(images)


def slow_through_torch(images: Tensor) -> bool:
    """Return whether *images* (N, C, H, W) lie on a CPU and in channels_last."""
    return (
        images.device.type == "cpu"
        and images.is_contiguous(memory_format=torch.channels_last)
        and not images.is_contiguous()
    )


class _ByRows(torch.autograd.Function):
    """Instance norm of channels_last images as rows of pixels, (N, H W, C)."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        rows = _rows(images)
        count, pixels, channels = rows.shape
        if pixels >= _SLOW_BELOW:
            result, mean, rstd = torch.native_group_norm(images, weight, bias, count, channels, pixels, channels, eps)
            mean, rstd = mean.unsqueeze(1), rstd.unsqueeze(1)
        else:
            mean = rows.mean(1, keepdim=True)
            centred = rows - mean
            rstd = (centred.square().mean(1, keepdim=True) + eps).rsqrt()
            result = _images(torch.addcmul(bias, centred, rstd * weight), images)
        ctx.save_for_backward(images, weight, bias, mean, rstd)
        ctx.eps = eps
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        images, weight, bias, mean, rstd = ctx.saved_tensors
        if torch.is_grad_enabled():  # the caller differentiates this gradient again: use operations that have one
            wanted = [tensor for tensor in (images, weight, bias) if tensor.requires_grad]
            again = _plainly(images, weight, bias, ctx.eps)
            found = iter(torch.autograd.grad(again, wanted, gradient, create_graph=True))
            return *(next(found) if tensor.requires_grad else None for tensor in (images, weight, bias)), None
        rows = _rows(gradient.contiguous(memory_format=torch.channels_last))
        centred = _rows(images) - mean
        level = rows.mean(1, keepdim=True)
        along = (rows * centred).mean(1, keepdim=True) * rstd
        own = torch.sub(rows, level).sub_(centred.mul_(along * rstd)).mul_(rstd * weight)
        pixels = rows.shape[1]
        by_weight = along.sum((0, 1)) * pixels if ctx.needs_input_grad[1] else None
        by_bias = level.sum((0, 1)) * pixels if ctx.needs_input_grad[2] else None
        return _images(own, images), by_weight, by_bias, None


def _plainly(images: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    centred = images - images.mean((2, 3), keepdim=True)
    rstd = (centred.square().mean((2, 3), keepdim=True) + eps).rsqrt()
    return centred * rstd * weight.view(-1, 1, 1) + bias.view(-1, 1, 1)


def _rows(images: Tensor) -> Tensor:
    return images.permute(0, 2, 3, 1).flatten(1, 2)


def _images(rows: Tensor, like: Tensor) -> Tensor:
    count, channels, height, width = like.shape
    return rows.view(count, height, width, channels).permute(0, 3, 1, 2)
