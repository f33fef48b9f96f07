"""Training protocols, one file each."""

from __future__ import annotations

from dcbench import ProtocolRecord, hookimpl

_HERE = "dcbench_plugins.protocols"


@hookimpl
def dcbench_protocols() -> list[ProtocolRecord]:
    """Return the built-in protocols."""
    return [
        ProtocolRecord(name="dc", summary="DC: 301 epochs, no augmentation but for MNIST", target=f"{_HERE}.dc:DC"),
        ProtocolRecord(name="dsa", summary="DSA and DM: 1001 epochs, one operation a batch", target=f"{_HERE}.dsa:DSA"),
        ProtocolRecord(name="idc", summary="IDC: 1000 epochs, DiffAug and CutMix", target=f"{_HERE}.idc:IDC"),
        ProtocolRecord(
            name="m3d", summary="M3D: as IDC, without its exceptions for MNIST and SVHN", target=f"{_HERE}.m3d:M3D"
        ),
        ProtocolRecord(
            name="idc-imagenet",
            summary="IDC on ImageNet subsets: 300 to 3000 epochs, photographs cropped and coloured, CutMix",
            target=f"{_HERE}.idc_imagenet:IDCImageNet",
        ),
        ProtocolRecord(
            name="quick",
            summary="50 to 200 epochs with light augmentation, two networks a set, for comparisons in minutes",
            target=f"{_HERE}.quick:Quick",
        ),
        ProtocolRecord(
            name="short",
            summary="50 to 300 epochs with light augmentation, for digits and first tries",
            target=f"{_HERE}.short:Short",
        ),
    ]
