"""Whether data is the standard data of its name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dcbench.engine.data.fingerprints import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcbench.api.data import Dataset, DatasetInfo, Split
    from dcbench.api.records import DatasetRecord

_SPLITS: dict[Split, str] = {"train": "training", "test": "test"}


def other_data(record: DatasetRecord, dataset: Dataset) -> str:
    """Say in what the data of *dataset* differs from the standard data of its name; nothing where it does not.

    Raises:
        DcbenchError: the data is not there, or is damaged.
    """
    known = record.fingerprints
    wrong = [what for split, what in _SPLITS.items() if split in known and fingerprint(dataset, split) != known[split]]
    if known and not wrong:
        return ""
    said = " ".join(dataset.differs().split())
    return said or (f"its {' and '.join(wrong)} images or labels are not the standard ones" if wrong else "")


def counted_info(dataset: Dataset, info: DatasetInfo) -> DatasetInfo:
    """Return *info* with the counts that the labels of other data have: a standard dataset knows only its own.

    Raises:
        DcbenchError: the data is not there, or is damaged.
    """
    import torch

    train, test = (
        tuple(torch.bincount(dataset.load(split).labels, minlength=info.classes).tolist()) for split in _SPLITS
    )
    return replace(info, train_counts=train, test_counts=test)


def is_other(spec: Mapping[str, Any], known: Mapping[str, str]) -> bool:
    """Say whether the dataset that a file calls *spec* is not the standard one, whose fingerprints are *known*.

    Files of older versions do not say it themselves.
    """
    if spec.get("other_data") is not None:
        return bool(spec["other_data"])
    return any(spec[split] != value for split, value in known.items())
