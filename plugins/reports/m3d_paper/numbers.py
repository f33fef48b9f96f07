"""Published numbers: Tables 1 to 4 of the M3D paper (arXiv 2312.15927, AAAI 2024), as data.

Table 1 holds distances between the moments of features, and accuracies; Table 2 accuracies on images of up to 32 px
with ConvNet-3; Table 3 accuracies on ImageNet subsets with ResNetAP-10, and hours on one RTX A6000 (the shortest time
to the best accuracy, not that of all iterations); Table 4 accuracies of other networks on sets condensed with
ConvNet-3. Accuracies are in percent.

Each table mixes rows that were made under different protocols. ``protocol``, ``selection``, ``sets``,
``networks_per_set`` and ``iterations`` hold what is known of how a number was made. They are empty if that is not
known:

* Most rows of Table 2 are copied from the papers of their methods. Random, herding and k-center are DC's, made under
  ``dc``; a ``note`` marks what the authors of M3D reproduced themselves, and what no paper reports.
* ``iterations`` is what the paper or the code of the method has for these data and this IPC, and is empty where neither
  does. Others who reproduced a number are taken to have kept to it.
* ``selection`` is ``last`` for the last epoch, and ``best on test`` where the best epoch or iteration was picked on the
  test set.
* Table 4 has ``resnet10``. Two shapes have that name; works derived from the code of M3D build the narrower one on
  CIFAR-10, which is ``resnet10-cifar`` here, so that one is likely meant, as a ``note`` has it.
* IDM trains networks on CIFAR as the code of DSA does, so the protocol of its rows is ``dsa``.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import pandas as pd

from dcbench import PublishedNumbers

SOURCE = "arXiv 2312.15927"
"""Where the numbers are from."""

DISTANCES = {"mean_distance": "mean", "variance_distance": "variance", "skewness_distance": "skewness"}
"""Metrics of the evaluator ``moments`` that Table 1 has, each with the head of its column there."""

_FILES = {
    1: "table1_moments.csv",
    2: "table2_low_resolution.csv",
    3: "table3_imagenet_subsets.csv",
    4: "table4_cross_architecture.csv",
}

_SELECTIONS = {"accuracy": "last", "accuracy_best_epoch": "best epoch on test"}
"""Metrics that published accuracies stand below, and how each picks the epoch.

Published numbers that are "best on test" may also be picked among iterations, which no metric of dcbench is.
"""

_NETWORK = "convnet3"
"""The network of Table 1, which does not name it: the paper uses no other on these data."""

_HOUR = 3600


@cache
def published() -> PublishedNumbers:
    """Return all numbers of the paper, each once, with the metric that it stands below."""
    return PublishedNumbers(
        source=SOURCE,
        numbers=_all_numbers(),
        selections=_SELECTIONS,
        datasets={"cifar10-jpeg": "cifar10"},
        networks={"resnet10-cifar": "resnet10"},
        variants={"dm": {"order": {2: "dm+2nd", 3: "dm+2nd+3rd"}}},
        notes={
            "distance": f"published distances, in {SOURCE}, are not defined further there: compare their order only"
        },
    )


def _all_numbers() -> pd.DataFrame:
    accuracies = pd.concat([paper_table(number) for number in (2, 3, 4, 1)], ignore_index=True)
    accuracies = accuracies.assign(network=accuracies["network"].fillna(_NETWORK), seconds=accuracies["hours"] * _HOUR)
    accuracies = accuracies.rename(columns={"accuracy": "published"}).dropna(subset="published")
    # Where a number stands in several tables, the table with most details comes first.
    accuracies = accuracies.drop_duplicates(["dataset", "ipc", "method", "network"])
    parts = [accuracies.assign(evaluator="accuracy", metric=metric) for metric in _SELECTIONS]
    moments = paper_table(1).rename(columns={"accuracy": "_"})
    parts += [
        moments.rename(columns={metric: "published"}).assign(evaluator="moments", metric=metric, network=_NETWORK)
        for metric in DISTANCES
    ]
    return pd.concat(parts, ignore_index=True)


def paper_table(number: int) -> pd.DataFrame:
    """Return Table *number* of the M3D paper, one row per method, dataset, IPC and network; see the module for columns.

    Raises:
        ValueError: there is no such table.
    """
    if number not in _FILES:
        raise ValueError(f"there is no published table {number}; there are {', '.join(map(str, _FILES))}")
    with files(__package__).joinpath(_FILES[number]).open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype=dict.fromkeys(("sets", "networks_per_set", "iterations"), "Int64"))
