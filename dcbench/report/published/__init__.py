"""Published numbers: Tables 1 to 4 of the M3D paper (arXiv 2312.15927, AAAI 2024), as data.

Table 1 holds distances between the moments of features, and accuracies; Table 2 accuracies on images of up to 32 px
with ConvNet-3; Table 3 accuracies on ImageNet subsets with ResNetAP-10, and hours on one RTX A6000 (the shortest time
to the best accuracy, not that of all iterations); Table 4 accuracies of other networks on sets condensed with
ConvNet-3. Accuracies are in percent.

Each table mixes rows that were made under different protocols. ``protocol``, ``selection``, ``sets``,
``networks_per_set`` and ``iterations`` say what is known of how a number was made, and are empty where that is not
known:

* Most rows of Table 2 are copied from the papers of their methods. Random, herding and k-center are DC's, made under
  ``dc``; a ``note`` marks what the authors of M3D reproduced themselves, and what no paper reports.
* ``iterations`` is what the paper or the code of the method has for these data and this IPC, and is empty where neither
  does. Others who reproduced a number are taken to have kept to it.
* ``selection`` is ``last`` for the last epoch, and ``best on test`` where the best epoch or iteration was picked on the
  test set.
* Table 4 says ``resnet10``. Two shapes have that name; works derived from the code of M3D build the narrower one on
  CIFAR-10, which is ``resnet10-cifar`` here, so that is likely meant, and a ``note`` says so.
* IDM trains networks on CIFAR as the code of DSA does, so the protocol of its rows is ``dsa``.
"""

from __future__ import annotations

from importlib.resources import files

import pandas as pd

_FILES = {
    1: "table1_moments.csv",
    2: "table2_low_resolution.csv",
    3: "table3_imagenet_subsets.csv",
    4: "table4_cross_architecture.csv",
}


def paper_table(number: int) -> pd.DataFrame:
    """Return Table *number* of the M3D paper, one row per method, dataset, IPC and network; see the module for columns.

    Raises:
        ValueError: there is no such table.
    """
    if number not in _FILES:
        raise ValueError(f"there is no published table {number}; there are {', '.join(map(str, _FILES))}")
    with files(__name__).joinpath(_FILES[number]).open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype=dict.fromkeys(("sets", "networks_per_set", "iterations"), "Int64"))
