from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dcbench.engine.store.delivering import deliver_text, delivering

TEXT = "a line\n" * 5000


def test_a_file_is_replaced_in_one_step_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")
    path.chmod(0o640)
    with delivering(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*/x\.txt'"):
            deliver_text(path, TEXT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing yet"])
@pytest.mark.parametrize("absolute", [True, False])
def test_a_link_stays_a_link(tmp_path: Path, there: bool, absolute: bool) -> None:
    (tmp_path / "deep").mkdir()
    real, middle, link = tmp_path / "deep" / "real.txt", tmp_path / "middle", tmp_path / "link.txt"
    if there:
        real.write_text("old")
    middle.symlink_to(real if absolute else Path("deep/real.txt"))
    link.symlink_to(middle if absolute else Path("middle"))
    deliver_text(link, TEXT)
    assert link.is_symlink()
    assert middle.is_symlink()
    assert real.read_text() == TEXT


def test_a_pipe_gets_the_text_and_stays(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    deliver_text(pipe, TEXT)
    reader.join()
    assert got == [TEXT]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_stays() -> None:
    deliver_text(Path(os.devnull), TEXT)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_a_folder_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=str(tmp_path)):
        deliver_text(tmp_path, TEXT)


SCRIPT = """
import sys
from pathlib import Path
from dcbench.engine.store.delivering import deliver_text
print("before")
deliver_text(Path(sys.argv[1]), "text\\n")
print("after")
"""


@pytest.mark.parametrize("place", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
@pytest.mark.parametrize("into", ["pipe", "file"])
def test_standard_output_gets_the_text_in_its_place(tmp_path: Path, place: str, into: str) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    with (tmp_path / "out.txt").open("w") as out:
        ended = subprocess.run(
            [sys.executable, "-c", SCRIPT, place],
            check=True,
            cwd=tmp_path,
            stdout=subprocess.PIPE if into == "pipe" else out,
            text=True,
        )
    said = ended.stdout if into == "pipe" else (tmp_path / "out.txt").read_text()
    assert said == "before\ntext\nafter\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_in_a_folder_that_cannot_be_written_is_written_in_place(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")
    tmp_path.chmod(0o500)
    try:
        deliver_text(path, TEXT)
    finally:
        tmp_path.chmod(0o700)
    assert path.read_text() == TEXT
