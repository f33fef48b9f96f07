from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from support.made_cells import made_cell

from dcbench import CondensedSet, Dataset, DatasetInfo, ImageSet, RequestError
from dcbench.engine.data.fingerprints import fingerprint
from dcbench.engine.exchange.sources import Sources
from dcbench.engine.registry import Registry
from dcbench.engine.store.sets import StoredSet

LABELS = torch.arange(3)


class Fetched(Dataset):
    """Three images that are fetched when they are asked for, counting how often they are loaded."""

    loaded = 0

    def present(self) -> bool:
        return (self.root / "images").exists()

    def info(self) -> DatasetInfo:
        return DatasetInfo("fetched", (1, 4, 4), ("a", "b", "c"), (1, 1, 1), (1, 1, 1), (0.5,), (0.3,))

    def files(self, split: str) -> Sequence[Path]:
        path = self.root / "images"
        path.touch()
        return [path]

    def load(self, split: str) -> ImageSet:
        type(self).loaded += 1
        return ImageSet(torch.arange(48, dtype=torch.uint8).reshape(3, 1, 4, 4), LABELS, 3)


class OneDataset(Registry):
    """A registry in which every dataset is `Fetched`."""

    def resolve(self, kind: str, name: str) -> type[Fetched]:
        return Fetched


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoredSet:
    """A selection of the second image."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    cell = made_cell(dataset={"train": fingerprint(Fetched(elsewhere, "", Fetched.Settings()), "train")})
    monkeypatch.setattr(Fetched, "loaded", 0)
    return StoredSet(cell, CondensedSet(LABELS[1:2], None, torch.tensor([1])), {})


def test_data_that_is_not_there_is_fetched_on_request_alone(record: StoredSet, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"the data of toy is not in .*--data"):
        Sources(OneDataset(), tmp_path).of(record)
    assert not (tmp_path / "images").exists()
    train = Sources(OneDataset(), tmp_path, fetch=True).of(record)
    assert train is not None
    assert len(train) == 3


def test_a_split_is_loaded_once(record: StoredSet, tmp_path: Path) -> None:
    sources = Sources(OneDataset(), tmp_path, fetch=True)
    first = sources.of(record)
    loaded = Fetched.loaded
    assert sources.of(record) is first
    assert sources.images(record.cell, torch.tensor([1])).flatten().tolist() == list(range(16, 32))
    assert Fetched.loaded == loaded


def test_a_selection_under_another_label_than_that_of_its_image_is_refused(record: StoredSet, tmp_path: Path) -> None:
    sources = Sources(OneDataset(), tmp_path, fetch=True)
    picked = torch.tensor([2, 1])
    assert len(sources.images(record.cell, picked, torch.tensor([2, 1]))) == 2
    assert len(sources.images(record.cell, picked, torch.full((2, 3), 0.5))) == 2, "soft labels are of any image"
    with pytest.raises(RequestError, match=r"selects image 1 under label 0, and its label in toy is 1$"):
        sources.images(record.cell, picked, torch.tensor([2, 0]))


def test_a_set_with_images_of_its_own_needs_no_data(record: StoredSet, tmp_path: Path) -> None:
    made = CondensedSet.of_images(torch.zeros(3, 1, 4, 4), LABELS)
    assert Sources(OneDataset(), tmp_path).of(StoredSet(record.cell, made, {})) is None
