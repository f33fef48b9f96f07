"""What a job leaves in the store, beside its result."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import pytest
import torch
from PIL import Image

from dcbench import CondensedSet, DcbenchError, Decoder, InvalidCondensedSetError, RequestError
from dcbench.api.evaluator import Evaluation
from dcbench.engine.identity import Arithmetic
from dcbench.engine.jobs import AssembleJob, CondenseJob, EvaluateJob, Job
from dcbench.engine.plan.planner import PlannedCell, Planner
from dcbench.engine.plan.request import make_request
from dcbench.engine.registry import Registry, load_registry
from dcbench.engine.store.evaluations import read_evaluation
from dcbench.engine.store.guards import UnreadableFileError
from dcbench.engine.store.sets import read_condensed, write_condensed
from dcbench.engine.store.store import Store
from dcbench.engine.work import run_job as run_job_module
from dcbench.engine.work.contexts import CellTask
from dcbench.engine.work.run_job import Order, _check, _plain_metrics, run_job
from dcbench.engine.work.runtime import Runtime
from dcbench.report.results import frame

SLOW = "toy-slow[pause=0,iterations=3]"
Do = Callable[..., Path]


@pytest.fixture(scope="module")
def registry(toys: Path) -> Registry:
    return load_registry()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture
def do(registry: Registry, store: Store, tmp_path: Path) -> Do:
    """Carry out a job in this process."""

    def carried_out(job: Job, report: Callable[..., None] = lambda *_: None, **runtime: float) -> Path:
        order = Order(job=job, results=store.root, data=tmp_path, runtime=Runtime(**runtime))
        return run_job(order, registry, report)

    return carried_out


@pytest.fixture
def plan(registry: Registry, tmp_path: Path) -> Callable[..., list[PlannedCell]]:
    def planned(methods: str = SLOW, **options: Any) -> list[PlannedCell]:
        request = make_request(
            **{"methods": methods, "datasets": "toy", "evaluators": "count", "ipc": 1, "data": tmp_path, **options}
        )
        return Planner(request, registry).cells()

    return planned


def evaluate_all(do: Do, planned: PlannedCell) -> list[Path]:
    return [do(EvaluateJob(trial=wanted.trial, first=0, stop=2)) for wanted in planned.trials]


@pytest.mark.parametrize("parts", [False, True], ids=["at once", "in parts"])
def test_a_set_that_is_made_again_takes_all_that_was_measured_on_the_former_with_it(
    do: Do, plan: Callable[..., list[PlannedCell]], store: Store, parts: bool
) -> None:
    made, other = plan(seeds="0-1", snapshots=True)
    for planned in (made, other):
        do(CondenseJob(cell=planned.cell))
        evaluate_all(do, planned)
    assert len(store.evaluations_of(made.cell)) == 2, "the final set and its snapshot"
    if parts:
        do(CondenseJob(cell=made.cell, classes=range(3), again=True))
        assert len(store.evaluations_of(made.cell)) == 2, "the former set is still there"
        do(AssembleJob(cell=made.cell, again=True))
    else:
        do(CondenseJob(cell=made.cell, again=True))
    assert store.evaluations_of(made.cell) == []
    assert len(store.evaluations_of(other.cell)) == 2


def test_a_set_that_cannot_be_made_again_leaves_everything_as_it_was(
    do: Do, plan: Callable[..., list[PlannedCell]], store: Store, tmp_path: Path
) -> None:
    (made,) = plan()
    path = do(CondenseJob(cell=made.cell))
    files = [path, *evaluate_all(do, made)]
    (tmp_path / "toy.txt").write_text("10")
    with pytest.raises(RequestError, match="changed after the run was planned"):
        do(CondenseJob(cell=made.cell, again=True))
    assert all(file.exists() for file in files)


def test_a_set_that_came_back_keeps_what_was_measured_on_it(
    do: Do, plan: Callable[..., list[PlannedCell]], store: Store
) -> None:
    (made,) = plan()
    path = do(CondenseJob(cell=made.cell))
    evaluate_all(do, made)
    path.unlink()
    do(CondenseJob(cell=made.cell))
    assert len(store.evaluations_of(made.cell)) == 1


@pytest.mark.parametrize(("again", "first"), [(False, 3), (True, 1)])
def test_only_a_set_that_is_not_made_again_goes_on_from_a_checkpoint(
    do: Do, plan: Callable[..., list[PlannedCell]], store: Store, again: bool, first: int
) -> None:
    (made,) = plan()
    steps: list[int] = []

    def stop_after_two(step: int, *_: object) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        do(CondenseJob(cell=made.cell), stop_after_two, checkpoint_seconds=0)
    assert store.checkpoint(made.cell).exists()
    do(CondenseJob(cell=made.cell, again=again), lambda step, *_: steps.append(step))
    assert steps[0] == first
    assert not store.checkpoint(made.cell).exists()


def test_parts_that_went_away_are_no_set_that_was_made_again(
    do: Do, plan: Callable[..., list[PlannedCell]], store: Store
) -> None:
    (made,) = plan()
    do(CondenseJob(cell=made.cell))
    assert do(AssembleJob(cell=made.cell)) == store.condensed(made.cell), "another front end was faster"
    with pytest.raises(DcbenchError, match=r"classes 0-2 went away.*--existing retry-failed"):
        do(AssembleJob(cell=made.cell, again=True))


def test_a_set_that_is_damaged_is_set_aside_and_says_how_to_make_it_again(
    do: Do, plan: Callable[..., list[PlannedCell]], store: Store
) -> None:
    (made,) = plan()
    path = do(CondenseJob(cell=made.cell))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DcbenchError, match=rf"renamed to {path.name}\.corrupt; --existing retry-failed makes it again"):
        evaluate_all(do, made)
    assert not path.exists()


def test_an_intact_set_that_cannot_be_read_now_fails_the_job_and_stays(
    do: Do, plan: Callable[..., list[PlannedCell]]
) -> None:
    (made,) = plan()
    path = do(CondenseJob(cell=made.cell))
    path.rename(path.with_suffix(".aside"))
    path.mkdir()
    with pytest.raises(UnreadableFileError, match=r"condensed\.h5 cannot be read now"):
        evaluate_all(do, made)
    assert path.is_dir(), "only what is damaged is renamed"


def replace_by(change: str, path: Path) -> None:
    """Do to the set at *path* what another front end may do while it is evaluated."""
    record = read_condensed(path)
    assert record.condensed.images is not None
    match change:
        case "removed":
            path.unlink()
        case "other pixels":
            other = CondensedSet.of_images(1 - record.condensed.images, record.condensed.labels)
            write_condensed(path, replace(record, condensed=other, snapshots={0: other}))
        case "same pixels":
            write_condensed(path, replace(record, facts={}))


@pytest.mark.parametrize("step", [None, 0])
@pytest.mark.parametrize(("change", "stored"), [("same pixels", True), ("other pixels", False), ("removed", False)])
def test_what_was_measured_is_stored_only_for_the_set_that_it_was_measured_on(
    do: Do,
    plan: Callable[..., list[PlannedCell]],
    store: Store,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    stored: bool,
    step: int | None,
) -> None:
    (made,) = plan(snapshots=True)
    (trial,) = (wanted.trial for wanted in made.trials if wanted.trial.step == step)
    path = do(CondenseJob(cell=made.cell))
    count = registry.resolve("evaluators", "count")
    evaluate = count.evaluate

    def overtaken(*given: Any) -> Evaluation:
        replace_by(change, path)
        return evaluate(*given)

    monkeypatch.setattr(count, "evaluate", overtaken)
    with nullcontext() if stored else pytest.raises(DcbenchError, match="while it was evaluated; --existing retry-f"):
        do(EvaluateJob(trial=trial, first=0, stop=2))
    assert len(store.evaluations_of(made.cell)) == stored


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_metric_that_is_no_number_is_refused_by_name(value: float) -> None:
    _check({"pixel": (1.0, 2.0)}, "pixel", 2)
    with pytest.raises(DcbenchError, match=f"the evaluator gave {value} as 'spread'"):
        _check({"pixel": (1.0, 2.0), "spread": (0.5, value)}, "pixel", 2)


def test_a_metric_whose_name_would_be_a_path_in_the_file_is_refused() -> None:
    with pytest.raises(DcbenchError, match="'error/mean' is not a name for a metric"):
        _check({"pixel": (1.0,), "error/mean": (0.5,)}, "pixel", 1)


def test_the_metric_that_are_checked_are_those_that_are_stored() -> None:
    class Turns(Evaluation):
        @property
        def metrics(self) -> dict[str, Any]:  # type: ignore[override]
            return {"pixel": iter([torch.tensor(1.0), 2])}

    metrics = _plain_metrics(object.__new__(Turns))
    assert metrics == {"pixel": (1.0, 2.0)}
    assert [type(value) for value in metrics["pixel"]] == [float, float]
    with pytest.raises(DcbenchError, match=r"returns a dcbench\.Evaluation, not a dict"):
        _plain_metrics({"pixel": (1.0,)})


def returning(make: Callable[[Any], Any]) -> Callable[..., Any]:
    def condense(self: Any, task: Any, settings: Any) -> Any:
        task.info = replace(task.info, train_counts=(10**6,) * 3, shape=(1, 800, 800))
        returned = make(task)
        task.snapshot(0, returned)
        return returned

    return condense


class Lax(CondensedSet):
    def check(self, *_: Any, **__: Any) -> None:
        """Nothing is wrong with it, it says."""

    def numbers(self, info: Any) -> int:
        return 0

    def decode(self, train: Any = None) -> Any:
        raise AssertionError("its own code is not run")


class Bright(Decoder):
    def images(self, stored: torch.Tensor) -> torch.Tensor:
        return stored + 0.5


LABELS = torch.arange(3)
PIXELS = torch.full((3, 1, 8, 8), 0.5)
REFUSED = {
    "checks itself": (
        lambda task: Lax(task.train.labels, None, torch.arange(len(task.train))),
        "over budget: the set holds 3,840 numbers",
    ),
    "own decoder": (lambda task: CondensedSet(LABELS, PIXELS, decoder=Bright()), "the decoder is a Bright"),
    "factor": (lambda task: CondensedSet.of_images(PIXELS, LABELS, factor=10**30), "at most 8 tiles per side"),
    "bytes": (lambda task: CondensedSet(LABELS, (PIXELS * 255).byte()), "images must be float32 .*not torch.uint8"),
    "short labels": (lambda task: CondensedSet(LABELS.int(), PIXELS), "labels must be int64 .*not torch.int32"),
    "short indices": (lambda task: CondensedSet(LABELS, None, LABELS.int()), "source_indices must be int64"),
    "a list": (lambda task: [PIXELS, LABELS], "a condensed set is a dcbench.CondensedSet, not a list"),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("kept", [True, False], ids=["snapshot", "final set"])
def test_what_a_method_returns_is_not_asked_whether_it_keeps_the_contract(
    do: Do,
    plan: Callable[..., list[PlannedCell]],
    store: Store,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Any], Any],
    reason: str,
    kept: bool,
) -> None:
    if not kept:
        monkeypatch.setattr(CellTask, "snapshot", lambda *_: None)
    monkeypatch.setattr(registry.resolve("methods", "toy-slow"), "condense", returning(make))
    with pytest.raises(InvalidCondensedSetError, match=reason):
        do(CondenseJob(cell=plan()[0].cell))
    assert store.all_condensed() == []


class Named(torch.Tensor):
    """A tensor type of a plug-in."""


STORED = {
    "doubles": lambda task: CondensedSet(LABELS, PIXELS.double()),
    "halves on the way": lambda task: CondensedSet(torch.eye(3, dtype=torch.float64)[LABELS] * 1, PIXELS.half()),
    "a subclass": lambda task: Lax(LABELS, PIXELS),
    "views": lambda task: CondensedSet(LABELS, PIXELS[:1].expand(3, 1, 8, 8).mT.requires_grad_()),
    "tensors of its own": lambda task: CondensedSet(LABELS.as_subclass(Named), PIXELS.as_subclass(Named)),
    "parameters": lambda task: CondensedSet(LABELS, torch.nn.Parameter(PIXELS)),
}


@pytest.mark.parametrize("make", STORED.values(), ids=STORED)
def test_a_file_holds_the_documented_types_whatever_a_method_returns(
    do: Do,
    plan: Callable[..., list[PlannedCell]],
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Any], Any],
) -> None:
    monkeypatch.setattr(registry.resolve("methods", "toy-slow"), "condense", returning(make))
    (planned,) = plan(ipc=2)
    with h5py.File(do(CondenseJob(cell=planned.cell))) as file:
        for group in (file, file["snapshots/0"]):
            assert group["images"].dtype == "float32"
            assert group["labels"].dtype == ("int64" if group["labels"].ndim == 1 else "float32")
            assert group["images"][()].tolist() == PIXELS.tolist()
        assert json.loads(file.attrs["facts"])["numbers"] == 3 * 64 + (9 if file["labels"].ndim == 2 else 0)


def test_a_snapshot_is_not_moved_by_further_learning(
    do: Do, plan: Callable[..., list[PlannedCell]], registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def condense(self: Any, task: Any, settings: Any) -> CondensedSet:
        images = PIXELS.clone()
        task.snapshot(0, CondensedSet(LABELS, images))
        return CondensedSet(LABELS, images.zero_())

    monkeypatch.setattr(registry.resolve("methods", "toy-slow"), "condense", condense)
    record = read_condensed(do(CondenseJob(cell=plan()[0].cell)))
    assert torch.equal(record.snapshots[0].stored_images(), PIXELS)
    assert not record.condensed.stored_images().any()


def test_an_order_is_one_line(plan: Callable[..., list[PlannedCell]], tmp_path: Path) -> None:
    order = Order(job=CondenseJob(cell=plan()[0].cell, again=True), results=tmp_path, data=tmp_path, runtime=Runtime())
    line = order.model_dump_json()
    assert "\n" not in line
    assert json.loads(line)["job"]["type"] == "condense"
    assert Order.model_validate_json(line) == order


def test_a_job_that_has_to_read_images_again_says_how_many_are_read(
    do: Do, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> None:
    for split, label in product(("train", "test"), ("cat", "dog")):
        folder = tmp_path / "birds" / split / label
        folder.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / "a.png")
    monkeypatch.setenv("DCBENCH_CACHE", str(tmp_path / "cache"))
    told: list[tuple[object, ...]] = []
    request = make_request(methods="random", datasets=f"folder:{tmp_path / 'birds'}", ipc=1, data=tmp_path)
    (planned,) = Planner(request, registry, lambda *said: told.append(said)).cells()
    reading = f"reading folder:{tmp_path / 'birds'}"
    assert told[1:] == [(reading, 2, 2), (reading, 2, 2)], "the training images, then the test images"
    told.clear()
    monkeypatch.setenv("DCBENCH_CACHE", str(tmp_path / "another"))
    do(CondenseJob(cell=planned.cell), lambda *said: told.append(said))
    assert (2, 2, {}, "reading birds") in told


def test_a_job_computes_in_the_arithmetic_of_its_name(
    do: Do, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up: list[str] = []
    monkeypatch.setattr(run_job_module, "prepare_process", lambda runtime: set_up.append(runtime.precision))
    request = make_request(methods=SLOW, datasets="toy", evaluators="count", ipc=1, data=tmp_path)
    (planned,) = Planner(request, registry, arithmetic=Arithmetic("bf16", "tf32")).cells()
    path = do(CondenseJob(cell=planned.cell))
    assert read_condensed(path).facts["runtime"]["precision"] == "bf16"
    measured = do(EvaluateJob(trial=planned.trials[0].trial, first=0, stop=1))
    facts = read_evaluation(measured)
    assert (facts["arithmetic"], facts["runtime"]["precision"]) == ("tf32", "tf32")
    assert set_up == ["bf16", "tf32"]
    assert frame(tmp_path / "results")["precision"].tolist() == ["bf16"]
