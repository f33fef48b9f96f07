"""The results folder as a whole: names, failures, the index."""

from __future__ import annotations

from pathlib import Path

import h5py
import pytest
import torch
from made_cells import made_cell, made_trial

from dcbench import CondensedSet
from dcbench.engine.jobs import AssembleJob, CondenseJob, EvaluateJob, Job
from dcbench.engine.store.evaluations import StoredEvaluation, read_evaluation, write_evaluation
from dcbench.engine.store.failures import Failure, clear_failure, read_failure, standing_failures, write_failure
from dcbench.engine.store.hdf5 import get_facts
from dcbench.engine.store.index import rebuild_index
from dcbench.engine.store.layout import Layout
from dcbench.engine.store.sets import StoredSet, write_condensed

IMAGES = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A folder with two cells, the first with two files of evaluations."""
    layout = Layout(tmp_path / "results")
    for seed in (0, 1):
        cell = made_cell(replicate=seed)
        condensed = CondensedSet.of_images(IMAGES, torch.arange(3))
        write_condensed(layout.condensed(cell), StoredSet(cell, condensed, {}))
    trial = made_trial()
    for repeats in (range(2), range(2, 5)):
        record = StoredEvaluation(trial, repeats, {"pixel": tuple(float(n) for n in repeats)}, {"seconds": 1.0})
        write_evaluation(layout.evaluation(trial, repeats), record)
    return layout


def test_every_artefact_is_found_by_its_name(layout: Layout) -> None:
    cell = made_cell()
    assert layout.condensed(cell).relative_to(layout.root).as_posix() == (
        f"toy/toy-slow/ipc1/s0-{cell.digest[:12]}.condensed.h5"
    )
    assert len(layout.all_condensed()) == 2
    assert list(layout.evaluations(made_trial()).values()) == [range(2), range(2, 5)]
    assert set(layout.all_evaluations()) == set(layout.evaluations(made_trial()))
    assert layout.evaluations_of(cell) == layout.all_evaluations()
    assert layout.evaluations_of(made_cell(replicate=1)) == []
    assert layout.evaluations(made_trial(revision=2)) == {}


def test_a_part_is_found_by_its_classes_and_is_no_result_yet(layout: Layout) -> None:
    cell = made_cell()
    for classes in (range(2), range(2, 3)):
        write_condensed(layout.condensed(cell, classes), StoredSet(cell, CondensedSet(torch.arange(1)), {}))
    names = [path.name.removeprefix(f"s0-{cell.digest[:12]}") for path in layout.parts(cell)]
    assert names == [".classes0-1.part.h5", ".classes2.part.h5"]
    assert list(layout.parts(cell).values()) == [range(2), range(2, 3)]
    assert layout.all_parts() == list(layout.parts(cell))
    assert layout.parts(made_cell(replicate=1)) == {}
    assert (len(layout.all_condensed()), len(layout.all_evaluations())) == (2, 2)
    rebuild_index(layout)
    with h5py.File(layout.index) as index:
        assert len(index["toy/toy-slow/ipc1"]) == 4


@pytest.mark.parametrize("name", ["../up", "a/b", "a b", "ü/[x]*", "r0-4.h5"])
def test_no_dataset_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    cell = made_cell(dataset={"name": name})
    path = Layout(tmp_path).condensed(cell)
    assert path.resolve().relative_to(tmp_path.resolve()).parts[1:] == ("toy-slow", "ipc1", path.name)


def test_an_evaluation_comes_back(layout: Layout) -> None:
    trial = made_trial()
    facts = read_evaluation(layout.evaluation(trial, range(2, 5)))
    assert facts["metrics"] == {"pixel": [2.0, 3.0, 4.0]}
    assert (facts["key"], facts["first_repeat"], facts["figure"], facts["seconds"]) == (trial.key, 2, "pixel", 1.0)
    assert (facts["variant"], facts["evaluator_revision"]) == (trial.variant, 1)
    assert (facts["protocol"], facts["network"], facts["recipe"]) == ("p", "n", trial.evaluator.recipe)


def test_a_failure_is_kept_until_the_job_finishes(layout: Layout) -> None:
    job = EvaluateJob(trial=made_trial(), first=5, stop=7)
    layout.log(job).write_text("printed")
    path = write_failure(layout, job, Failure("ValueError", "no luck\nat all", "Traceback", 2.0))
    kept = read_failure(path)
    assert (kept["error"], kept["message"], kept["traceback"], kept["label"]) == (
        "ValueError",
        "no luck\nat all",
        "Traceback",
        "toy-slow",
    )
    assert standing_failures(layout) == [path]
    clear_failure(layout, job)
    assert not path.exists()
    assert not layout.log(job).exists()


def fail_on_the_way(layout: Layout, *jobs: CondenseJob | AssembleJob) -> list[Path]:
    """Leave what jobs that failed leave: a record, a log and a checkpoint each."""
    for job in jobs:
        layout.log(job).write_text("printed")
        layout.checkpoint(job.cell, getattr(job, "classes", None)).write_text("state")
    return [write_failure(layout, job, Failure("ValueError", "no luck")) for job in jobs]


WAY = (
    CondenseJob(cell=made_cell(replicate=7)),
    CondenseJob(cell=made_cell(replicate=7), classes=range(2)),
    CondenseJob(cell=made_cell(replicate=7), classes=range(2, 3)),
    AssembleJob(cell=made_cell(replicate=7)),
)


@pytest.mark.parametrize("finished", [WAY[0], WAY[3]], ids=["condensed", "assembled"])
def test_with_the_set_all_is_forgotten_that_was_on_the_way_to_it(layout: Layout, finished: Job) -> None:
    fail_on_the_way(layout, *WAY)
    evaluation = write_failure(layout, EvaluateJob(trial=made_trial(WAY[0].cell), first=0, stop=2), Failure("E", ""))
    (other,) = fail_on_the_way(layout, CondenseJob(cell=made_cell(replicate=8)))
    part = layout.condensed(WAY[0].cell, range(2))
    part.write_text("a part")
    clear_failure(layout, finished)
    left = [path for path in layout.root.rglob(f"{layout.stem(WAY[0].cell).name}.*") if path != part]
    assert left == [evaluation]
    assert part.exists()
    assert standing_failures(layout) == [evaluation, other]


def test_a_part_that_is_finished_leaves_the_others_alone(layout: Layout) -> None:
    records = fail_on_the_way(layout, *WAY)
    clear_failure(layout, WAY[1])
    assert standing_failures(layout) == sorted(path for path in records if path != records[1])
    assert layout.checkpoint(WAY[2].cell, WAY[2].classes).exists()


def test_a_failure_whose_result_is_there_after_all_does_not_count(layout: Layout) -> None:
    records = fail_on_the_way(layout, *WAY)
    layout.condensed(WAY[1].cell, WAY[1].classes).write_text("a part from another machine")
    assert standing_failures(layout) == sorted(path for path in records if path != records[1])
    layout.condensed(WAY[0].cell).write_text("a set from another machine")
    assert standing_failures(layout) == []


@pytest.mark.parametrize(
    ("failed", "counts"), [((0, 2), False), ((3, 5), False), ((1, 4), False), ((4, 6), True), ((5, 7), True)]
)
def test_a_failed_evaluation_counts_until_all_of_its_repeats_are_there(
    layout: Layout, failed: tuple[int, int], counts: bool
) -> None:
    job = EvaluateJob(trial=made_trial(), first=failed[0], stop=failed[1])
    path = write_failure(layout, job, Failure("ValueError", "no luck"))
    assert standing_failures(layout) == ([path] if counts else []), "repeats 0 to 4 are there"


def test_a_failed_evaluation_is_not_made_up_for_by_another_trial_or_by_its_set(layout: Layout) -> None:
    for trial in (made_trial(revision=2), made_trial(made_cell(replicate=1))):
        path = write_failure(layout, EvaluateJob(trial=trial, first=0, stop=2), Failure("ValueError", "no luck"))
        assert path in standing_failures(layout)
        path.write_text("{")
        assert path in standing_failures(layout)


def test_only_the_end_of_a_long_log_is_kept(layout: Layout) -> None:
    job = CondenseJob(cell=made_cell())
    layout.log(job).write_text("x" * 3_000_000 + "the end")
    write_failure(layout, job, Failure("ValueError", ""))
    assert layout.log(job).stat().st_size < 300_000
    assert layout.log(job).read_text().startswith("[...]")
    assert layout.log(job).read_text().endswith("the end")


def test_an_unreadable_failure_still_says_that_there_was_one(tmp_path: Path) -> None:
    (tmp_path / "x.failed.json").write_text("{")
    assert read_failure(tmp_path / "x.failed.json")["error"] == "Unreadable"


def test_every_link_of_the_index_resolves_even_after_the_folder_has_moved(layout: Layout, tmp_path: Path) -> None:
    rebuild_index(layout)
    moved = Layout(layout.root.rename(tmp_path / "moved"))
    with h5py.File(moved.index) as index:
        cells = index["toy/toy-slow/ipc1"]
        assert len(cells) == 4
        digests = [get_facts(cells[name])["digest"] for name in cells]
    assert set(digests) == {made_cell(replicate=seed).digest for seed in (0, 1)}
