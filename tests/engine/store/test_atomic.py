from __future__ import annotations

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dcbench.engine.store import atomic
from dcbench.engine.store.atomic import read_or_set_aside, replacing, set_aside, sweep
from dcbench.engine.store.guards import CorruptFileError, UnreadableFileError
from dcbench.engine.store.hdf5 import reading

WRITER = """
import os, sys, time
from pathlib import Path
import numpy as np
from dcbench.engine.store.hdf5 import put_array, writing

sync = os.fsync
os.fsync = lambda descriptor: [time.sleep(0.003), sync(descriptor)]  # a slow disk: some are hit while they write
folder, run = Path(sys.argv[1]), int(sys.argv[2])
for number in range(1, 10_000):
    # Every other file is an old one that is replaced.
    path = folder / (f"r{run}-{number}.h5" if number % 2 else f"same-{number % 8}.h5")
    with writing(path, "test") as file:
        put_array(file, "values", np.full(20_000, number) + np.arange(20_000) % 251)
        file.attrs["number"] = number
    print(number, flush=True)
"""

KILLS = 25


def whole(path: Path) -> bool:
    with reading(path, "test") as file:
        expected = int(file.attrs["number"]) + np.arange(20_000) % 251
        return bool((file["values"][()] == expected).all())


@pytest.mark.slow
def test_whatever_kills_the_writer_a_finished_name_means_a_finished_file(tmp_path: Path) -> None:
    draw, interrupted = random.Random(0), 0
    for run in range(KILLS):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, str(run)], stdout=subprocess.PIPE)
        with writer:
            assert writer.stdout is not None
            for number in range(1, 1 + draw.randint(1, 3)):
                assert writer.stdout.readline() == f"{number}\n".encode()
            time.sleep(draw.uniform(0, 0.03))
            writer.kill()
        assert writer.returncode == -signal.SIGKILL
        interrupted += sweep(tmp_path)
        assert list(tmp_path.glob(".*")) == []
    finished = list(tmp_path.iterdir())
    assert len(finished) >= KILLS, "each has written one of its own at least"
    assert interrupted > 0
    assert all(map(whole, finished))


def test_a_power_cut_finds_the_file_on_the_disk_before_its_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    sync, rename = os.fsync, os.replace

    def recorded_sync(descriptor: int) -> None:
        happened.append(f"sync {'folder' if stat.S_ISDIR(os.fstat(descriptor).st_mode) else 'file'}")
        sync(descriptor)

    def recorded_rename(source: Path, target: Path) -> None:
        happened.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", recorded_sync)
    monkeypatch.setattr(os, "replace", recorded_rename)
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("new")
    assert happened == ["sync file", "rename", "sync folder"]


def test_a_write_that_raises_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise ValueError("no luck")

    with pytest.raises(ValueError, match="no luck"):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"


def test_sweeping_spares_writers_that_live_other_hosts_and_other_files(tmp_path: Path) -> None:
    spared = [".mine.tmp", ".file.h5.otherhost-1-1-0a1b2c3d.tmp", "file.tmp", ".gitignore"]
    for name in spared:
        (tmp_path / name).touch()
    with replacing(tmp_path / "file.h5") as temporary:
        temporary.touch()
        assert sweep(tmp_path) == 0
        assert temporary.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*spared, "file.h5"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has namespaces of processes")
def test_sweeping_removes_what_a_dead_writer_left_but_not_what_one_in_another_container_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 2**22 + 1)  # more than any process has
    with replacing(tmp_path / "file.h5") as temporary:
        temporary.touch()
    here = f"-{Path('/proc/self/ns/pid').stat().st_ino}-"
    assert here in temporary.name
    elsewhere = temporary.with_name(temporary.name.replace(here, "-1-"))
    for path in (temporary, elsewhere):
        path.touch()
    assert sweep(tmp_path) == 1
    assert (temporary.exists(), elsewhere.exists()) == (False, True)


def test_what_a_dead_writer_left_in_a_store_that_is_shipped_is_left_to_those_who_use_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 2**22 + 1)
    left = []
    for store in (tmp_path, tmp_path / "shipped" / "coresets"):
        folder = store / "mnist" / "random" / "ipc1"
        folder.mkdir(parents=True)
        with replacing(folder / "file.h5") as temporary:
            temporary.touch()
        temporary.touch()
        left.append(temporary)
    assert sweep(tmp_path) == 1
    assert [path.exists() for path in left] == [False, True]


def test_two_writers_of_one_file_never_share_a_temporary_one(tmp_path: Path) -> None:
    with replacing(tmp_path / "file") as one, replacing(tmp_path / "file") as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert (tmp_path / "file").read_text() == "one", "the last that ended"


def test_a_file_that_is_not_there_is_not_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), reading(tmp_path / "nothing.h5", "test"):
        pass


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_bytes(b"no HDF5 at all")
    with pytest.raises(CorruptFileError, match=r"x\.h5 is damaged"), reading(tmp_path / "x.h5", "test"):
        pass


def read(path: Path) -> str:
    """Read a file whose content is damaged where it says so."""
    text = path.read_text()
    if "damaged" in text:
        raise CorruptFileError(path, text)
    return text


def make(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text)


def found(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "x.h5").write_text("damaged")
    return tmp_path / "x.h5"


def once(act: Callable[[], object]) -> Callable[[], None]:
    """Return what calls *act* the first time only: the other process is there once."""
    done: list[bool] = []

    def call() -> None:
        if not done:
            done.append(True)
            act()

    return call


# Where the other process may come in between: each is the name of what set_aside calls next.
POINTS = {
    "before it is opened": (atomic.os, "open"),
    "before it is read again": (atomic, "_damaged"),
    "after it was read again": (atomic, "_leads_to"),
    "before it is renamed": (atomic, "_rename"),
    "at the last moment": (atomic, "taken_name"),
}


def break_in(monkeypatch: pytest.MonkeyPatch, point: str, act: Callable[[], object]) -> None:
    owner, name = POINTS[point]
    true, other = getattr(owner, name), once(act)

    def called(*given: object) -> object:
        other()
        return true(*given)

    monkeypatch.setattr(owner, name, called)


def test_a_damaged_file_gets_another_name(path: Path) -> None:
    assert set_aside(path, read) == path.with_name("x.h5.corrupt")
    assert found(path.parent) == {"x.h5.corrupt": "damaged"}


def test_a_second_damaged_file_of_one_name_keeps_the_first(path: Path) -> None:
    for text in ("damaged 1", "damaged 2", "damaged 3"):
        path.write_text(text)
        set_aside(path, read)
    assert found(path.parent) == {
        "x.h5.2.corrupt": "damaged 2", "x.h5.3.corrupt": "damaged 3", "x.h5.corrupt": "damaged 1"
    }  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_what_another_process_has_just_made_anew_stays_under_its_name(
    path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    break_in(monkeypatch, point, lambda: make(path, "whole"))
    assert set_aside(path, read) is None
    assert found(path.parent) == {"x.h5": "whole"}


@pytest.mark.parametrize("point", POINTS)
def test_another_process_that_sets_the_same_damage_aside_and_makes_the_file_anew_loses_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    def other() -> None:
        assert set_aside(path, read) is not None
        make(path, "whole")

    break_in(monkeypatch, point, other)
    assert set_aside(path, read) is None
    assert found(path.parent) == {"x.h5": "whole", "x.h5.corrupt": "damaged"}


@pytest.mark.parametrize("point", POINTS)
def test_a_damaged_file_that_another_process_has_set_aside_is_no_error(
    path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    break_in(monkeypatch, point, lambda: set_aside(path, read))
    assert set_aside(path, read) is None
    assert found(path.parent) == {"x.h5.corrupt": "damaged"}


def test_a_newer_file_than_the_one_that_was_taken_away_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_in(monkeypatch, "at the last moment", lambda: make(path, "whole"))
    true = atomic.put_back

    def late(taken: Path) -> None:
        make(path, "newer")
        true(taken)

    monkeypatch.setattr(atomic, "put_back", late)
    assert set_aside(path, read) is None
    assert found(path.parent) == {"x.h5": "newer"}


def test_a_process_that_is_killed_with_a_whole_file_in_hand_does_not_take_it_along(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    break_in(monkeypatch, "at the last moment", lambda: make(path, "whole"))
    with monkeypatch.context() as of_another:
        of_another.setattr(atomic, "put_back", killed)
        of_another.setattr(os, "getpid", lambda: 2**22 + 1)  # more than any process has
        with pytest.raises(KeyboardInterrupt):
            set_aside(path, read)
    assert not path.exists()
    assert sweep(path.parent) == 0
    assert found(path.parent) == {"x.h5": "whole"}


def test_a_file_that_a_living_process_has_in_hand_is_left_to_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(held: Path) -> None:
        sweep(held.parent)
        assert not path.exists()

    break_in(monkeypatch, "at the last moment", lambda: make(path, "whole"))
    monkeypatch.setattr(atomic, "put_back", look)
    set_aside(path, read)


def test_where_there_are_no_hard_links_nothing_is_replaced_either(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    for text in ("damaged 1", "damaged 2"):
        path.write_text(text)
        set_aside(path, read)
    assert found(path.parent) == {"x.h5.2.corrupt": "damaged 2", "x.h5.corrupt": "damaged 1"}
    path.write_text("whole")
    taken = atomic.taken_name(path)
    path.rename(taken)
    atomic.put_back(taken)
    assert path.read_text() == "whole"


def test_a_file_that_cannot_be_read_now_stays(path: Path) -> None:
    def refused(path: Path) -> None:
        raise UnreadableFileError(path, "no locks available")

    with pytest.raises(UnreadableFileError):
        set_aside(path, refused)
    assert found(path.parent) == {"x.h5": "damaged"}


def test_reading_gives_what_another_process_has_just_made_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_in(monkeypatch, "at the last moment", lambda: make(path, "whole"))
    assert read_or_set_aside(path, read) == "whole"


def test_reading_gives_nothing_where_there_was_damage_or_nothing(path: Path) -> None:
    assert read_or_set_aside(path, read) is None
    assert read_or_set_aside(path, read) is None
    assert found(path.parent) == {"x.h5.corrupt": "damaged"}


def test_many_at_once_never_lose_what_one_of_them_has_made(tmp_path: Path) -> None:
    """No break-ins here: real threads, which find damage, set it aside, and make the file anew."""
    path = tmp_path / "x.h5"

    def front_end() -> None:
        for _ in range(60):
            if read_or_set_aside(path, read) is None:
                make(path, "whole")

    def damage() -> None:
        for _ in range(60):
            make(path, "damaged")

    threads = [threading.Thread(target=front_end) for _ in range(3)] + [threading.Thread(target=damage)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if read_or_set_aside(path, read) is None:
        make(path, "whole")
    texts = found(tmp_path)
    assert texts.pop("x.h5") == "whole"
    assert all(name.endswith(".corrupt") for name in texts)
    assert set(texts.values()) == {"damaged"}
