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
