"""Building blocks of the networks: normalisation by name, convolutions, and how all weights are drawn again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from torch import nn

from dcbench.toolbox.networks.instance_norm import InstanceNorm

if TYPE_CHECKING:
    from torch import Tensor

Norm = Literal["instance", "batch", "none"]
"""``instance`` treats every image by itself; with ``batch`` the images of a batch depend on each other."""


def norm_layer(norm: Norm, width: int) -> nn.Module:
    """Return the normalisation of *width* feature maps.

    Args:
        norm: which one.
        width: number of channels.
    """
    if norm == "instance":
        return InstanceNorm(width)
    return nn.BatchNorm2d(width) if norm == "batch" else nn.Identity()


class Conv2d(nn.Conv2d):
    """A convolution whose result has the type of its weights, even if autocast computes it in half precision.

    So norms and features after it keep their precision on every device.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Convolve *images* (N, C, H, W)."""
        return super().forward(images).to(self.weight.dtype)


class HeConv2d(Conv2d):
    """A convolution without bias whose weights are N(0, 2 / (k * k * out_channels)): He et al. 2015, by fan-out.

    The padding keeps the side for odd kernels at stride 1.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, kernel_size // 2, bias=False)

    def reset_parameters(self) -> None:
        """Draw the weights again from torch's global generator."""
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")


def reset_parameters(network: nn.Module) -> None:
    """Draw all weights of *network* again, in place, and reset its running statistics.

    Parameters keep their storage, so compiled and captured steps stay valid. With the same state of torch's global
    generator, a network on the CPU gets the same bits as a newly built one.

    Args:
        network: made of torch layers and those of this package; a layer is reset by its own ``reset_parameters``.
    """
    for module in network.modules():
        reset = getattr(module, "reset_parameters", None)
        if callable(reset):
            reset()
