from __future__ import annotations

import pytest
import torch
from oracles import m3d as oracle
from support.fakes import MemoryTask, info_of, made_up_set
from support.matching_setup import recorded, statistics, tiny_task

from dcbench import RequestError
from dcbench_plugins.methods.m3d import M3D, M3DSettings


@pytest.mark.parametrize("kernel", ["gaussian", "linear", "polynomial"])
def test_it_is_the_literal_m3d_under_each_kernel(kernel: str) -> None:
    lr = {"gaussian": 5.0, "linear": 0.5, "polynomial": 0.01}[kernel]
    task = tiny_task(ipc=1)
    settings = M3DSettings(iterations=3, kernel=kernel, lr=lr, batch_real=4)
    initial, draws = recorded(task, settings)
    mean, std = statistics(task.info)
    expected = oracle.condense(initial, draws, lr=lr, momentum=0.5, factor=2, kernel=kernel, mean=mean, std=std)
    condensed = M3D().condense(task, settings)
    condensed.check(task.info, task.ipc)
    assert condensed.decoder.factor == M3D().factor(settings) == 2
    assert (expected - initial).abs().max() > 0.01
    # The bench works in single precision, the oracle in double.
    expected = expected.flatten(0, 1).float()
    torch.testing.assert_close(condensed.stored_images(), expected, rtol=0, atol=2e-3)


def test_cifar100_is_normalised_as_the_published_code_does(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr("dcbench_plugins.methods.m3d.match", lambda *_, statistics, **__: asked.append(statistics))
    train = made_up_set(channels=3)
    for name in ("cifar100", "cifar10"):
        info = info_of(train, name=name, mean=(0.5, 0.6, 0.7), std=(0.2, 0.3, 0.4))
        M3D().condense(MemoryTask(train, info, 1), M3DSettings())
    assert asked == [((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)), ((0.5, 0.6, 0.7), (0.2, 0.3, 0.4))]


def test_settings_for_small_images_are_the_papers_with_lr_times_ipc() -> None:
    info = info_of(made_up_set(per_class=50), shape=(1, 28, 28))
    settings = M3D().settings_for(info, 10)
    assert settings == M3DSettings(lr=10.0)
    assert (settings.iterations, settings.iterations_per_model, settings.batch_real) == (10_000, 5, 128)
    assert (settings.factor, settings.init, settings.batch_syn_max) == (2, "mix", 200)
    assert (settings.augmentation, settings.strategy, settings.kernel) == ("diffaug", "color_crop_cutout", "gaussian")


def test_settings_for_large_images_are_the_papers() -> None:
    info = info_of(made_up_set(per_class=200), shape=(3, 224, 224))
    settings = M3D().settings_for(info, 10)
    assert (settings.factor, settings.lr, settings.iterations, settings.batch_real) == (3, 0.1, 1000, 128)
    assert settings.network == "resnetap10"


def test_settings_for_tiny_images_are_a_short_run() -> None:
    settings = M3D().settings_for(info_of(made_up_set()), 10)
    assert settings == M3DSettings(factor=1, lr=0.5, iterations=100, batch_real=64, network="convnet-tiny")


def test_recommended_settings_always_fit() -> None:
    info = info_of(made_up_set(per_class=12), shape=(1, 28, 28))
    for ipc, factor in ((1, 2), (3, 2), (4, 1), (12, 1)):
        settings = M3D().settings_for(info, ipc)
        assert settings.factor == factor
        M3D().validate(info, ipc, settings)
    with pytest.raises(RequestError, match="at most 12"):
        M3D().validate(info, 13, M3D().settings_for(info, 13))
