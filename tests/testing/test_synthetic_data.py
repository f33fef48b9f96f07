from __future__ import annotations

import pytest
import torch

from dcbench.testing.synthetic_data import Settings, Situation, SyntheticDataset


@pytest.mark.parametrize("form", [{}, {"channels": 3, "size": 9}, {"smallest": 3, "largest": 12}])
def test_images_are_as_described_and_the_same_every_time(tmp_path, form):
    data = SyntheticDataset(tmp_path, "", Settings(**form))
    info = data.info()
    for split, counts in (("train", info.train_counts), ("test", info.test_counts)):
        images = data.load(split)
        assert tuple(images.images.shape[1:]) == info.shape
        assert tuple(torch.bincount(images.labels).tolist()) == counts
        assert torch.equal(images.images, data.load(split).images)


def test_mean_and_std_are_about_those_of_the_pixels(tmp_path):
    data = SyntheticDataset(tmp_path, "", Settings(channels=3))
    pixels = data.load("train").images.float() / 255
    assert pixels.mean((0, 2, 3)).tolist() == pytest.approx(data.info().mean, abs=0.03)
    assert pixels.std((0, 2, 3)).tolist() == pytest.approx(data.info().std, abs=0.03)


def test_a_situation_is_written_as_a_person_reads_it():
    assert str(Situation(channels=3, size=9, smallest=5, largest=15)) == "3 x 9 x 9 px, 5 to 15 images per class, IPC 2"
    assert Situation(smallest=3).info().train_counts == (3, 12, 12)
