from __future__ import annotations

import pytest
from training_setup import recipe_of

from dcbench.toolbox.training.schedule import schedule


def test_the_rate_drops_at_every_milestone_and_stays_there() -> None:
    rates = list(schedule(recipe_of(epochs=5, lr=1.0, gamma=0.5, milestones=(1, 4))))
    assert [rate.lr for rate in rates] == pytest.approx([1, 0.5, 0.5, 0.5, 0.25])
    assert not any(rate.fresh for rate in rates)


def test_momentum_starts_anew_at_milestones_where_the_recipe_says_so() -> None:
    rates = schedule(recipe_of(epochs=4, milestones=(2, 9), reset_momentum=True))
    assert [rate.fresh for rate in rates] == [False, False, True, False]


def test_a_milestone_before_the_first_epoch_counts() -> None:
    assert next(schedule(recipe_of(lr=1.0, gamma=0.5, milestones=(0,)))).lr == pytest.approx(0.5)
