"""What recipes have in common: the data they were published for, and the statistics that the codes normalise with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcbench import Origin

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dcbench import DatasetInfo

TINY = 16
"""Images of fewer px a side are smaller than any that a recipe was published for."""
TINY_IMAGENET = "tiny-imagenet"
"""The dataset of 200 classes at 64 px, for which some codes have commands of their own."""
TINY_NETWORK = "convnet-tiny"
"""The network for these images. ConvNet-3 halves the side three times: of 8 px one is left, and no shape."""
TINY_NETWORK_ORIGIN = Origin("chosen", "on a held-out part of the training split of digits")
"""Why it is that one."""
LARGE = 128
"""Images of this many px a side or more get the recipes that were published for subsets of ImageNet."""
MANY = 100
"""From so many classes on some recipes are those that were published for 100 classes."""
LARGE_NETWORK = "resnetap10"
"""The network that subsets of ImageNet are condensed and evaluated with (M3D paper, Table 3; IDC)."""
LOW_RESOLUTION = frozenset({"mnist", "fashion-mnist", "svhn", "cifar10", "cifar100"})
"""The datasets of 28 and 32 px that most papers of the field report, at IPC 1, 10 and 50."""
IMAGENET_SUBSETS = frozenset({"imagenet10", "imagenet100"})
"""The subsets of ImageNet that IDC and those after it report, at 224 px and IPC 10 and 20."""


def usual_network(size: int) -> str:
    """Return the network that images of *size* px a side are evaluated on; empty where that of the evaluators fits."""
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


def origins_at(
    info: DatasetInfo,
    ipc: int,
    origins: Mapping[str, Origin],
    *,
    datasets: Collection[str],
    ipcs: Collection[int],
) -> dict[str, Origin]:
    """Return the *origins* of a recipe as they are on *info* at *ipc*.

    Args:
        info: where the recipe is applied.
        ipc: images per class there.
        origins: of each setting, for the data that its sources are about.
        datasets: names of those data.
        ipcs: the images per class that the sources are about.

    Returns:
        the same within *datasets* and *ipcs*; outside, what was published or inferred there is extrapolated here.
    """
    if info.name in datasets and ipc in ipcs:
        return dict(origins)
    return {name: _carried_over(origin) for name, origin in origins.items()}


def _carried_over(origin: Origin) -> Origin:
    if origin.kind in ("published", "inferred"):
        return Origin("extrapolated", f"from other data or IPCs, where it is {origin.kind}: {origin.source}")
    return origin
