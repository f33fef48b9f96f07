"""The datasets that come with dcbench."""

from __future__ import annotations

from dcbench import DatasetRecord, hookimpl
from dcbench_plugins.datasets.standard import FINGERPRINTS


@hookimpl
def dcbench_datasets() -> list[DatasetRecord]:
    """Return the digits that need no download, standard sets, subsets of ImageNet, and any folder of image files."""
    here = "dcbench_plugins.datasets"
    return [
        DatasetRecord(
            name="digits",
            summary="1,797 real 8x8 digits, no download",
            target=f"{here}.digits:Digits",
            fingerprints=FINGERPRINTS["digits"],
        ),
        DatasetRecord(
            name="mnist",
            summary="28x28 handwritten digits, 10 classes",
            target=f"{here}.vision:MNIST",
            fingerprints=FINGERPRINTS["mnist"],
        ),
        DatasetRecord(
            name="fashion-mnist",
            summary="28x28 pictures of clothes, 10 classes",
            target=f"{here}.vision:FashionMNIST",
            fingerprints=FINGERPRINTS["fashion-mnist"],
        ),
        DatasetRecord(name="svhn", summary="32x32 house numbers, colour, 10 classes", target=f"{here}.vision:SVHN"),
        DatasetRecord(name="cifar10", summary="32x32 photographs, 10 classes", target=f"{here}.vision:CIFAR10"),
        DatasetRecord(name="cifar100", summary="32x32 photographs, 100 classes", target=f"{here}.vision:CIFAR100"),
        DatasetRecord(
            name="tiny-imagenet",
            summary="64x64 photographs, 200 classes of ImageNet, from tiny-imagenet-200/",
            target=f"{here}.tiny_imagenet:TinyImageNet",
        ),
        DatasetRecord(
            name="imagenette",
            summary="224x224 photographs, 10 easy classes of ImageNet, from imagenette2/",
            target=f"{here}.imagenet:Imagenette",
        ),
        DatasetRecord(
            name="imagenet10",
            summary="224x224 photographs, the 10 classes of IDC, from imagenet/",
            target=f"{here}.imagenet:ImageNet10",
        ),
        DatasetRecord(
            name="imagenet100",
            summary="224x224 photographs, the 100 classes of IDC, from imagenet/",
            target=f"{here}.imagenet:ImageNet100",
        ),
        DatasetRecord(
            name="folder",
            summary="image files in train/<class>/ and test/<class>/ or val/<class>/",
            target=f"{here}.folder:Folder",
            argument="PATH",
        ),
    ]
