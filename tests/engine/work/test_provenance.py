"""What a result says of how it was made: the commit, and the stretches of an interrupted job."""

from __future__ import annotations

import errno
import logging
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from dcbench.api.ran import recording
from dcbench.engine.identity import Cell
from dcbench.engine.jobs import CondenseJob
from dcbench.engine.plan.planner import Planner
from dcbench.engine.plan.request import make_request
from dcbench.engine.registry import Registry, load_registry
from dcbench.engine.store import tensors
from dcbench.engine.store.sets import StoredSet, read_condensed
from dcbench.engine.store.store import Store
from dcbench.engine.store.tensors import read_checkpoint, read_stretches
from dcbench.engine.work.provenance import as_it_began, commit, describe_ran
from dcbench.engine.work.run_job import Order, run_job
from dcbench.engine.work.runtime import Runtime


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("needs git")
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", "first")
    return tmp_path


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_of_a_checkout(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    found = commit(checkout)
    monkeypatch.delenv("GIT_DIR")
    assert found == git(checkout, "rev-parse", "HEAD")


def test_a_tag_does_not_take_its_place(checkout: Path) -> None:
    git(checkout, "-c", "user.name=a", "-c", "user.email=a@b.c", "tag", "-a", "v1", "-m", "one")
    assert commit(checkout) == git(checkout, "rev-parse", "HEAD")


def test_changes_of_tracked_files_are_told_and_new_files_are_not(checkout: Path) -> None:
    (checkout / "new").write_text("")
    assert commit(checkout) == git(checkout, "rev-parse", "HEAD")
    (checkout / "file").write_text("two")
    commit.cache_clear()
    assert commit(checkout) == git(checkout, "rev-parse", "HEAD") + "-dirty"


def test_what_is_not_a_checkout_has_none(checkout: Path, tmp_path: Path) -> None:
    (checkout / "below").mkdir()
    assert commit(checkout / "below") == ""
    (checkout / "below" / ".git").write_text("not a repository")
    commit.cache_clear()
    assert commit(checkout / "below") == ""


OLD = Path(__file__).with_name("old") / "s0-c4e8850250ab.checkpoint.h5"
"""Of m3d on digits, after step 6 of 12, with one thread; as dcbench wrote it before checkpoints held stretches."""
M3D = {
    "methods": "m3d[iterations=12,network=convnet[depth=1,width=4],batch_real=8,lr=0.015]",
    "datasets": "digits",
    "seeds": 0,
}

Do = Callable[..., StoredSet]


class BrokenOffError(Exception):
    """The job was killed here."""


@pytest.fixture(scope="module")
def registry(toys: Path) -> Registry:
    return load_registry()


@pytest.fixture
def cell(registry: Registry, tmp_path: Path) -> Cell:
    return Planner(make_request(ipc=1, data=tmp_path, **M3D), registry).cells()[0].cell


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def do(registry: Registry, cell: Cell, tmp_path: Path) -> Do:
    def condense(*, breaks_at: int = 0, folder: str = "results", **runtime: Any) -> StoredSet:
        def report(step: int, *_: object) -> None:
            if step == breaks_at:
                raise BrokenOffError

        order = Order(job=CondenseJob(cell=cell), results=tmp_path / folder, data=tmp_path, runtime=Runtime(**runtime))
        torch.set_num_threads(order.runtime.threads)
        return read_condensed(run_job(order, registry, report))

    return condense


def begin(do: Do, **runtime: Any) -> None:
    with pytest.raises(BrokenOffError):
        do(breaks_at=7, checkpoint_seconds=0, **runtime)


def test_a_checkpoint_of_the_version_before_goes_on_to_the_same_set(do: Do, cell: Cell, tmp_path: Path) -> None:
    path = Store(tmp_path / "results").checkpoint(cell)
    assert path.name == OLD.name, "the name of the cell is what it was"
    path.parent.mkdir(parents=True)
    shutil.copy(OLD, path)
    assert read_stretches(path) == ()
    resumed, whole = do(), do(folder="other")
    # Another model of CPU may have made the first half.
    assert torch.allclose(resumed.condensed.images, whole.condensed.images, atol=1e-4)
    assert [step for step, _ in resumed.trace["loss"]] == list(range(1, 13))
    first, second = resumed.facts["stretches"]
    assert list(first) == ["seconds"], "that is all it says"
    assert second["runtime"]["threads"] == 1
    assert first["seconds"] + second["seconds"] == pytest.approx(resumed.facts["seconds"], abs=0.1)
    assert not path.exists()
    assert "stretches" not in whole.facts


def test_a_checkpoint_holds_all_that_a_resumed_job_runs_by(do: Do, cell: Cell, tmp_path: Path) -> None:
    begin(do, threads=2, chunk=32)
    (stretch,) = read_checkpoint(Store(tmp_path / "results").checkpoint(cell)).stretches
    assert stretch["runtime"] == Runtime(threads=2, chunk=32, checkpoint_seconds=0).model_dump(mode="json")
    assert {"dcbench", "torch", "python"} <= set(stretch["versions"])
    known = {"runtime", "versions", "device", "instructions", "chunk", "seconds"}
    assert set(stretch) == known | ({"commit"} if commit() else set())
    assert stretch.get("commit", "") == commit()


def test_a_job_that_began_with_two_threads_goes_on_with_two_and_says_so(
    do: Do, caplog: pytest.LogCaptureFixture
) -> None:
    begin(do, threads=2, chunk=32)
    with caplog.at_level(logging.WARNING):
        resumed = do(threads=1)
    assert caplog.messages == ["the job goes on as it began: threads 2 in place of 1, chunk 32 in place of 64"]
    assert torch.get_num_threads() == 2
    assert (resumed.facts["runtime"]["threads"], resumed.facts["runtime"]["chunk"]) == (2, 32)
    assert [stretch["runtime"]["threads"] for stretch in resumed.facts["stretches"]] == [2, 2]
    whole = do(threads=2, chunk=32, folder="other")
    assert torch.equal(resumed.condensed.images, whole.condensed.images)


BEGUN = Runtime(threads=3, precision="float32", chunk=16, deterministic=True)


def before(runtime: Runtime, device: str = "a chip") -> list[dict[str, Any]]:
    return [{"runtime": runtime.model_dump(mode="json"), "device": device}]


def test_a_job_without_checkpoint_runs_as_the_run_wants() -> None:
    assert as_it_began(BEGUN, []) == (BEGUN, "")
    assert as_it_began(BEGUN, [{"seconds": 3.0}]) == (BEGUN, "")


def test_the_time_between_checkpoints_is_that_of_the_run() -> None:
    wanted = Runtime(threads=3, chunk=16, deterministic=True, checkpoint_seconds=5)
    assert as_it_began(wanted, before(BEGUN)) == (wanted, "")


def test_on_a_gpu_the_path_is_taken_over_and_the_gpu_is_that_of_the_run() -> None:
    begun = Runtime(device="cuda:0", precision="tf32", capture=True, chunk=1024)
    wanted = Runtime(device="cuda:1", precision="tf32", capture=False, chunk=1024)
    runtime, said = as_it_began(wanted, before(begun))
    assert runtime == Runtime(device="cuda:1", precision="tf32", capture=True, chunk=1024)
    assert said == "the job goes on as it began: capture True in place of False"


def test_after_a_capture_that_failed_a_job_goes_on_eagerly_whatever_it_began_with() -> None:
    begun = Runtime(device="cuda:0", precision="tf32", capture=True, chunk=1024)
    wanted = begun.model_copy(update={"capture": False})
    assert as_it_began(wanted, before(begun), eager=True) == (wanted, "")


def test_what_ran_has_the_fallbacks_of_all_stretches_and_of_the_set_that_is_evaluated() -> None:
    eager, captured = Runtime(), Runtime(device="cuda:0", capture=True)
    earlier = [{"seconds": 1.0}, {"seconds": 1.0, "ran": {"fallbacks": ["one", "two"]}}]
    with recording(fallbacks=["two", "three"]) as record:
        record.captured = True
        expected = {"capture": True, "compiled": False, "fallbacks": ["one", "two", "three"]}
        assert describe_ran(captured, earlier) == {"ran": expected}
    with recording():
        assert describe_ran(eager) == {}
        nothing = {"capture": False, "compiled": False, "fallbacks": []}
        assert describe_ran(captured) == {"ran": nothing}
        assert describe_ran(eager, condensing=["one"]) == {"ran": nothing | {"condensing": ["one"]}}


def test_a_run_that_asks_for_the_same_bits_every_time_gets_them() -> None:
    runtime, said = as_it_began(Runtime(deterministic=True), before(Runtime()))
    assert (runtime.deterministic, said) == (True, "")


@pytest.mark.parametrize(
    ("begun", "wanted", "said"),
    [
        (Runtime(device="cuda:0"), Runtime(), "the job began on a chip, which this run does not use"),
        (Runtime(), Runtime(device="cuda:0"), "the job began on a chip, which this run does not use"),
        (Runtime(precision="bf16"), Runtime(), "the job began with precision bf16, and its name is for float32"),
    ],
)
def test_what_cannot_be_taken_over_is_said_in_one_line(begun: Runtime, wanted: Runtime, said: str) -> None:
    now = "; it goes on with threads 1, precision float32, and other bits"
    assert as_it_began(wanted, before(begun)) == (wanted, said + now)


def test_a_way_to_run_that_this_version_does_not_have_is_said_too() -> None:
    kept = [{"runtime": {"warp": 9}}]
    runtime, said = as_it_began(Runtime(), kept)
    assert runtime == Runtime()
    assert said.startswith("the job began in a way that this dcbench does not have; it goes on with threads 1")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_a_checkpoint_that_does_not_fit_fails_no_job_and_is_tried_again(
    do: Do, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    tried: list[Path] = []

    def refused(path: Path, _: object) -> None:
        tried.append(path)
        raise OSError(code, "no room", str(path))

    monkeypatch.setattr(tensors, "write_checkpoint", refused)
    made = do(checkpoint_seconds=0)
    assert len(tried) == 12
    (said,) = caplog.messages
    assert said.startswith(f"the job goes on without a checkpoint for now: [Errno {code}] no room: '/")
    assert len(made.condensed) == 10


def test_a_disk_that_takes_only_small_files_keeps_the_job_going(
    do: Do, caplog: pytest.LogCaptureFixture, cell: Cell, tmp_path: Path
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(step: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))

    try:
        fill(0)
        with pytest.raises(BrokenOffError):
            do(checkpoint_seconds=0, breaks_at=4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [message.split(":")[0] for message in caplog.messages] == ["the job goes on without a checkpoint for now"]
    assert list(tmp_path.rglob("*.h5")) == list(tmp_path.rglob("*.tmp")) == []


def test_an_artifact_that_does_not_fit_is_used_all_the_same(
    registry: Registry, cell: Cell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import dcbench.engine.work.artifacts as artifacts

    def refused(path: Path, *_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(artifacts, "write_tensors", refused)
    owner = artifacts.Owner.of(registry, "methods", "m3d")
    made = artifacts.Artifacts(Store(tmp_path), cell, owner)
    assert made.get({}, lambda _: {"weights": torch.arange(3)})["weights"].tolist() == [0, 1, 2]
    assert len(made.hashes) == 1
    assert caplog.messages[0].startswith("an artifact could not be kept, and other jobs build it again: [Errno 28]")
