"""The results folder as a whole: names, failures, the index."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import pytest
import torch
from support.made_cells import made_cell, made_trial

from dcbench import CondensedSet
from dcbench.engine.jobs import AssembleJob, CondenseJob, EvaluateJob, Job
from dcbench.engine.store.atomic import sweep
from dcbench.engine.store.evaluations import StoredEvaluation, read_evaluation, write_evaluation
from dcbench.engine.store.failures import Failure, read_failure
from dcbench.engine.store.hdf5 import writing
from dcbench.engine.store.names import CellFiles
from dcbench.engine.store.sets import StoredSet, write_condensed
from dcbench.engine.store.store import Store

IMAGES = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A folder with two cells, the first with two files of evaluations."""
    store = Store(tmp_path / "results")
    for seed in (0, 1):
        cell = made_cell(replicate=seed)
        condensed = CondensedSet.of_images(IMAGES, torch.arange(3))
        write_condensed(store.condensed(cell), StoredSet(cell, condensed, {}))
    trial = made_trial()
    for repeats in (range(2), range(2, 5)):
        record = StoredEvaluation(trial, repeats, {"pixel": tuple(float(n) for n in repeats)}, {"seconds": 1.0})
        write_evaluation(store.evaluation(trial, repeats), record)
    return store


def test_every_artefact_is_found_by_its_name(store: Store) -> None:
    cell = made_cell()
    assert store.condensed(cell).relative_to(store.root).as_posix() == (
        f"toy/toy-slow/ipc1/s0-{cell.digest[:12]}.condensed.h5"
    )
    assert len(store.all_condensed()) == 2
    assert list(store.evaluations(made_trial()).values()) == [range(2), range(2, 5)]
    assert set(store.all_evaluations()) == set(store.evaluations(made_trial()))
    assert store.evaluations_of(cell) == store.all_evaluations()
    assert store.evaluations_of(made_cell(replicate=1)) == []
    assert store.evaluations(made_trial(revision=2)) == {}


def test_a_part_is_found_by_its_classes_and_is_no_result_yet(store: Store) -> None:
    cell = made_cell()
    for classes in (range(2), range(2, 3)):
        write_condensed(store.condensed(cell, classes), StoredSet(cell, CondensedSet(torch.arange(1)), {}))
    names = [path.name.removeprefix(f"s0-{cell.digest[:12]}") for path in store.parts(cell)]
    assert names == [".classes0-1.part.h5", ".classes2.part.h5"]
    assert list(store.parts(cell).values()) == [range(2), range(2, 3)]
    assert store.all_parts() == list(store.parts(cell))
    assert store.parts(made_cell(replicate=1)) == {}
    assert (len(store.all_condensed()), len(store.all_evaluations())) == (2, 2)


@pytest.mark.parametrize("name", ["../up", "a/b", "a b", "ü/[x]*", "r0-4.h5"])
def test_no_dataset_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    cell = made_cell(dataset={"name": name})
    path = Store(tmp_path).condensed(cell)
    assert path.resolve().relative_to(tmp_path.resolve()).parts[1:] == ("toy-slow", "ipc1", path.name)


def test_an_evaluation_comes_back(store: Store) -> None:
    trial = made_trial()
    facts = read_evaluation(store.evaluation(trial, range(2, 5)))
    assert facts["metrics"] == {"pixel": [2.0, 3.0, 4.0]}
    assert (facts["key"], facts["first_repeat"], facts["figure"], facts["seconds"]) == (trial.key, 2, "pixel", 1.0)
    assert (facts["variant"], facts["evaluator_revision"]) == (trial.variant, 1)
    assert (facts["protocol"], facts["network"], facts["recipe"]) == ("p", "n", trial.evaluator.recipe)


def test_a_failure_is_kept_until_the_job_finishes(store: Store) -> None:
    job = EvaluateJob(trial=made_trial(), first=5, stop=7)
    store.log(job).write_text("printed")
    path = store.keep_failure(job, Failure("ValueError", "no luck\nat all", "Traceback", 2.0))
    kept = read_failure(path)
    assert (kept["error"], kept["message"], kept["traceback"], kept["label"]) == (
        "ValueError",
        "no luck\nat all",
        "Traceback",
        "toy-slow",
    )
    assert store.standing_failures() == [path]
    store.clear_failure(job)
    assert not path.exists()
    assert not store.log(job).exists()


def fail_on_the_way(store: Store, *jobs: CondenseJob | AssembleJob) -> list[Path]:
    """Leave what jobs that failed leave: a record, a log and a checkpoint each."""
    for job in jobs:
        store.log(job).write_text("printed")
        store.checkpoint(job.cell, getattr(job, "classes", None)).write_text("state")
    return [store.keep_failure(job, Failure("ValueError", "no luck")) for job in jobs]


WAY = (
    CondenseJob(cell=made_cell(replicate=7)),
    CondenseJob(cell=made_cell(replicate=7), classes=range(2)),
    CondenseJob(cell=made_cell(replicate=7), classes=range(2, 3)),
    AssembleJob(cell=made_cell(replicate=7)),
)


@pytest.mark.parametrize("finished", [WAY[0], WAY[3]], ids=["condensed", "assembled"])
def test_with_the_set_all_is_forgotten_that_was_on_the_way_to_it(store: Store, finished: Job) -> None:
    fail_on_the_way(store, *WAY)
    evaluation = store.keep_failure(EvaluateJob(trial=made_trial(WAY[0].cell), first=0, stop=2), Failure("E", ""))
    (other,) = fail_on_the_way(store, CondenseJob(cell=made_cell(replicate=8)))
    part = store.condensed(WAY[0].cell, range(2))
    part.write_text("a part")
    store.clear_failure(finished)
    left = [path for path in store.root.rglob(f"{store.files(WAY[0].cell).name}.*") if path != part]
    assert left == [evaluation]
    assert part.exists()
    assert store.standing_failures() == [evaluation, other]


def test_a_part_that_is_finished_leaves_the_others_alone(store: Store) -> None:
    records = fail_on_the_way(store, *WAY)
    store.clear_failure(WAY[1])
    assert store.standing_failures() == sorted(path for path in records if path != records[1])
    assert store.checkpoint(WAY[2].cell, WAY[2].classes).exists()


def test_a_failure_whose_result_is_there_after_all_does_not_count(store: Store) -> None:
    records = fail_on_the_way(store, *WAY)
    store.condensed(WAY[1].cell, WAY[1].classes).write_text("a part from another machine")
    assert store.standing_failures() == sorted(path for path in records if path != records[1])
    store.condensed(WAY[0].cell).write_text("a set from another machine")
    assert store.standing_failures() == []


@pytest.mark.parametrize(
    ("failed", "counts"), [((0, 2), False), ((3, 5), False), ((1, 4), False), ((4, 6), True), ((5, 7), True)]
)
def test_a_failed_evaluation_counts_until_all_of_its_repeats_are_there(
    store: Store, failed: tuple[int, int], counts: bool
) -> None:
    job = EvaluateJob(trial=made_trial(), first=failed[0], stop=failed[1])
    path = store.keep_failure(job, Failure("ValueError", "no luck"))
    assert store.standing_failures() == ([path] if counts else []), "repeats 0 to 4 are there"


def test_a_failed_evaluation_is_not_made_up_for_by_another_trial_or_by_its_set(store: Store) -> None:
    for trial in (made_trial(revision=2), made_trial(made_cell(replicate=1))):
        path = store.keep_failure(EvaluateJob(trial=trial, first=0, stop=2), Failure("ValueError", "no luck"))
        assert path in store.standing_failures()
        path.write_text("{")
        assert path in store.standing_failures()


def test_only_the_end_of_a_long_log_is_kept(store: Store) -> None:
    job = CondenseJob(cell=made_cell())
    store.log(job).write_text("x" * 3_000_000 + "the end")
    store.keep_failure(job, Failure("ValueError", ""))
    assert store.log(job).stat().st_size < 300_000
    assert store.log(job).read_text().startswith("[...]")
    assert store.log(job).read_text().endswith("the end")


def test_an_unreadable_failure_still_says_that_there_was_one(tmp_path: Path) -> None:
    (tmp_path / "x.failed.json").write_text("{")
    assert read_failure(tmp_path / "x.failed.json")["error"] == "Unreadable"


def test_an_index_of_an_older_version_is_left_alone_and_counts_as_nothing(store: Store) -> None:
    before = store.by_cell()
    index = store.root / "index.h5"
    with writing(index, "index") as file:
        file["toy"] = h5py.ExternalLink("gone.h5", "/")
    held = index.read_bytes()
    assert store.by_cell() == before
    assert not store.all_reports()
    assert sweep(store.root) == 0
    assert index.read_bytes() == held


def test_the_files_of_a_cell_are_known_by_any_of_them(store: Store) -> None:
    cell = made_cell()
    files = store.files(cell)
    assert list(store.by_cell()) == sorted(store.files(made_cell(replicate=seed)) for seed in (0, 1))
    for path in (files.condensed, files.checkpoint(), files.failure("condense"), *files.there()):
        assert CellFiles.of(path) == files
    with pytest.raises(ValueError, match="is not a file of a cell"):
        CellFiles.of(store.root / "index.h5")


def test_what_is_saved_is_loaded_by_its_cell(tmp_path: Path) -> None:
    store, cell = Store(tmp_path), made_cell()
    whole = StoredSet(cell, CondensedSet.of_images(torch.rand(1, 1, 4, 4), torch.zeros(1).long()), {})
    assert store.save(whole) == store.condensed(cell)
    assert torch.equal(store.load(cell).condensed.stored_images(), whole.condensed.stored_images())
    assert store.save(replace(whole, facts={"classes": "0"})) == store.condensed(cell, range(1))
