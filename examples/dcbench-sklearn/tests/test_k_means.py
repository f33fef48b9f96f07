from __future__ import annotations

import torch
from dcbench_sklearn.k_means import nearest_to_centres


def test_one_row_of_each_cluster() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    rows = centres.repeat(25, 1) + torch.randn(100, 2, generator=generator)
    picks = nearest_to_centres(rows, 4, starts=4, seed=0)
    assert sorted((picks % 4).tolist()) == [0, 1, 2, 3]
    for pick in picks.tolist():
        cluster = rows[pick % 4 :: 4]
        to_mean = torch.linalg.vector_norm(cluster - cluster.mean(0), dim=1)
        assert to_mean.argmin() == pick // 4


def test_one_image_per_class_is_the_one_nearest_to_the_mean() -> None:
    rows = torch.tensor([[0.0], [1.0], [2.0], [9.0]])
    assert nearest_to_centres(rows, 1, starts=1, seed=0).tolist() == [2]


def test_no_row_is_chosen_twice() -> None:
    rows = torch.randn(12, 3, generator=torch.Generator().manual_seed(1))
    assert sorted(nearest_to_centres(rows, 12, starts=1, seed=0).tolist()) == list(range(12))


def test_the_same_seed_gives_the_same_rows() -> None:
    rows = torch.randn(60, 5, generator=torch.Generator().manual_seed(2))
    picks = [nearest_to_centres(rows, 7, starts=1, seed=seed).tolist() for seed in (3, 3, 4)]
    assert picks[0] == picks[1] != picks[2]
