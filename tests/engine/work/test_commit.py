from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dcbench.engine.work.commit import commit

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
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
