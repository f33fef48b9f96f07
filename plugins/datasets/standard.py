"""What the five standard datasets are, as constants: planning needs no file of theirs.

Mean and standard deviation are those the field uses: CIFAR-100 with the figures of DC and DM (IDC and M3D use those of
CIFAR-10 there), the others as in DC, DM, IDC and M3D. Counts are those of the official files.
"""

from __future__ import annotations

from dcbench import DatasetInfo

_DIGITS = tuple("0123456789")
_CLOTHES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_CIFAR100 = tuple(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
    poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
    """.split()  # noqa: SIM905  (a hundred quoted names read worse)
)

INFO = {
    "mnist": DatasetInfo(
        name="mnist",
        shape=(1, 28, 28),
        class_names=_DIGITS,
        train_counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        test_counts=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
        mean=(0.1307,),
        std=(0.3081,),
        mirror_ok=False,
    ),
    "fashion-mnist": DatasetInfo(
        name="fashion-mnist",
        shape=(1, 28, 28),
        class_names=_CLOTHES,
        train_counts=(6000,) * 10,
        test_counts=(1000,) * 10,
        mean=(0.2861,),
        std=(0.3530,),
    ),
    "svhn": DatasetInfo(
        name="svhn",
        shape=(3, 32, 32),
        class_names=_DIGITS,
        train_counts=(4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659),
        test_counts=(1744, 5099, 4149, 2882, 2523, 2384, 1977, 2019, 1660, 1595),
        mean=(0.4377, 0.4438, 0.4728),
        std=(0.1980, 0.2010, 0.1970),
        mirror_ok=False,
    ),
    "cifar10": DatasetInfo(
        name="cifar10",
        shape=(3, 32, 32),
        class_names=_CIFAR10,
        train_counts=(5000,) * 10,
        test_counts=(1000,) * 10,
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2023, 0.1994, 0.2010),
    ),
    "cifar100": DatasetInfo(
        name="cifar100",
        shape=(3, 32, 32),
        class_names=_CIFAR100,
        train_counts=(500,) * 100,
        test_counts=(100,) * 100,
        mean=(0.5071, 0.4866, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
    ),
}
"""Name of a dataset to its description."""

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
