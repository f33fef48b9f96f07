from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from support.command_line import CommandLine


def _of_m3d(results: Path) -> tuple[dict[str, np.ndarray], dict[str, list[float]]]:
    """Return the arrays of the condensed set, snapshots included, and the metrics of its evaluation."""
    arrays: dict[str, np.ndarray] = {}
    (condensed,) = results.glob("digits/m3d/ipc1/*.condensed.h5")
    with h5py.File(condensed) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    (evaluation,) = results.glob("digits/m3d/ipc1/*.accuracy-*.h5")
    with h5py.File(evaluation) as file:
        return arrays, {name: values[()].tolist() for name, values in file["figures"].items()}


@pytest.mark.slow
def test_the_same_cell_has_the_same_bits_in_two_stores_whatever_stands_beside_it(
    dcbench: CommandLine, tmp_path: Path
) -> None:
    small = ("--datasets", "digits", "--ipc", "1", "--repeats", "1", "--networks", "convnet[width=8]", "--seeds", "0")
    grid = ("run", *small, "--device", "cpu", "--methods")
    one = dcbench(*grid, "m3d[iterations=3]", "--results", "one", cwd=tmp_path)
    two = dcbench(*grid, "random,m3d[iterations=3]", "--results", "two", cwd=tmp_path)
    assert (one.code, two.code) == (0, 0), one.err + two.err
    (first, metrics), (second, others) = _of_m3d(tmp_path / "one"), _of_m3d(tmp_path / "two")
    assert first["images"].shape == (10, 1, 8, 8)
    assert not np.array_equal(first["images"], first["snapshots/0/images"]), "matching has moved the images"
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)
    assert metrics == others
