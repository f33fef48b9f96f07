from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from collections import namedtuple
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.image_folder import mean_and_std
from support.processes import wait_until

from dcbench import RequestError
from dcbench_plugins.datasets import folder_cache, folder_seals
from dcbench_plugins.datasets.folder_cache import ImageCache, measure, write_header

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (150, 2, 3, 3)
CONTENT = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)


DECODE_AND_LOG = """
import sys, time, numpy
from pathlib import Path
from dcbench_plugins.datasets.folder_cache import ImageCache

def read(position):
    time.sleep(float(sys.argv[3]))
    with open(sys.argv[2], "a") as journal:
        journal.write(f"{position}\\n")
    return numpy.zeros((2, 3, 3), numpy.uint8)

ImageCache(Path(sys.argv[1]), (150, 2, 3, 3), read).images()
"""
DECODE_AND_MEASURE = """
import resource, sys, numpy
from pathlib import Path
from dcbench_plugins.datasets.folder_cache import ImageCache

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

cache = ImageCache(Path(sys.argv[1]), (2000, 3, 160, 160), lambda position: numpy.full((3, 160, 160), 1, numpy.uint8))
before = peak()
cache.images()
print(peak() - before)
"""


@given(
    count=st.integers(1, 9), channels=st.sampled_from([1, 3]), side=st.integers(1, 5), block=st.sampled_from([1, 40])
)
@settings(max_examples=25)
def test_measure_sums_pixel_by_pixel(count: int, channels: int, side: int, block: int) -> None:
    images = np.random.default_rng(count).integers(0, 256, (count, channels, side, side), dtype=np.uint8)
    before, folder_cache.BLOCK = folder_cache.BLOCK, block
    try:
        mean, std = measure(images)
    finally:
        folder_cache.BLOCK = before
    expected = mean_and_std(images)
    np.testing.assert_allclose(mean, expected[0], rtol=1e-12)
    np.testing.assert_allclose(std, expected[1], rtol=1e-9, atol=1e-9)


def test_every_image_is_at_its_place(tmp_path: Path) -> None:
    cache = ImageCache(tmp_path / "new" / "x.train.npy", SHAPE, lambda position: CONTENT[position])
    np.testing.assert_array_equal(cache.images(), CONTENT)


def test_two_processes_decode_once_between_them(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DECODE_AND_LOG, str(tmp_path / "x.npy"), str(tmp_path / "journal"), "0.002"]
    for worker in [subprocess.Popen(command) for _ in range(2)]:
        assert worker.wait(60) == 0
    assert sorted(map(int, (tmp_path / "journal").read_text().split())) == list(range(len(CONTENT)))


def test_what_a_killed_process_left_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "x.partial").write_bytes(b"half")
    cache = ImageCache(tmp_path / "x.npy", SHAPE, lambda position: CONTENT[position])
    np.testing.assert_array_equal(cache.images(), CONTENT)
    assert not (tmp_path / "x.partial").exists()


def test_what_a_process_was_decoding_when_it_was_killed_is_never_used(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    command = [sys.executable, "-c", DECODE_AND_LOG, str(tmp_path / "x.npy"), str(journal), "0.05"]
    with subprocess.Popen(command) as worker:
        wait_until(journal.exists)
        worker.kill()
    assert (tmp_path / "x.partial").exists()
    assert not (tmp_path / "x.npy").exists()
    cache = ImageCache(tmp_path / "x.npy", SHAPE, lambda position: CONTENT[position])
    np.testing.assert_array_equal(cache.images(), CONTENT)


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory in kilobytes")
def test_decoding_holds_few_images_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DECODE_AND_MEASURE, str(tmp_path / "x.npy")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 40_000  # of 150,000


def test_a_cache_may_be_larger_than_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_seals, "hash_file", lambda _: "")  # that would take an hour
    shape = (10_000_000, 3, 224, 224)
    write_header(tmp_path / "x.npy", shape)  # 1.5 TB of holes
    images = ImageCache(tmp_path / "x.npy", shape, lambda position: CONTENT[position]).images()
    assert images.shape == shape
    assert not images[-1].any()


def test_a_disk_that_fills_up_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def read(position: int) -> np.ndarray:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        return CONTENT[position]

    try:
        with pytest.raises(RequestError, match=r"x\.npy cannot be written: .*DCBENCH_CACHE") as caught:
            ImageCache(tmp_path / "x.npy", SHAPE, read).images()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["x.lock"]


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1))
    with pytest.raises(RequestError, match=r"x\.npy cannot be written: .*GB are free; .*DCBENCH_CACHE"):
        ImageCache(tmp_path / "x.npy", SHAPE, lambda position: CONTENT[position]).images()
