"""By what the standard datasets are told from others. Free of torch: the records hold these fingerprints."""

from __future__ import annotations

FINGERPRINTS = {
    "digits": {
        "train": "5aff545d2d0ec1e5559421d6725bcf3e694dcae7b329e85dcb8b7e4b4d0da64c",
        "test": "722ae2f480e2188c4be7d5be2596969c79d94c3d11d673ae97b139be6170a7ca",
    },
    "mnist": {
        "train": "b27a876aec5ed024ce11da34297f480eeb785a4406db3d8bed021944b60a0481",
        "test": "b782bf7e6dab32643105711611c6472290ddc64cdcec4c003351dd5a087eb740",
    },
    "fashion-mnist": {
        "train": "13d7542c3d07c2263262c91f9167b7eb27401afaff3861786618ffbc505f694d",
        "test": "e8b34004b1c3059018ff513ec8aff000486e47067f664adc4bc2a2fa513a9980",
    },
}
"""SHA-256 of the pixels and labels of each split, as the bench takes it.

SVHN and CIFAR need none: torchvision opens only files whose MD5 sums are those of the official ones.
"""

MD5 = {
    "mnist": {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
}
"""MD5 sums of the unpacked files: they say which of them is another one. Those of the archives are in torchvision."""
