from __future__ import annotations

import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


ROOM = 200  # bytes: for the probe of Python's tempfile, but for no result and no record of a failure


def _leave_little_room() -> None:
    """Let the system refuse to write to files, as it does on a full disk. Workers inherit this."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))


def test_a_full_disk_fails_the_jobs_by_the_names_of_their_files_and_hides_no_table(tmp_path: Path) -> None:
    run = ["run", "--methods", "random", "--ipc", "1", "--seeds", "0", "--device", "cpu", "--results", "r"]
    ended = subprocess.run(
        [sys.executable, "-m", "dcbench", *run],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"DCBENCH_CACHE": str(tmp_path / "cache")},
        timeout=100,
        preexec_fn=_leave_little_room,
    )
    assert ended.returncode == 1
    assert "0/1 cell · 1 failed" in ended.stdout
    (failed,) = [line for line in ended.stderr.splitlines() if line.startswith("failed: ")]
    assert "condense: OSError: [Errno 27] File too large: " in failed
    assert failed.endswith(".condensed.h5'")
    assert "see " not in ended.stderr, "the failure could not be kept"
    assert [path.name for path in (tmp_path / "r").rglob("*.h5")] == []
    assert list((tmp_path / "r").rglob("*.tmp")) == []
