from __future__ import annotations

import pytest
import torch
from oracles import dm as oracle
from support.fakes import info_of, made_up_set
from support.matching_setup import recorded, statistics, tiny_task

from dcbench import RequestError
from dcbench_plugins.methods.dm import DM, DMSettings


@pytest.mark.parametrize("order", [1, 2, 3])
def test_it_is_the_literal_dm(order: int) -> None:
    task = tiny_task()
    settings = DMSettings(iterations=6, lr=0.1, batch_real=5, order=order)
    initial, draws = recorded(task, settings)
    mean, std = statistics(task.info)
    start = (initial - mean) / std
    expected = oracle.condense(start, draws, lr=0.1, momentum=0.5, mean=mean, std=std, order=order)
    condensed = DM().condense(task, settings)
    condensed.check(task.info, task.ipc)
    assert condensed.decoder.factor == DM().factor(settings) == 1
    assert (expected - start).abs().max() > 0.01
    expected = (expected * std + mean).flatten(0, 1).float()
    torch.testing.assert_close(condensed.stored_images(), expected, rtol=0, atol=1e-3)


def test_images_far_outside_the_range_are_taken_as_they_are() -> None:
    task = tiny_task()
    condensed = DM().condense(task, DMSettings(iterations=3, lr=100.0))
    condensed.check(task.info, task.ipc)
    assert condensed.stored_images().min() < -1


def test_settings_are_those_of_the_published_code() -> None:
    settings = DM().settings_for(info_of(made_up_set(), shape=(3, 32, 32)), 10)
    assert (settings.iterations, settings.lr, settings.batch_real, settings.iterations_per_model) == (
        20_000,
        1.0,
        256,
        1,
    )
    assert (settings.init, settings.factor, settings.augmentation) == ("random", 1, "dsa")
    assert settings.strategy == "color_crop_cutout_flip_scale_rotate"


def test_settings_for_tiny_images_are_a_short_run() -> None:
    assert DM().settings_for(info_of(made_up_set()), 10) == DMSettings(
        iterations=100, batch_real=64, network="convnet-tiny"
    )


def test_more_images_than_a_class_has_are_refused() -> None:
    info = info_of(made_up_set())
    with pytest.raises(RequestError, match="IPC of at most 12"):
        DM().validate(info, 13, DM().settings_for(info, 13))
