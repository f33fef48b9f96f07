from __future__ import annotations

from pathlib import Path

import h5py
import pytest
import torch
from support.made_cells import made_cell, made_trial

from dcbench import CondensedSet, RequestError
from dcbench.engine.exchange.archive import SOURCE_IMAGES, read, write_archive
from dcbench.engine.identity import Cell
from dcbench.engine.store.evaluations import StoredEvaluation, write_evaluation
from dcbench.engine.store.guards import CorruptFileError
from dcbench.engine.store.hdf5 import writing
from dcbench.engine.store.sets import StoredSet, get_set, write_condensed
from dcbench.engine.store.store import Store

IMAGES = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
TRAIN = torch.arange(20 * 64, dtype=torch.int64).remainder(256).to(torch.uint8).reshape(20, 1, 8, 8)
INDICES = torch.tensor([7, 0, 19])


class FromMemory:
    """Sources whose data is `TRAIN`, or is not there."""

    def __init__(self, *, there: bool = True) -> None:
        self.there = there

    def images(self, cell: Cell, indices: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        if not self.there:
            raise RequestError(f"no data for {cell.title}")
        return TRAIN[indices]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A folder with two made sets, the first with two files of evaluations, and a part, which is no result yet."""
    store = Store(tmp_path / "results")
    for seed in (0, 1):
        cell = made_cell(replicate=seed)
        write_condensed(store.condensed(cell), StoredSet(cell, CondensedSet.of_images(IMAGES, LABELS), {}))
    write_condensed(store.condensed(cell, range(2)), StoredSet(cell, CondensedSet(torch.arange(1)), {}))
    trial = made_trial()
    for repeats in (range(2), range(2, 5)):
        record = StoredEvaluation(trial, repeats, {"pixel": tuple(float(n) for n in repeats)}, {"seconds": 1.0})
        write_evaluation(store.evaluation(trial, repeats), record)
    return store


LABELS = torch.arange(3)


def add_selection(store: Store, *, reference: bool = False) -> Cell:
    cell = made_cell(replicate=2, method={"record": "first", "budget_exempt": reference})
    write_condensed(store.condensed(cell), StoredSet(cell, CondensedSet(LABELS, None, INDICES), {}))
    return cell


def test_an_archive_needs_nothing_else(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "all.h5"
    assert write_archive(store, target, FromMemory()).files == 4
    store.root.rename(tmp_path / "elsewhere")
    with h5py.File(target) as file:
        cells = file["toy/toy-slow/ipc1"]
        stem = f"s0-{made_cell().digest[:12]}"
        assert torch.equal(torch.from_numpy(cells[f"{stem}.condensed"]["images"][()]), IMAGES)
        assert cells[f"{stem}.{made_trial().name}.r2-4"]["figures/pixel"][()].tolist() == [2.0, 3.0, 4.0]


def test_an_archive_may_be_of_one_cell(store: Store, tmp_path: Path) -> None:
    cells = [store.files(made_cell(replicate=1))]
    assert write_archive(store, tmp_path / "one.h5", FromMemory(), cells).files == 1
    assert torch.equal(read(tmp_path / "one.h5", FromMemory()).images, IMAGES)


def test_an_archive_of_a_damaged_file_is_not_written(store: Store, tmp_path: Path) -> None:
    store.condensed(made_cell()).write_text("damaged")
    with pytest.raises(CorruptFileError):
        write_archive(store, tmp_path / "all.h5", FromMemory())
    assert list(tmp_path.iterdir()) == [store.root]


def test_a_selection_has_its_images_beside_its_indices(store: Store, tmp_path: Path) -> None:
    files = store.files(add_selection(store))
    done = write_archive(store, tmp_path / "one.h5", FromMemory(), [files])
    assert done.without_pixels == []
    with h5py.File(tmp_path / "one.h5") as file:
        group = file[f"toy/first/ipc1/{files.name}.condensed"]
        assert torch.equal(torch.from_numpy(group[SOURCE_IMAGES][()]), TRAIN[INDICES])
        assert get_set(group).images is None, "the set is a selection still"
    assert torch.equal(read(tmp_path / "one.h5", FromMemory(there=False)).images, TRAIN[INDICES])


def test_a_selection_without_its_data_is_named(store: Store, tmp_path: Path) -> None:
    cell = add_selection(store)
    done = write_archive(store, tmp_path / "all.h5", FromMemory(there=False))
    assert (done.files, done.without_pixels) == (5, [f"no data for {cell.title}"])


def test_a_reference_row_stays_indices(store: Store, tmp_path: Path) -> None:
    files = store.files(add_selection(store, reference=True))
    assert write_archive(store, tmp_path / "one.h5", FromMemory(), [files]).without_pixels == []
    with h5py.File(tmp_path / "one.h5") as file:
        assert SOURCE_IMAGES not in file[f"toy/first/ipc1/{files.name}.condensed"]


def test_a_selection_of_the_store_is_read_with_its_data(store: Store) -> None:
    path = store.condensed(add_selection(store))
    assert torch.equal(read(path, FromMemory()).images, TRAIN[INDICES])
    with pytest.raises(RequestError, match="no data for"):
        read(path, FromMemory(there=False))


def test_what_holds_no_single_set_is_refused(store: Store, tmp_path: Path) -> None:
    write_archive(store, tmp_path / "all.h5", FromMemory())
    with pytest.raises(RequestError, match=r"all\.h5 holds 2 condensed sets; export one alone"):
        read(tmp_path / "all.h5", FromMemory())
    with writing(tmp_path / "index.h5", "index"):
        pass
    with pytest.raises(RequestError, match="is of type 'index', not a condensed set"):
        read(tmp_path / "index.h5", FromMemory())
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["images"] = IMAGES.numpy()
    (tmp_path / "text.h5").write_text("text")
    for name in ("other.h5", "text.h5"):
        with pytest.raises(RequestError, match=f"{name} is not an HDF5 file that dcbench wrote"):
            read(tmp_path / name, FromMemory())
