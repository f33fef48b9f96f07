"""The results that ship: whole, small, and what the README says of them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.command_line import CommandLine

from dcbench import DatasetInfo, TrainingRecipe
from dcbench.api.protocol import superseded
from dcbench.engine.factories import make_dataset, settle_network
from dcbench.engine.identity import Cell, EvaluatorSpec, Trial
from dcbench.engine.registry import Registry, load_registry
from dcbench.engine.store.evaluations import read_evaluation
from dcbench.engine.store.sets import read_condensed
from dcbench.engine.store.store import Store
from dcbench.engine.work.contexts import Data

ROOT = Path(__file__).parents[2]
LIMIT = 40 * 2**20


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what git has in ``results/shipped``: a run in the checkout may add more."""
    told = subprocess.run(["git", "ls-files", "results/shipped"], cwd=ROOT, capture_output=True, text=True, check=False)
    if not told.stdout:
        pytest.skip("needs git, and a checkout")
    folder = tmp_path_factory.mktemp("shipped")
    for name in told.stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder / "results" / "shipped"


def test_they_are_small_and_every_set_is_whole(shipped: Path) -> None:
    assert sum(path.stat().st_size for path in shipped.rglob("*") if path.is_file()) < LIMIT
    assert {path.name for path in shipped.iterdir()} == {"coresets", "matching", "sweeps"}
    for store in shipped.iterdir():
        sets = Store(store).all_condensed()
        assert sets
        for path in sets:
            read_condensed(path)


def test_a_store_never_reads_those_that_are_shipped_below_it(shipped: Path, dcbench: CommandLine) -> None:
    store = Store(shipped.parent)
    assert not [*store.all_condensed(), *store.all_evaluations(), *store.all_failures(), *store.all_reports()]
    ended = dcbench("report", cwd=shipped.parents[1])
    assert (ended.code, ended.out) == (0, "No finished cell stands in this table.\n")


def test_a_run_of_today_finds_them_under_their_names(shipped: Path, tmp_path: Path) -> None:
    registry = load_registry()
    for path in [path for store in shipped.iterdir() for path in Store(store).all_evaluations()]:
        facts = read_evaluation(path)
        stored = Cell.model_validate(facts["cell"])
        info = Data(make_dataset(registry, stored.dataset, tmp_path), stored).info
        cell = _as_planned_today(registry, stored, info)
        assert cell.digest == facts["digest"], path
        today = _trial_of_today(registry, cell, info, facts)
        assert (today.key != facts["key"]) is bool(superseded(facts["recipe"])), path
        as_then = TrainingRecipe(**facts["recipe"]).key_form() if facts["recipe"] else None
        spec = today.evaluator.model_copy(update={"digest_recipe": as_then})
        assert Trial(cell=cell, evaluator=spec, step=today.step).key == facts["key"], path


def _as_planned_today(registry: Registry, cell: Cell, info: DatasetInfo) -> Cell:
    method = registry.resolve("methods", cell.method.record)()
    settings, network_revision = settle_network(registry, method.Settings(**cell.method.settings), info)
    made_by = {
        "revision": method.revision,
        "digest_settings": settings.digest_form(),
        "network_revision": network_revision,
    }
    seen = {"mean": info.mean, "std": info.std, "mirror_ok": info.mirror_ok}
    stored = cell.model_dump()
    changes = {"dataset": stored["dataset"] | seen, "method": stored["method"] | made_by}
    return Cell.model_validate(stored | changes)


def _trial_of_today(registry: Registry, cell: Cell, info: DatasetInfo, facts: dict[str, Any]) -> Trial:
    evaluator = registry.resolve("evaluators", facts["evaluator"])()
    settings, network_revision = settle_network(registry, evaluator.Settings(**facts["evaluator_settings"]), info)
    protocol = registry.resolve("protocols", facts["protocol"])() if facts["protocol"] else None
    spec = EvaluatorSpec(
        record=facts["evaluator"],
        label=facts["evaluator_label"],
        revision=evaluator.revision,
        metric=evaluator.metric,
        settings=settings.model_dump(mode="json"),
        digest_settings=settings.digest_form(),
        network_revision=network_revision,
        digest_recipe=None if protocol is None else protocol.recipe(info, cell.ipc, cell.method.factor).key_form(),
    )
    return Trial(cell=cell, evaluator=spec, step=facts.get("step"))


def test_nothing_is_called_by_the_name_of_data_that_it_was_not_made_on(shipped: Path) -> None:
    for path in [path for store in shipped.iterdir() for path in Store(store).all_condensed()]:
        dataset = read_condensed(path).cell.dataset
        assert dataset.name != "cifar10", "what was compressed once more is cifar10-jpeg"
        assert dataset.record in (dataset.name, "folder")


@pytest.mark.parametrize("page", ["README.md", "results/README.md"])
def test_the_pages_show_what_is_printed_over_them(shipped: Path, dcbench: CommandLine, page: str) -> None:
    shown = re.findall(r"```\n\$ dcbench (report .*)\n([^`]*)```", (ROOT / page).read_text(encoding="utf-8"))
    assert shown
    for command, text in shown:
        ended = dcbench(*shlex.split(command), cwd=shipped.parents[1])
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.strip() == text.strip(), command
