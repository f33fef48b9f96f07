"""What is pending of a plan, and the way to a condensed set over its parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.made_cells import made_cell, made_trial

from dcbench import CondensedSet, UnsupportedFormatError
from dcbench.engine.jobs import AssembleJob, CondenseJob, Job
from dcbench.engine.plan.pending import Pending, find_pending, plan_condensing
from dcbench.engine.plan.planner import PlannedCell, PlannedTrial
from dcbench.engine.store.evaluations import StoredEvaluation, write_evaluation
from dcbench.engine.store.failures import Failure
from dcbench.engine.store.guards import UnreadableFileError
from dcbench.engine.store.hdf5 import get_facts, put_facts
from dcbench.engine.store.sets import StoredSet, write_condensed
from dcbench.engine.store.store import Store

CLASSES = range(12)
SPANS = st.tuples(st.integers(0, 11), st.integers(0, 11)).map(lambda ends: range(min(ends), max(ends) + 1))


@given(st.none() | SPANS, st.lists(SPANS, max_size=4), st.booleans())
def test_each_class_is_condensed_there_or_missing(part: range | None, parts: list[range], again: bool) -> None:
    cell = made_cell()
    way = plan_condensing(PlannedCell(cell, (), CLASSES, part), parts, again=again)
    condense, *last = way.stages
    made = [label for job in condense if job.type == "condense" for label in job.classes or CLASSES]
    missing = {label for classes in way.missing for label in classes}
    there = {label for classes in parts for label in classes}
    at_once = condense == (CondenseJob(cell=cell, again=again),)

    assert len(made) == len(set(made)), "no class is condensed twice"
    assert set(made) <= set(part or CLASSES), "only what was asked for is condensed"
    assert set(made) | there | missing == set(CLASSES)
    assert not missing & (set(made) | there)
    if again:
        assert set(made) == set(part or CLASSES)
    elif not at_once:
        assert not set(made) & there
    assert last == ([] if missing or at_once else [(AssembleJob(cell=cell, again=again),)])
    assert {job.again for job in condense} <= {again}


def test_without_parts_a_set_is_condensed_at_once() -> None:
    way = plan_condensing(PlannedCell(made_cell(), (), CLASSES), [], again=False)
    assert way.stages == ((CondenseJob(cell=made_cell()),),)


CELL = made_cell()
TRIAL = made_trial(CELL)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def ask(store: Store, existing: str = "skip", repeats: int = 3, part: range | None = None) -> Pending:
    return find_pending(store, [PlannedCell(CELL, (PlannedTrial(TRIAL, repeats),), range(3), part)], existing)


def jobs(state: Pending) -> list[str | tuple[int, int]]:
    return list(map(short, state.jobs))


def short(job: Job) -> str | tuple[int, int]:
    return (job.first, job.stop) if job.type == "evaluate" else job.name


def condense(store: Store, **facts: object) -> Path:
    path = store.condensed(CELL)
    images = torch.rand(30, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    write_condensed(path, StoredSet(CELL, CondensedSet.of_images(images, torch.arange(3).repeat(10)), facts))
    return path


def condense_part(store: Store, classes: range) -> Path:
    path = store.condensed(CELL, classes)
    images = torch.rand(10 * len(classes), 1, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor(classes).repeat_interleave(10)
    write_condensed(path, StoredSet(CELL, CondensedSet.of_images(images, labels), {}))
    return path


def evaluate(store: Store, first: int = 0, stop: int = 3) -> Path:
    path = store.evaluation(TRIAL, range(first, stop))
    write_evaluation(path, StoredEvaluation(TRIAL, range(first, stop), {"pixel": (1.0,) * (stop - first)}, {}))
    return path


def test_an_empty_store_has_everything_to_do(store: Store) -> None:
    assert jobs(ask(store)) == ["condense", (0, 3)]


def test_what_is_finished_is_left_alone(store: Store) -> None:
    condense(store)
    evaluate(store)
    state = ask(store)
    assert (jobs(state), state.finished) == ([], 2)


def test_a_condensed_set_is_only_evaluated(store: Store) -> None:
    condense(store)
    assert jobs(ask(store)) == [(0, 3)]


@pytest.mark.parametrize(
    ("have", "wanted", "gaps"),
    [([(0, 3)], 5, [(3, 5)]), ([(0, 1), (2, 3)], 5, [(1, 2), (3, 5)]), ([(3, 5)], 5, [(0, 3)]), ([(0, 5)], 3, [])],
)
def test_only_the_gaps_in_the_repeats_are_filled(
    store: Store, have: list[tuple[int, int]], wanted: int, gaps: list[tuple[int, int]]
) -> None:
    condense(store)
    for first, stop in have:
        evaluate(store, first, stop)
    assert jobs(ask(store, repeats=wanted)) == gaps


def test_what_is_planned_twice_under_two_labels_is_done_once(store: Store) -> None:
    trials = (PlannedTrial(TRIAL, 3), PlannedTrial(made_trial(CELL, label="count[x=1]"), 3))
    again = made_cell(method={"label": "toy-slow[lr=1]"})
    plan = [PlannedCell(cell, trials, range(3)) for cell in (CELL, again)]
    assert jobs(find_pending(store, plan, "skip")) == ["condense", (0, 3)]


def test_overwrite_does_everything_again(store: Store) -> None:
    condense(store)
    evaluate(store)
    assert jobs(ask(store, "overwrite")) == ["condense", (0, 3)]


def test_overwrite_tells_the_jobs_that_what_is_there_does_not_count(store: Store) -> None:
    condense(store)
    assert [job.again for job in ask(store, "overwrite").jobs if job.type == "condense"] == [True]
    condense_part(store, range(2))
    (part, assemble, _) = ask(store, "overwrite", part=range(3)).jobs
    assert (part.again, assemble.again) == (True, True)


def test_overwrite_evaluates_an_imported_set_again_and_keeps_it(store: Store) -> None:
    condense(store, origin={"text": "a paper"})
    evaluate(store)
    state = ask(store, "overwrite")
    assert (jobs(state), state.finished) == ([(0, 3)], 1)


def test_a_set_that_is_gone_is_not_missed_while_its_evaluations_are_there_but_named(store: Store) -> None:
    evaluate(store)
    state = ask(store)
    assert (jobs(state), state.finished) == ([], 1)
    (warning,) = state.warnings
    assert warning == (
        "toy ipc 1 toy-slow replicate 0: evaluated, and left as it is, but the condensed set is not there; "
        "--existing overwrite makes both again"
    )
    assert jobs(ask(store, repeats=4)) == ["condense", (3, 4)]
    assert ask(store, repeats=4).warnings == []
    condense(store)
    assert ask(store).warnings == []


def test_sets_that_are_gone_are_counted_in_one_line(store: Store) -> None:
    plan = []
    for seed in range(2):
        trial = made_trial(made_cell(replicate=seed))
        write_evaluation(store.evaluation(trial, range(1)), StoredEvaluation(trial, range(1), {"pixel": (1.0,)}, {}))
        plan.append(PlannedCell(trial.cell, (PlannedTrial(trial, 1),), range(3)))
    (warning,) = find_pending(store, plan, "skip").warnings
    assert warning.startswith("toy ipc 1 toy-slow replicate 0 and 1 more: evaluated, ")


def test_a_set_that_is_gone_and_whose_evaluation_failed_is_neither_finished_nor_said_to_be_evaluated(
    store: Store,
) -> None:
    (_, job) = ask(store).jobs
    store.keep_failure(job, Failure("ValueError", "no luck"))
    state = ask(store)
    assert (jobs(state), state.finished, state.warnings, len(state.failed_before)) == ([], 0, [], 1)


def test_what_failed_is_tried_again_only_when_asked(store: Store) -> None:
    store.keep_failure(CondenseJob(cell=CELL), Failure("ValueError", "no luck"))
    state = ask(store)
    assert (jobs(state), len(state.failed_before)) == ([], 1)
    assert jobs(ask(store, "retry-failed")) == ["condense", (0, 3)]
    assert jobs(ask(store, "overwrite")) == ["condense", (0, 3)]


def test_a_failed_evaluation_leaves_the_set_alone(store: Store) -> None:
    condense(store)
    (job,) = ask(store).jobs
    store.keep_failure(job, Failure("ValueError", "no luck"))
    state = ask(store)
    assert (jobs(state), state.failed_before) == ([], [store.failure(job)])
    assert jobs(ask(store, "retry-failed")) == [(0, 3)]


def test_a_part_is_condensed_alone_and_the_rest_is_said_to_be_missing(store: Store) -> None:
    state = ask(store, part=range(1, 2))
    assert jobs(state) == ["classes1"]
    assert state.incomplete == [
        "toy ipc 1 toy-slow replicate 0: classes 0, 2 are missing; run with --classes 0 and --classes 2, "
        f"or copy their parts into {store.root}/toy/toy-slow/ipc1"
    ]


def test_a_part_that_is_there_is_not_condensed_again(store: Store) -> None:
    condense_part(store, range(1, 2))
    state = ask(store, part=range(1, 2))
    assert (jobs(state), state.work, state.finished) == ([], [], 1)
    assert len(state.incomplete) == 1
    assert jobs(ask(store, "overwrite", part=range(1, 2))) == ["classes1"]


@pytest.mark.parametrize("part", [None, range(1, 3), range(3)])
def test_only_the_classes_that_no_part_holds_are_condensed_and_then_all_are_assembled(
    store: Store, part: range | None
) -> None:
    condense_part(store, range(1))
    state = ask(store, part=part)
    (work,) = state.work
    assert [list(map(short, stage)) for stage in work.stages] == [["classes1-2"], ["assemble"], [(0, 3)]]
    assert state.incomplete == []


@pytest.mark.parametrize("part", [None, range(1)])
def test_parts_that_hold_all_classes_are_only_assembled(store: Store, part: range | None) -> None:
    condense_part(store, range(2))
    condense_part(store, range(1, 3))
    assert jobs(ask(store, part=part)) == ["assemble", (0, 3)]


def test_overwrite_condenses_at_once_whatever_parts_there_are(store: Store) -> None:
    condense_part(store, range(2))
    assert jobs(ask(store, "overwrite")) == ["condense", (0, 3)]


def test_a_set_that_is_there_needs_no_part(store: Store) -> None:
    condense(store)
    state = ask(store, part=range(1))
    assert (jobs(state), state.incomplete) == ([(0, 3)], [])


def test_a_damaged_part_counts_as_missing(store: Store) -> None:
    path = condense_part(store, range(2))
    condense_part(store, range(2, 3))
    path.write_bytes(path.read_bytes()[:-100])
    state = ask(store)
    assert jobs(state) == ["classes0-1", "assemble", (0, 3)]
    assert (len(state.warnings), list(state.damaged)) == (1, [path])


def test_a_part_that_failed_is_left_and_nothing_is_assembled_without_it(store: Store) -> None:
    condense_part(store, range(1, 2))
    failed = CondenseJob(cell=CELL, classes=range(1))
    store.keep_failure(failed, Failure("ValueError", "no luck"))
    state = ask(store)
    assert (jobs(state), state.failed_before) == (["classes2"], [store.failure(failed)])
    assert jobs(ask(store, "retry-failed")) == ["classes0", "classes2", "assemble", (0, 3)]


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped", "other", "of another kind"])
def test_a_damaged_condensed_set_counts_as_missing_and_is_left_where_it_is(store: Store, damage: str) -> None:
    path = condense(store)
    whole = path.read_bytes()
    if damage == "flipped":
        # In the middle of the file lie the compressed images.
        with h5py.File(path) as file:
            at = file["images"].id.get_chunk_info(0).byte_offset + 20
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
    elif damage == "of another kind":
        path.write_bytes(evaluate(store, 7, 8).read_bytes())
    else:
        path.write_bytes({"truncated": whole[: len(whole) // 2], "empty": b"", "other": b"not HDF5" * 99}[damage])
    state = ask(store)
    assert jobs(state) == ["condense", (0, 3)]
    (warning,) = state.warnings
    assert f"{path} is damaged" in warning
    assert list(state.damaged) == [path]
    assert path.exists(), "a dry run changes nothing"


def test_a_damaged_evaluation_counts_as_missing(store: Store) -> None:
    condense(store)
    path = evaluate(store)
    path.write_bytes(path.read_bytes()[:-100])
    state = ask(store)
    assert jobs(state) == [(0, 3)]
    assert (len(state.warnings), list(state.damaged)) == (1, [path])


def test_evaluations_that_another_run_has_just_replaced_are_no_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    condense(store)
    short, longer = evaluate(store, 0, 2), evaluate(store, 0, 3)
    listed = store.evaluations(TRIAL)
    short.unlink()
    assert longer in listed
    monkeypatch.setattr(Store, "evaluations", lambda *_: listed)
    assert jobs(ask(store)) == []


@pytest.mark.parametrize("make", [condense, evaluate])
def test_a_file_that_cannot_be_read_now_stops_the_run_and_counts_neither_as_damaged_nor_as_missing(
    store: Store, make: Callable[[Store], Path]
) -> None:
    condense(store)
    path = make(store)
    path.rename(path.with_suffix(".aside"))
    path.mkdir()
    with pytest.raises(UnreadableFileError, match=f"{path.name} cannot be read now: it is a folder"):
        ask(store)


@pytest.mark.parametrize("existing", ["skip", "overwrite"])
def test_an_imported_set_that_cannot_be_read_now_is_not_taken_for_one_that_can_be_made_again(
    store: Store, existing: str
) -> None:
    condense(store, origin={"text": "a paper"}).unlink()
    store.condensed(CELL).mkdir()
    with pytest.raises(UnreadableFileError, match="cannot be read now"):
        ask(store, existing)


def test_a_set_of_a_cell_with_unknown_fields_was_written_by_another_dcbench_and_stays(store: Store) -> None:
    path = condense(store)
    with h5py.File(path, "r+") as file:
        facts = get_facts(file)
        facts["cell"]["dataset"]["colour"] = "blue"
        put_facts(file, facts)
        file.attrs["dcbench_version"] = "7.8.9"
    with pytest.raises(UnsupportedFormatError, match=r"written by dcbench 7\.8\.9.*dataset\.colour: Extra inputs"):
        ask(store)
    assert path.exists()


@pytest.mark.parametrize("make", [condense, evaluate])
def test_an_unknown_format_is_an_error_that_names_the_version_and_touches_nothing(store: Store, make: object) -> None:
    condense(store)
    path = make(store)  # type: ignore[operator]
    with h5py.File(path, "r+") as file:
        file.attrs["dcbench_format"] = 99
        file.attrs["dcbench_version"] = "7.8.9"
    with pytest.raises(UnsupportedFormatError, match=r"format 99, written by dcbench 7\.8\.9"):
        ask(store)
    assert path.exists()
