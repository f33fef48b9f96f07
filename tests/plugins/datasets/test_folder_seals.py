from __future__ import annotations

import json
import os
import random
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dcbench_plugins.datasets import folder_seals
from dcbench_plugins.datasets.folder_cache import ImageCache
from dcbench_plugins.datasets.folder_seals import hash_file, seal, verifies

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (40, 2, 3, 3)
CONTENT = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)


@pytest.fixture(autouse=True)
def a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> dict[object, object]:
    seen: dict[object, object] = {}
    monkeypatch.setattr(folder_seals, "_seen", seen)
    return seen


@pytest.fixture
def cache(tmp_path: Path) -> ImageCache:
    made = ImageCache(tmp_path / "x.train.npy", SHAPE, lambda position: CONTENT[position])
    made.images()
    made.statistics()
    return made


def flip(path: Path, place: int, bit: int = 0) -> None:
    """Flip one bit as rot does: no time moves."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_whichever_bit_of_the_cache_rots_the_pixels_stay_right(
    cache: ImageCache, a_process_of_its_own: dict[object, object], caplog: pytest.LogCaptureFixture
) -> None:
    draw, size = random.Random(0), cache.file.stat().st_size
    places = [*range(0, 130, 13), *(draw.randrange(size) for _ in range(10))]  # the header, and pixels
    for number, place in enumerate(places, 1):
        flip(cache.file, place, draw.randrange(8))
        a_process_of_its_own.clear()
        assert np.array_equal(cache.images(), CONTENT), place
        assert len(caplog.messages) >= number
    assert set(caplog.messages) == {f"the image cache {cache.file} is damaged; it is made again"}


def test_whichever_bit_of_the_seal_rots_the_pixels_stay_right(
    cache: ImageCache, a_process_of_its_own: dict[object, object]
) -> None:
    place = cache.file.with_name(f"{cache.file.name}.sha256")
    for at in range(0, len(place.read_bytes()), 9):
        flip(place, at)
        a_process_of_its_own.clear()
        assert np.array_equal(cache.images(), CONTENT)
        assert json.loads(place.read_bytes())["sha256"] == hash_file(cache.file)


def test_whichever_bit_of_the_statistics_rots_mean_and_std_stay_right(cache: ImageCache) -> None:
    beside, expected = cache.file.with_suffix(".json"), cache.statistics()
    for at in range(0, len(beside.read_bytes()), 15):
        flip(beside, at)
        assert cache.statistics() == expected


def test_statistics_of_an_older_version_are_measured_again_to_the_same(cache: ImageCache) -> None:
    beside, (mean, std) = cache.file.with_suffix(".json"), cache.statistics()
    beside.write_text(json.dumps({"mean": [0.1, 0.1], "std": std}))
    assert cache.statistics() == (mean, std)
    assert "check" in json.loads(beside.read_text())


def test_a_cache_of_an_older_version_is_taken_as_it_is_and_sealed(
    cache: ImageCache, a_process_of_its_own: dict[object, object]
) -> None:
    place, before = cache.file.with_name(f"{cache.file.name}.sha256"), cache.file.stat().st_mtime_ns
    place.unlink()
    a_process_of_its_own.clear()
    cache.images()
    assert cache.file.stat().st_mtime_ns == before, "so its fingerprint is still known"
    assert place.exists()
    flip(cache.file, 200)
    a_process_of_its_own.clear()
    assert np.array_equal(cache.images(), CONTENT)


def test_a_process_reads_a_file_once(cache: ImageCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.images()
    monkeypatch.setattr(folder_seals, "hash_file", lambda _: pytest.fail("it was read again"))
    cache.images()


def test_a_large_file_is_read_once_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, a_process_of_its_own: dict[object, object]
) -> None:
    file, reads = tmp_path / "large.npy", []
    file.write_bytes(b"x" * 1000)
    seal(file)
    monkeypatch.setattr(folder_seals, "SMALL", 100)
    monkeypatch.setattr(folder_seals, "hash_file", lambda path: reads.append(path) or hash_file(path))

    def verified_by_another_process() -> bool:
        a_process_of_its_own.clear()
        return verifies(file)

    assert verified_by_another_process()
    assert reads == []
    place = tmp_path / "large.npy.sha256"
    for moment in (time.time() - 25 * 3600, time.time() + 3600):  # a day ago; a clock that was wrong
        os.utime(place, (moment, moment))
        assert verified_by_another_process()
        assert verified_by_another_process()
    assert len(reads) == 2
    flip(file, 500)
    assert verified_by_another_process(), "it was read within a day: that is the price"
    os.utime(place, (0, 0))
    assert not verified_by_another_process()


def test_a_folder_that_cannot_hold_the_seal_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.npy"
    file.write_bytes(b"x")
    (tmp_path / "x.npy.sha256").mkdir()
    assert not verifies(file)
    (tmp_path / "x.npy.sha256").rmdir()
    monkeypatch.setattr(type(file), "write_text", lambda *_: (_ for _ in ()).throw(OSError("read-only")))
    assert verifies(file)
    assert list(tmp_path.iterdir()) == [file]


def test_blocks_are_hashed_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_seals, "BLOCK", 4)
    hashes = set()
    for content in (b"aaaabbbb", b"bbbbaaaa", b"aaaabbb", b"", b"aaaabbbbc"):
        (tmp_path / "x").write_bytes(content)
        hashes.add(hash_file(tmp_path / "x"))
    assert len(hashes) == 5
