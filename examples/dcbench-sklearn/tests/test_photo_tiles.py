from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dcbench_sklearn import photo_tiles
from PIL import Image

from dcbench import MissingDataError, Settings, UnreadableDataError

DATASET = photo_tiles.PhotoTiles(Path(), "", Settings())


def test_the_splits_hold_every_tile_once() -> None:
    found = {tile.numpy().tobytes() for split in ("train", "test") for tile in DATASET.load(split).images}
    cut = set()
    for file in DATASET.files("train"):
        pixels = np.array(Image.open(file).convert("RGB"))
        for top in range(0, 416, 32):
            for left in range(0, 640, 32):
                cut.add(pixels[top : top + 32, left : left + 32].transpose(2, 0, 1).tobytes())
    assert len(cut) == 520
    assert found == cut


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_tiles, "find_spec", lambda _: None)
    with pytest.raises(MissingDataError, match=r"china\.jpg.*pip install scikit-learn"):
        DATASET.files("train")


def test_a_damaged_photograph_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    damaged = tmp_path / "china.jpg"
    damaged.write_bytes(b"no photograph")
    monkeypatch.setattr(photo_tiles.PhotoTiles, "files", lambda *_: [damaged])
    with pytest.raises(UnreadableDataError, match=str(damaged)):
        DATASET.load("train")
