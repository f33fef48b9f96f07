from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from filelock import FileLock
from support.task_setup import Clock, MakeTask, a_set, planned

from dcbench import CondensedSet, DcbenchError, InvalidCondensedSetError, RequestError
from dcbench.engine.data.splits import split_validation
from dcbench.engine.factories import make_dataset
from dcbench.engine.identity import Cell
from dcbench.engine.jobs import AssembleJob, CondenseJob, EvaluateJob, Job
from dcbench.engine.registry import Registry
from dcbench.engine.store.evaluations import read_evaluation
from dcbench.engine.store.sets import read_condensed
from dcbench.engine.store.store import Store
from dcbench.engine.work.contexts import CellTask, Data, TrialContext
from dcbench.engine.work.run_job import Order, run_job
from dcbench.engine.work.runtime import Runtime


@pytest.mark.parametrize("split", ["test", "validation"])
def test_condensing_does_not_open_the_test_split(registry: Registry, tmp_path: Path, split: str) -> None:
    plan = planned(registry, tmp_path, split=split)
    log = tmp_path / "toy-loads.txt"
    log.write_text("")

    def do(job: CondenseJob | EvaluateJob) -> Path:
        order = Order(job=job, results=tmp_path / "results", data=tmp_path, runtime=Runtime())
        return run_job(order, registry, lambda *_: None)

    do(CondenseJob(cell=plan.cell))
    assert set(log.read_text().split()) == {"train"}
    path = do(EvaluateJob(trial=plan.trials[0].trial, first=0, stop=2))
    assert ("test" in log.read_text()) == (split == "test")
    assert len(read_evaluation(path)["metrics"]["pixel"]) == 2


def test_what_is_held_out_is_not_condensed_and_alone_is_evaluated_on(registry: Registry, tmp_path: Path) -> None:
    cell = planned(registry, tmp_path, split="validation").cell
    dataset = make_dataset(registry, cell.dataset, tmp_path)
    data, (kept, held) = Data(dataset, cell), split_validation(dataset.load("train"))
    assert torch.equal(data.train().images, kept.images)
    assert torch.equal(data.test().images, held.images)
    assert (data.info.train_counts, data.info.test_counts) == tuple(
        tuple(part.labels.bincount().tolist()) for part in (kept, held)
    )


def test_data_that_changed_after_planning_is_refused(
    registry: Registry, tmp_path: Path, cell: Cell, task: MakeTask
) -> None:
    (tmp_path / "toy.txt").write_text("10")
    with pytest.raises(RequestError, match="training data of toy changed"):
        task()
    with pytest.raises(RequestError, match="test data of toy changed"):
        Data(make_dataset(registry, cell.dataset, tmp_path), cell).test()


def test_a_task_draws_from_the_seed_that_all_methods_share(task: MakeTask, cell: Cell) -> None:
    made = task()
    assert made.seed == made.generator.initial_seed() == cell.condense_seed
    assert torch.equal(torch.rand(9, generator=made.generator), torch.rand(9, generator=task().generator))


def test_networks_that_cells_share_differ_by_seed_and_by_what_is_held_out(registry: Registry, tmp_path: Path) -> None:
    def task(**options: Any) -> CellTask:
        cell = planned(registry, tmp_path, **options).cell
        data = Data(make_dataset(registry, cell.dataset, tmp_path), cell)
        return CellTask(registry, data, Store(tmp_path / "results"), Runtime(), lambda *_: None)

    made = [task(), task(split="validation"), task()]
    for each in made:
        each.artifact({"network": "tiny"}, lambda _: {"weight": torch.rand(2)})
    names = [set(each.artifacts.hashes) for each in made]
    assert names[0] == names[2] != names[1]
    assert (task(seeds=3).replicate, task().replicate) == (3, 0)


def test_what_was_made_with_another_revision_of_a_network_is_not_found(
    registry: Registry, tmp_path: Path, cell: Cell
) -> None:
    def name(cell: Cell) -> str:
        data = Data(make_dataset(registry, cell.dataset, tmp_path), cell)
        made = CellTask(registry, data, Store(tmp_path / "results"), Runtime(), lambda *_: None)
        made.artifact({"network": "tiny"}, lambda _: {"weight": torch.zeros(1)})
        return next(iter(made.artifacts.hashes))

    changed = cell.method.model_copy(update={"network_revision": 2})
    assert name(cell) != name(cell.model_copy(update={"method": changed}))


def test_a_network_is_decided_by_its_seed_alone_and_leaves_the_global_generator_as_it_was(task: MakeTask) -> None:
    def weights(seed: int) -> torch.Tensor:
        return torch.cat([value.flatten() for value in task().network("convnet[depth=1]", seed).parameters()])

    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = weights(7)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(7), first)
    assert not torch.equal(weights(8), first)


def test_building_a_network_leaves_the_generators_of_gpus_alone(
    task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    task().network("convnet[depth=1]", 7)
    assert seeded == []


@pytest.mark.parametrize("value", [0.5, torch.tensor(0.5), np.float32(0.5)], ids=["float", "tensor", "numpy"])
def test_a_metric_is_reported_and_traced_as_a_number(task: MakeTask, value: float) -> None:
    reports: list[tuple[int, int, Mapping[str, float]]] = []
    made = task(lambda *report: reports.append(report))
    made.progress(1, 2, loss=value)
    assert reports == [(1, 2, {"loss": 0.5})]
    assert type(reports[0][2]["loss"]) is float
    assert made.recorder.trace == {"loss": [(1, 0.5)]}


def test_a_snapshot_keeps_the_contract_too(task: MakeTask) -> None:
    with pytest.raises(InvalidCondensedSetError, match="over budget"):
        task().snapshot(0, CondensedSet.of_images(torch.zeros(6, 1, 8, 8), torch.arange(3).repeat(2)))


def test_a_task_is_for_all_classes_unless_it_is_for_a_part(task: MakeTask) -> None:
    assert task().classes == range(3)
    part = task(part=range(1, 3))
    assert (part.classes, part.info.classes) == (range(1, 3), 3)
    part.snapshot(0, CondensedSet.of_images(torch.zeros(2, 1, 8, 8), torch.arange(1, 3)))
    with pytest.raises(InvalidCondensedSetError, match=r"labels must lie in 1\.\.2, found 0\.\.2"):
        part.snapshot(1, a_set())


def test_parts_that_went_away_are_not_assembled(registry: Registry, tmp_path: Path) -> None:
    cell = planned(registry, tmp_path, methods="toy-slow[pause=0]").cell
    store = Store(tmp_path / "results")

    def do(job: Job) -> Path:
        order = Order(job=job, results=store.root, data=tmp_path, runtime=Runtime())
        return run_job(order, registry, lambda *_: None)

    part = do(CondenseJob(cell=cell, classes=range(1, 2)))
    with pytest.raises(DcbenchError, match="the parts with classes 0, 2 went away"):
        do(AssembleJob(cell=cell))
    for classes in (range(1), range(2, 3)):
        do(CondenseJob(cell=cell, classes=classes))
    whole = part.read_bytes()
    part.write_bytes(whole[:-100])
    with pytest.raises(DcbenchError, match=r"is damaged.*--existing retry-failed"):
        do(AssembleJob(cell=cell))
    assert len(store.parts(cell)) == 2, "what is whole is kept"
    part.write_bytes(whole)
    assert do(AssembleJob(cell=cell)) == store.condensed(cell)
    assert store.parts(cell) == {}
    assert do(AssembleJob(cell=cell)) == store.condensed(cell), "another front end may be faster"


def test_an_artifact_is_built_once_with_a_seed_of_its_own(task: MakeTask) -> None:
    seeds: list[int] = []

    def build(seed: int) -> dict[str, torch.Tensor]:
        seeds.append(seed)
        return {"weights": torch.arange(3)}

    first, second = task(), task()
    one, other = first.artifact({"epochs": 1}, build), second.artifact({"epochs": 1}, build)
    assert torch.equal(one["weights"], other["weights"])
    assert len(seeds) == 1
    assert first.artifacts.hashes == second.artifacts.hashes != {}
    first.artifact({"epochs": 2}, build)
    assert len(set(seeds)) == 2


def test_who_finds_an_artifact_counts_the_seconds_that_building_it_took(task: MakeTask, clock: Clock) -> None:
    builder = task()
    builder.artifact({}, clock.build(20.0))
    assert builder.seconds == 20.0
    finder = task()
    clock.now += 1.0
    for _ in range(2):
        finder.artifact({}, clock.build(99.0))
    assert finder.seconds == 21.0
    assert finder.artifacts.seconds == builder.artifacts.seconds
    assert list(finder.artifacts.seconds.values()) == [20.0]


def test_waiting_for_who_builds_an_artifact_is_not_counted(
    task: MakeTask, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    task().artifact({}, clock.build(20.0))

    class Held(FileLock):
        def acquire(self, *args: Any, **options: Any) -> Any:
            clock.now += 7.0
            return super().acquire(*args, **options)

    monkeypatch.setattr("dcbench.api.folders.FileLock", Held)
    waited = task()
    waited.artifact({}, clock.build(99.0))
    clock.now += 1.0
    assert waited.seconds == 21.0


def test_an_artifact_that_does_not_say_how_long_it_took_adds_nothing(
    task: MakeTask, clock: Clock, tmp_path: Path
) -> None:
    task().artifact({}, clock.build(20.0))
    (path,) = (tmp_path / "results" / "artifacts" / "toy").glob("*.h5")
    with h5py.File(path, "r+") as file:
        del file.attrs["seconds"]
    finder = task()
    finder.artifact({}, clock.build(99.0))
    assert finder.seconds == 0.0


@pytest.mark.parametrize("name", ["loss/real", "", "."])
def test_a_name_that_would_be_a_path_in_a_file_is_refused_when_it_is_given(task: MakeTask, name: str) -> None:
    made = task(checkpoint_seconds=0)
    for give in (
        lambda: made.progress(1, 2, **{name: 0.5}),
        lambda: made.checkpoint(lambda: {name: torch.zeros(2)}),
        lambda: made.artifact({}, lambda _: {name: torch.zeros(2)}),
    ):
        with pytest.raises(DcbenchError, match="is not a name for"):
            give()
    assert made.recorder.trace == made.artifacts.hashes == {}
    assert task().resume() is None


@pytest.mark.parametrize("step", [1.5, "1", -1, True, None, 2**63])
def test_a_step_that_no_file_can_hold_is_refused_when_it_is_given(
    task: MakeTask, registry: Registry, tmp_path: Path, step: Any
) -> None:
    made = task()
    trial = planned(registry, tmp_path).trials[0].trial
    context = TrialContext(registry, trial, range(1), made.info, Store(tmp_path / "r"), Runtime(), lambda *_: None)
    for give in (
        lambda: made.snapshot(step, a_set()),
        lambda: made.progress(step, 10, loss=0.5),
        lambda: made.progress(1, step, loss=0.5),
        lambda: context.progress(step, 10),
        lambda: context.progress(1, step),
    ):
        with pytest.raises(DcbenchError, match=r"is a whole number from 0 on, not [^\n]+$"):
            give()
    assert made.recorder.trace == made.recorder.snapshots == made.recorder.snapshot_seconds == {}


@pytest.mark.parametrize("step", [3, np.int32(3), torch.tensor(3)])
def test_a_snapshot_of_a_step_that_was_not_announced_is_kept_and_comes_back(task: MakeTask, step: Any) -> None:
    made = task(checkpoint_seconds=0)
    made.snapshot(step, a_set())
    made.checkpoint(lambda: {"step": step})
    again = task()
    again.resume()
    assert [(step, type(step)) for step in again.recorder.snapshots] == [(3, int)]


def test_an_artifact_that_holds_something_else_than_tensors_is_not_kept(task: MakeTask, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(DcbenchError, match="an artifact holds tensors alone; 'epochs' is a int"):
            task().artifact({}, lambda _: {"weights": torch.zeros(2), "epochs": 3})
    assert list(tmp_path.rglob("artifacts/*/*.h5")) == []


def test_who_builds_an_artifact_gets_what_the_others_read(task: MakeTask) -> None:
    def build(_: int) -> dict[str, torch.Tensor]:
        return {"weights": torch.nn.Parameter(torch.arange(6.0).reshape(2, 3).T)}

    for made in (task(), task()):
        found = made.artifact({}, build)["weights"]
        assert (type(found), found.requires_grad, found.stride()) == (torch.Tensor, False, (2, 1))


def test_methods_do_not_see_what_evaluators_share(registry: Registry, task: MakeTask, tmp_path: Path) -> None:
    plan = planned(registry, tmp_path)
    made, store = task(), Store(tmp_path / "results")
    contexts = [
        TrialContext(registry, plan.trials[0].trial, range(1), made.info, store, Runtime(), lambda *_: None)
        for _ in range(2)
    ]
    of_test, of_train = torch.arange(3), torch.arange(4)
    assert contexts[0].artifact({}, lambda _: {"seen": of_test})["seen"].tolist() == of_test.tolist()
    assert made.artifact({}, lambda _: {"seen": of_train})["seen"].tolist() == of_train.tolist()
    assert contexts[1].artifact({}, lambda _: {"seen": of_train})["seen"].tolist() == of_test.tolist()
    assert contexts[0].artifacts.hashes == contexts[1].artifacts.hashes != made.artifacts.hashes
    assert (
        contexts[1].seconds
        >= contexts[1].artifacts.facts()["artifact_seconds"][next(iter(contexts[1].artifacts.hashes))]
    )


def test_a_damaged_artifact_is_built_again(task: MakeTask, tmp_path: Path) -> None:
    for _ in range(2):
        assert task().artifact({}, lambda _: {"weights": torch.arange(3)})["weights"].tolist() == [0, 1, 2]
        (path,) = (tmp_path / "results" / "artifacts" / "toy").glob("*.h5")
        path.write_text("damaged")


def test_a_snapshot_is_evaluated_like_the_final_set_and_a_missing_one_is_named(
    registry: Registry, tmp_path: Path
) -> None:
    plan = planned(registry, tmp_path, methods="toy-slow[pause=0,iterations=3]", snapshots=True)

    def do(job: CondenseJob | EvaluateJob) -> Path:
        order = Order(job=job, results=tmp_path / "results", data=tmp_path, runtime=Runtime())
        return run_job(order, registry, lambda *_: None)

    record = read_condensed(do(CondenseJob(cell=plan.cell)))
    assert 0 < record.snapshot_seconds[0] < record.facts["seconds"]
    sets = {None: record.condensed, 0: record.snapshots[0]}
    offset = plan.cell.repeat_seed(0) % 1000 / 1000
    for trial in (wanted.trial for wanted in plan.trials):
        facts = read_evaluation(do(EvaluateJob(trial=trial, first=0, stop=1)))
        mean = 100 * float(sets[trial.step].decode()[0].mean())
        assert (facts["step"], facts["metrics"]["pixel"]) == (trial.step, [pytest.approx(mean + offset)])
    other = plan.trials[0].trial.model_copy(update={"step": 7})
    with pytest.raises(DcbenchError, match=r"has no snapshot of step 7; it has 0\. --existing overwrite"):
        do(EvaluateJob(trial=other, first=0, stop=1))
