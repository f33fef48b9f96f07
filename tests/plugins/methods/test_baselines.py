from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from support.fakes import MemoryTask, info_of, made_up_set

from dcbench import InvalidCondensedSetError, RequestError
from dcbench_plugins.methods.baselines import Imported, Random, Whole

TRAIN = made_up_set(classes=3, per_class=12)
INFO = info_of(TRAIN)
SETTINGS = Imported.Settings(name="theirs", factor=2)


def picks(ipc: int, seed: int) -> torch.Tensor:
    task = MemoryTask(TRAIN, INFO, ipc, seed=seed)
    condensed = Random().condense(task, Random.Settings())
    condensed.check(INFO, ipc)
    assert condensed.labels.tolist() == [label for label in range(3) for _ in range(ipc)]
    assert condensed.source_indices is not None
    return condensed.source_indices


@pytest.mark.parametrize("ipc", [1, 5, 12])
def test_random_draws_without_replacement(ipc: int) -> None:
    assert len(set(picks(ipc, seed=1).tolist())) == 3 * ipc


def test_same_seed_same_picks_other_seed_other_picks() -> None:
    assert torch.equal(picks(5, seed=1), picks(5, seed=1))
    assert not torch.equal(picks(5, seed=1), picks(5, seed=2))


def test_every_image_is_as_likely_as_any_other() -> None:
    draws = 600
    counts = torch.zeros(len(TRAIN))
    for seed in range(draws):
        counts[picks(3, seed)] += 1
    expected = draws * 3 / 12
    # Binomial: five standard deviations.
    assert (counts - expected).abs().max() < 5 * (expected * (1 - 3 / 12)) ** 0.5


def test_more_images_than_the_smallest_class_has_are_refused() -> None:
    with pytest.raises(RequestError, match="at most --ipc 12"):
        Random().validate(INFO, 13, Random.Settings())


def test_selects_every_image_once_in_the_order_of_the_dataset() -> None:
    condensed = Whole().condense(MemoryTask(TRAIN, INFO, ipc=1), Whole.Settings())
    assert condensed.source_indices is not None
    assert condensed.source_indices.tolist() == list(range(len(TRAIN)))
    assert torch.equal(condensed.labels, TRAIN.labels)


def test_passes_only_as_an_exempt_row() -> None:
    condensed = Whole().condense(MemoryTask(TRAIN, INFO, ipc=1), Whole.Settings())
    condensed.check(INFO, 1, budget_exempt=True)
    with pytest.raises(InvalidCondensedSetError, match="over budget"):
        condensed.check(INFO, 1)


def test_its_column_reads_as_the_name_of_the_set() -> None:
    assert Imported().label(SETTINGS) == "theirs"
    assert Imported().factor(SETTINGS) == 2


def test_a_set_that_went_away_cannot_be_made_again() -> None:
    with pytest.raises(RequestError, match="imported set 'theirs' of made-up is gone; import it again"):
        Imported().condense(MemoryTask(TRAIN, INFO, ipc=4), SETTINGS)


def test_a_name_is_needed() -> None:
    Imported().validate(INFO, 1, SETTINGS)
    with pytest.raises(RequestError, match=r"imported\[name=NAME\]"):
        Imported().validate(INFO, 1, Imported.Settings())
    with pytest.raises(ValidationError):
        Imported.Settings(name="../x")
