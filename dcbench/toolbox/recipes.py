"""Conventions of the field that recipes share: sizes, datasets, networks, and how the published codes normalise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcbench import Origin

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dcbench import DatasetInfo

TINY = 16
"""Side in px; no recipe was published for images below it."""
TINY_IMAGENET = "tiny-imagenet"
"""The dataset of 200 classes at 64 px; some codes have separate commands for it."""
TINY_NETWORK = "convnet-tiny"
"""The network for images below `TINY`. ConvNet-3 halves the side three times, which leaves one pixel of 8."""
TINY_NETWORK_ORIGIN = Origin("chosen", "on a held-out part of the training split of digits")
"""Why it is this one."""
LARGE = 128
"""Side in px; images of this side and above get the recipes that were published for subsets of ImageNet."""
MANY = 100
"""Classes; from this number on some recipes are those that were published for 100 classes."""
LARGE_NETWORK = "resnetap10"
"""The network for condensing and evaluating subsets of ImageNet (M3D paper, Table 3; IDC)."""
LOW_RESOLUTION = frozenset({"mnist", "fashion-mnist", "svhn", "cifar10", "cifar100"})
"""The datasets of 28 and 32 px in most papers of the field, at IPC 1, 10 and 50."""
IMAGENET_SUBSETS = frozenset({"imagenet10", "imagenet100"})
"""The subsets of ImageNet in IDC and later papers, at 224 px and IPC 10 and 20."""


def usual_network(size: int) -> str:
    """Return the network for evaluating images of *size* px a side; empty for the default of the evaluators."""
    if size < TINY:
        return TINY_NETWORK
    return LARGE_NETWORK if size >= LARGE else ""


_CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)
_CIFAR10_STD = (0.2023, 0.1994, 0.2010)


def idc_statistics(info: DatasetInfo) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation as the IDC and M3D codes normalise: CIFAR-100 with those of CIFAR-10."""
    if info.name == "cifar100":
        return _CIFAR10_MEAN, _CIFAR10_STD
    return info.mean, info.std


def padded_side(shape: tuple[int, int, int]) -> int:
    """Return the side in px of the first convolution's output of a ConvNet for images of *shape* (C, H, W).

    Images like those of MNIST, 1 x 28 x 28, get a padding of 3 px. The output of the first 3x3 convolution then has
    32 px, which can be halved three times. The DC and IDC codes do so for all images of one channel, which is wrong at
    other sizes (digits of 8 px would become 12). Here every other shape keeps its side.
    """
    return 32 if shape == (1, 28, 28) else shape[-1]


def origins_at(
    info: DatasetInfo,
    ipc: int,
    origins: Mapping[str, Origin],
    *,
    datasets: Collection[str],
    ipcs: Collection[int],
) -> dict[str, Origin]:
    """Return the *origins* of a recipe for *info* and *ipc*.

    Args:
        info: the dataset that the recipe is applied to.
        ipc: images per class.
        origins: of each setting, on the data of its sources.
        datasets: names of the datasets in the sources.
        ipcs: images per class in the sources.

    Returns:
        the same within *datasets* and *ipcs*; outside, "published" and "inferred" become "extrapolated".
    """
    if info.name in datasets and ipc in ipcs:
        return dict(origins)
    return {name: _carried_over(origin) for name, origin in origins.items()}


def _carried_over(origin: Origin) -> Origin:
    if origin.kind in ("published", "inferred"):
        return Origin("extrapolated", f"from other data or IPCs, where it is {origin.kind}: {origin.source}")
    return origin
