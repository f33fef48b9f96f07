from __future__ import annotations

import errno
import fcntl
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from dcbench.api.folders import holding


def test_one_at_a_time_where_there_are_locks(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with holding(path) as held:
        assert held
        with pytest.raises(Timeout):
            FileLock(path, timeout=0, is_singleton=False).acquire()
    with holding(path) as again:
        assert again


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_without_locks_keeps_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(number, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with holding(tmp_path / "x.lock") as one, holding(tmp_path / "x.lock") as other:
        assert (one, other) == (False, False)
