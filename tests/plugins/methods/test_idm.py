from __future__ import annotations

import pytest
import torch
from oracles import idm as oracle
from support.fakes import info_of, made_up_set
from support.matching_setup import TinyClassifier, recorded_queue, statistics, tiny_task

from dcbench import RequestError
from dcbench_plugins.methods.idm import IDM, IDMSettings


def test_it_is_the_literal_idm() -> None:
    task = tiny_task(ipc=1, network=lambda _: TinyClassifier())
    settings = IDMSettings(iterations=4, batch_real=4, iterations_per_model=2, train_batch=8, ce_weight=0.02)
    initial, draws, networks = recorded_queue(task, settings)
    mean, std = statistics(task.info)
    recipe = oracle.Recipe(
        lr=0.2,
        momentum=0.5,
        factor=2,
        size=100,
        interval=2,
        window=100,
        ce_weight=0.02,
        train_lr=0.01,
        train_momentum=0.9,
        train_weight_decay=5e-4,
    )
    train = (task.train.images.double() / 255, task.train.labels)
    start = (initial - mean) / std
    expected = oracle.condense(start, draws, networks, train, recipe, mean=mean, std=std)
    condensed = IDM().condense(task, settings)
    condensed.check(task.info, task.ipc)
    assert condensed.decoder.factor == IDM().factor(settings) == 2
    assert (expected - start).abs().max() > 0.02
    # The bench works in single precision, the oracle in double.
    expected = (expected * std + mean).flatten(0, 1).float()
    torch.testing.assert_close(condensed.stored_images(), expected, rtol=0, atol=1e-3)


def test_the_recommended_factor_always_fits() -> None:
    info = info_of(made_up_set(per_class=12), shape=(3, 32, 32))
    for ipc, factor in ((1, 2), (3, 2), (4, 1), (12, 1)):
        settings = IDM().settings_for(info, ipc)
        assert settings.factor == factor
        IDM().validate(info, ipc, settings)
        assert (IDM().origins_for(info, ipc)["factor"].kind == "chosen") == (factor == 1)
    with pytest.raises(RequestError, match="at most 12"):
        IDM().validate(info, 13, IDM().settings_for(info, 13))


@pytest.mark.parametrize(("ipc", "lr", "ce_weight"), [(1, 0.2, 0.5), (10, 0.05, 0.1)])
def test_settings_for_tiny_images_are_a_short_run(ipc: int, lr: float, ce_weight: float) -> None:
    info = info_of(made_up_set(per_class=12))
    settings = IDM().settings_for(info, ipc)
    assert (settings.iterations, settings.factor, settings.batch_real) == (100, 1, 64)
    assert (settings.lr, settings.ce_weight) == (lr, ce_weight)
    IDM().validate(info, ipc, settings)
