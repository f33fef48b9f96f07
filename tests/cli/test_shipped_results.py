"""The results that ship: whole, small, and what the README says of them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from command_line import CommandLine

from dcbench.engine.store.layout import Layout
from dcbench.engine.store.sets import read_condensed

ROOT = Path(__file__).parents[2]
LIMIT = 40 * 2**20


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what git has below ``results/``: a run in the checkout adds more."""
    told = subprocess.run(["git", "ls-files", "results"], cwd=ROOT, capture_output=True, text=True, check=False)
    if not told.stdout:
        pytest.skip("needs git, and a checkout")
    folder = tmp_path_factory.mktemp("shipped")
    for name in told.stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder / "results"


def test_they_are_small_and_every_set_is_whole(shipped: Path) -> None:
    assert sum(path.stat().st_size for path in shipped.rglob("*") if path.is_file()) < LIMIT
    sets = Layout(shipped).all_condensed()
    assert sets
    for path in sets:
        read_condensed(path)


def test_nothing_is_called_by_the_name_of_data_that_it_was_not_made_on(shipped: Path) -> None:
    for path in Layout(shipped).all_condensed():
        dataset = read_condensed(path).cell.dataset
        assert dataset.name != "cifar10", "what was compressed once more is cifar10-jpeg"
        assert dataset.record in (dataset.name, "folder")


def test_the_readme_shows_their_report(shipped: Path, dcbench: CommandLine, tmp_path: Path) -> None:
    ended = dcbench("report", "--published", "--results", shipped, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert ended.out.strip() in (ROOT / "README.md").read_text(encoding="utf-8")
