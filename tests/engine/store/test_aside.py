from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dcbench.engine.store import aside as module
from dcbench.engine.store import atomic
from dcbench.engine.store.aside import read_or_set_aside, set_aside
from dcbench.engine.store.atomic import replacing, sweep
from dcbench.engine.store.hdf5 import CorruptFileError, UnreadableFileError


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
    "before it is opened": (module.os, "open"),
    "before it is read again": (module, "_damaged"),
    "after it was read again": (module, "_leads_to"),
    "before it is renamed": (module, "_rename"),
    "at the last moment": (module, "taken_name"),
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
    true = module.put_back

    def late(taken: Path) -> None:
        make(path, "newer")
        true(taken)

    monkeypatch.setattr(module, "put_back", late)
    assert set_aside(path, read) is None
    assert found(path.parent) == {"x.h5": "newer"}


def test_a_process_that_is_killed_with_a_whole_file_in_hand_does_not_take_it_along(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    break_in(monkeypatch, "at the last moment", lambda: make(path, "whole"))
    monkeypatch.setattr(module, "put_back", killed)
    with monkeypatch.context() as of_another:
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
    monkeypatch.setattr(module, "put_back", look)
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
