from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dcbench import RequestError
from dcbench.engine.exchange import npz_file

IMAGES = np.random.default_rng(0).integers(0, 4, (2, 1, 3, 3), dtype=np.uint8)
LABELS = np.arange(2)


@pytest.mark.parametrize("factor", [2, [2], None])
def test_images_labels_and_factor_are_those_of_the_arrays(tmp_path: Path, factor: int | list[int] | None) -> None:
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=LABELS, **({} if factor is None else {"factor": factor}))
    held = npz_file.read(tmp_path / "x.npz")
    assert torch.equal(held.images, torch.from_numpy(IMAGES))
    assert torch.equal(held.labels, torch.from_numpy(LABELS))
    assert held.factor == (None if factor is None else 2)


def test_a_factor_that_is_no_single_number_is_one_line(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=LABELS, factor=[2, 3])
    with pytest.raises(RequestError, match=r"x\.npz: its factor is '\[2, 3\]', not a whole number"):
        npz_file.read(tmp_path / "x.npz")


def test_whatever_byte_is_damaged_the_line_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez_compressed(path, images=IMAGES, labels=LABELS)
    whole = path.read_bytes()
    told = []
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        try:
            npz_file.read(path)  # not every byte is under a checksum
        except RequestError as error:
            told.append(str(error))
    assert told
    assert all(str(path) in line and "\n" not in line for line in told)
