"""Artifacts: shared by those that the registry says belong together, and by no others."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from support.made_cells import made_cell, made_trial
from support.toys import install_package

from dcbench import DcbenchError
from dcbench.engine.jobs import CondenseJob
from dcbench.engine.plan.planner import Planner
from dcbench.engine.plan.request import make_request
from dcbench.engine.registry import Registry, load_registry
from dcbench.engine.store.sets import read_condensed
from dcbench.engine.store.store import Store
from dcbench.engine.work.artifacts import Artifacts, Owner
from dcbench.engine.work.run_job import Order, run_job
from dcbench.engine.work.runtime import Runtime

SETTINGS = "network=convnet[depth=1,width=4],epochs=1,batch_size=8"

INTRUDER = """
import dcbench
import torch
from dcbench.toolbox.selection import FeatureSettings, feature_network

class Intruder(dcbench.Method):
    class Settings(FeatureSettings):
        honest: bool = False

    def condense(self, task, settings):
        if settings.honest:
            feature_network(task, settings)
        else:  # the key of the toolbox, with weights of its own
            recipe = settings.recipe(task.info)
            key = {"artifact": "feature network", "network": settings.network, "recipe": recipe.key_form(),
                   "replicate": task.replicate}
            weights = task.network(settings.network, 0).state_dict()
            task.artifact(key, lambda seed: {name: torch.zeros_like(value) for name, value in weights.items()})
        rows = torch.cat([rows[: task.ipc] for rows in task.train.class_index])
        return dcbench.CondensedSet.selection(rows, task.train)

@dcbench.hookimpl
def dcbench_methods():
    target = "intruder:Intruder"
    return [dcbench.MethodRecord(name="intruder", summary="", target=target, shares_artifacts_as="features")]
"""


@pytest.fixture(scope="module")
def registry(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    folder = install_package(
        tmp_path_factory.mktemp("intruder"), "Intruder_Pack", {"intruder": "intruder"}, {"intruder": INTRUDER}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        registry = load_registry()
    registry.resolve("methods", "intruder")  # imported while its folder is there
    return registry


@pytest.fixture
def condense(registry: Registry, tmp_path: Path) -> Callable[..., torch.Tensor]:
    """Condense a cell as a worker does, and return which images were chosen."""

    def condense(method: str, results: str = "results") -> torch.Tensor:
        request = make_request(
            methods=method, datasets="toy", evaluators="count", ipc=5, data=tmp_path / "data", device="cpu"
        )
        cell = Planner(request, registry).cells()[0].cell
        order = Order(job=CondenseJob(cell=cell), results=tmp_path / results, data=request.data, runtime=Runtime())
        indices = read_condensed(run_job(order, registry, lambda *_: None)).condensed.source_indices
        assert indices is not None
        return indices

    return condense


def artifacts(folder: Path) -> list[str]:
    return sorted(path.name.rpartition(".")[0].rpartition(".")[0] for path in folder.glob("artifacts/*/*.h5"))


def test_what_another_package_builds_under_the_same_key_changes_no_cell(
    condense: Callable[..., torch.Tensor], tmp_path: Path
) -> None:
    alone = condense(f"herding[{SETTINGS}]", "alone")
    condense(f"intruder[{SETTINGS}]")
    assert torch.equal(condense(f"herding[{SETTINGS}]"), alone)
    assert artifacts(tmp_path / "results") == ["dataset-condensation-bench.features", "intruder-pack.features"]


def test_methods_of_one_package_that_say_so_share_what_they_build(
    condense: Callable[..., torch.Tensor], tmp_path: Path
) -> None:
    for method in ("herding", "k-center"):
        condense(f"{method}[{SETTINGS}]")
    assert artifacts(tmp_path / "results") == ["dataset-condensation-bench.features"]


def test_packages_that_build_the_same_get_the_same_each_by_itself(
    condense: Callable[..., torch.Tensor], tmp_path: Path
) -> None:
    condense(f"herding[{SETTINGS}]")
    condense(f"intruder[honest=true,{SETTINGS}]")
    one, other = (path.read_bytes() for path in sorted((tmp_path / "results").glob("artifacts/*/*.h5")))
    assert one != other, "they say whose they are"
    store = Store(tmp_path / "results")
    hashes = [set(read_condensed(path).facts["artifacts"].items()) for path in store.all_condensed()]
    assert hashes[0] == hashes[1]


def owned(tmp_path: Path, owner: Owner, job: Any = None) -> Artifacts:
    return Artifacts(Store(tmp_path), job or made_cell(), owner)


def build(value: int) -> Callable[[int], Mapping[str, torch.Tensor]]:
    return lambda _: {"weights": torch.tensor([value])}


@pytest.mark.parametrize("job", [made_cell(), made_trial()], ids=["cell", "trial"])
@pytest.mark.parametrize("other", [Owner("toys", "second"), Owner("others", "first")], ids=["plug-in", "package"])
def test_each_owner_gets_its_own(tmp_path: Path, job: Any, other: Owner) -> None:
    owners = (Owner("toys", "first"), other)
    for value, owner in enumerate(owners):
        assert owned(tmp_path, owner, job).get({"epochs": 1}, build(value))["weights"].item() == value
    for value, owner in enumerate(owners):
        assert owned(tmp_path, owner, job).get({"epochs": 1}, build(9))["weights"].item() == value


def within_itself() -> dict[str, Any]:
    key: dict[str, Any] = {"artifact": "loop"}
    key["again"] = key
    return key


@pytest.mark.parametrize("job", [made_cell(), made_trial()], ids=["cell", "trial"])
@pytest.mark.parametrize(
    ("key", "named"),
    [
        ({"network": torch.float32}, "{'network': torch.float32}"),
        ({"classes": {1}}, "{'classes': {1}}"),
        ({"path": Path("some/file")}, "{'path': PosixPath('some/file')}"),
        ({("a", 1): 2}, "{('a', 1): 2}"),
        ({"a": 1, 2: 3}, "{'a': 1, 2: 3}"),
        ({"text": "\ud800"}, r"{'text': '\ud800'}"),
        (within_itself(), "{'artifact': 'loop', 'again': {...}}"),
        ("network", "'network'"),
        (7, "7"),
    ],
    ids=["dtype", "set", "path", "tuple", "mixed", "surrogate", "loop", "text", "number"],
)
def test_a_key_that_json_cannot_hold_is_named_in_one_line(tmp_path: Path, job: Any, key: Any, named: str) -> None:
    with pytest.raises(DcbenchError) as raised:
        owned(tmp_path, Owner("toys", "first"), job).get(key, build(1))
    assert str(raised.value).startswith(
        f"artifact: the key {named} cannot be written as JSON; give a mapping of texts "
    )
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir()), "nothing is written for it"


def test_an_owner_is_what_the_registry_says(registry: Registry) -> None:
    assert Owner.of(registry, "methods", "toy-first") == Owner("dcbench-toys", "toy-first")
    assert Owner.of(registry, "methods", "intruder") == Owner("intruder-pack", "features")
    assert Owner.of(registry, "methods", "herding") == Owner.of(registry, "methods", "k-center")
    assert Owner.of(registry, "evaluators", "moments") == Owner("dataset-condensation-bench", "moments")


@pytest.mark.parametrize(("plugin", "epochs"), [("first", 2), ("second", 1)], ids=["key", "plug-in"])
def test_a_file_that_was_copied_over_another_is_built_again(tmp_path: Path, plugin: str, epochs: int) -> None:
    owned(tmp_path, Owner("toys", plugin)).get({"epochs": epochs}, build(0))
    (foreign,) = tmp_path.rglob("*.h5")
    owned(tmp_path, Owner("toys", "first")).get({"epochs": 1}, build(1))
    (path,) = set(tmp_path.rglob("*.h5")) - {foreign}
    shutil.copy(foreign, path)
    assert owned(tmp_path, Owner("toys", "first")).get({"epochs": 1}, build(2))["weights"].item() == 2
    assert list(tmp_path.rglob("*.corrupt")) == [path.with_name(f"{path.name}.corrupt")]


def test_names_in_facts_and_seeds_are_those_of_before(tmp_path: Path) -> None:
    for owner in (Owner("toys", "first"), Owner("others", "second")):
        seeds: list[int] = []
        made = owned(tmp_path, owner)

        def keep(seed: int, seeds: list[int] = seeds) -> dict[str, torch.Tensor]:
            seeds.append(seed)
            return {"weights": torch.zeros(1)}

        made.get({"epochs": 1}, keep)
        assert (list(made.hashes), seeds) == (["86bd67f5f4fe36fe"], [8749488261959454913])
