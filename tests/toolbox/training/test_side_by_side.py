from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import pytest
import torch
from support.training_setup import RECIPES, data, network_of, recipe_of, seeded
from torch import nn

from dcbench import TrainingRecipe
from dcbench.api.errors import CaptureFailedError
from dcbench.api.ran import recording
from dcbench.toolbox.networks import ConvNet
from dcbench.toolbox.training import side_by_side, train, train_side_by_side
from dcbench.toolbox.training.ensemble import Ensemble

if TYPE_CHECKING:
    from dcbench.toolbox.training.ensemble import Advance

import threading

from dcbench.toolbox.training.side_by_side import Stopped, run_in_threads


@pytest.fixture(autouse=True)
def restored_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def together(networks: list[nn.Module], recipe: TrainingRecipe = RECIPES["idc"]) -> list[tuple[int, int]]:
    done: list[tuple[int, int]] = []
    train_side_by_side(
        networks,
        *data(),
        recipe,
        generators=[seeded(number) for number in range(len(networks))],
        after_epoch=lambda number, epoch: done.append((number, epoch)),
    )
    return done


def weights(networks: list[nn.Module]) -> list[torch.Tensor]:
    return list(chain.from_iterable(network.state_dict().values() for network in networks))


def alone(networks: list[nn.Module], recipe: TrainingRecipe = RECIPES["idc"]) -> list[nn.Module]:
    for number, network in enumerate(networks):
        train(network, *data(), recipe, generator=seeded(number))
    return networks


def convnets() -> list[nn.Module]:
    networks: list[nn.Module] = []
    for seed in range(3):
        torch.manual_seed(seed)
        networks.append(ConvNet((3, 5, 5), 3, depth=1, width=16))
    return networks


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_on_a_cpu_the_bits_are_those_of_training_alone_with_one_thread(threads: int) -> None:
    torch.set_num_threads(threads)
    networks = convnets()
    done = together(networks)
    assert torch.get_num_threads() == threads
    torch.set_num_threads(1)
    for ours, theirs in zip(weights(networks), weights(alone(convnets())), strict=True):
        assert torch.equal(ours, theirs)
    for number in range(3):
        assert [epoch for which, epoch in done if which == number] == [1, 2, 3, 4]


def test_dropout_draws_as_one_after_another() -> None:
    def dropping() -> list[nn.Module]:
        return [nn.Sequential(network_of(seed)[:-1], nn.Dropout(0.5), network_of(seed)[-1]) for seed in range(4)]

    torch.set_num_threads(2)
    networks, others = dropping(), dropping()
    torch.manual_seed(5)
    done = together(networks)
    torch.manual_seed(5)
    alone(others)
    assert done == [(number, epoch) for number in range(4) for epoch in (1, 2, 3, 4)]
    for ours, theirs in zip(weights(networks), weights(others), strict=True):
        assert torch.equal(ours, theirs)


def test_an_error_in_one_network_reaches_the_caller() -> None:
    def look(number: int, epoch: int) -> None:
        if (number, epoch) == (1, 2):
            raise ArithmeticError("no more")

    torch.set_num_threads(2)
    generators = [seeded(number) for number in range(3)]
    with pytest.raises(ArithmeticError, match="no more"):
        train_side_by_side(convnets(), *data(), recipe_of(), generators=generators, after_epoch=look)
    assert torch.get_num_threads() == 2


def test_every_network_needs_a_generator_and_every_image_a_label() -> None:
    images, labels = data()
    with pytest.raises(ValueError, match="3 networks cannot train with 1 generators"):
        train_side_by_side(
            convnets(), images, labels, recipe_of(), generators=[seeded()], after_epoch=lambda number, epoch: None
        )
    with pytest.raises(ValueError, match="7 images with 6 labels"):
        train_side_by_side(
            [network_of()], images, labels[:6], recipe_of(), generators=[seeded()], after_epoch=lambda n, e: None
        )


class TestCaptured:
    """The code around the capture, with steps that are not captured."""

    def training(self, networks: list[nn.Module], done: list[tuple[int, int]]) -> side_by_side._Training:
        trainees = [side_by_side._Trainee(number, each, seeded(number)) for number, each in enumerate(networks)]
        images, labels = data()
        return side_by_side._Training(
            trainees, images, labels, RECIPES["idc"], lambda number, epoch: done.append((number, epoch))
        )

    def check(self, networks: list[nn.Module]) -> None:
        for ours, theirs in zip(
            weights(networks), weights(alone([network_of(0), network_of(1), network_of(2)])), strict=True
        ):
            torch.testing.assert_close(ours, theirs)

    def test_all_advance_together(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Ensemble, "captured", lambda ensemble: ensemble.one_by_one)
        networks: list[nn.Module] = [network_of(0), network_of(1), network_of(2)]
        done: list[tuple[int, int]] = []
        self.training(networks, done).captured()
        assert done == [(number, epoch) for epoch in (1, 2, 3, 4) for number in range(3)]
        self.check(networks)

    def test_fewer_at_once_where_memory_is_short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sizes: list[int] = []

        def short(ensemble: Ensemble) -> Advance:
            sizes.append(len(ensemble.steps))
            if len(ensemble.steps) > 1:
                raise torch.OutOfMemoryError
            return ensemble.one_by_one

        monkeypatch.setattr(Ensemble, "captured", short)
        networks: list[nn.Module] = [network_of(0), network_of(1), network_of(2)]
        done: list[tuple[int, int]] = []
        self.training(networks, done).captured()
        assert sizes == [3, 1, 2, 1, 1]
        assert done == [(number, epoch) for number in range(3) for epoch in (1, 2, 3, 4)]
        self.check(networks)

    def test_one_that_does_not_fit_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def never(ensemble: Ensemble) -> Advance:
            raise torch.OutOfMemoryError("full")

        monkeypatch.setattr(Ensemble, "captured", never)
        with pytest.raises(torch.OutOfMemoryError, match="full"):
            self.training([network_of(0), network_of(1)], []).captured()

    def test_images_that_find_no_room_are_tried_with_fewer_networks_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[int] = []
        ensemble_of = side_by_side._Training._ensemble

        def short(training: side_by_side._Training) -> Ensemble:
            made.append(len(training.trainees))
            if len(training.trainees) > 1:
                raise torch.OutOfMemoryError
            return ensemble_of(training)

        monkeypatch.setattr(side_by_side._Training, "_ensemble", short)
        monkeypatch.setattr(Ensemble, "captured", lambda ensemble: ensemble.one_by_one)
        networks: list[nn.Module] = [network_of(0), network_of(1), network_of(2)]
        with recording() as ran:
            self.training(networks, []).captured()
        assert made == [3, 1, 2, 1, 1]
        assert ran.captured
        self.check(networks)

    def test_a_step_that_cannot_be_captured_is_an_error_of_one_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuses(ensemble: Ensemble) -> Advance:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")

        monkeypatch.setattr(Ensemble, "captured", refuses)
        networks: list[nn.Module] = [network_of(0), network_of(1)]
        with recording() as ran, pytest.raises(CaptureFailedError, match=r"graph: operation not permitted.*capturing$"):
            self.training(networks, []).captured()
        assert not ran.captured


TWO = pytest.mark.usefixtures("two_threads")


@pytest.fixture
def two_threads(restored_threads: None) -> None:
    torch.set_num_threads(2)


@TWO
def test_jobs_have_one_thread_each_and_the_caller_keeps_its_own() -> None:
    seen: list[int] = []
    run_in_threads([lambda _: seen.append(torch.get_num_threads())] * 5, 2)
    assert seen == [1] * 5
    assert torch.get_num_threads() == 2


@TWO
def test_later_threads_have_the_callers_number_too() -> None:
    run_in_threads([lambda _: None], 1)
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert seen == [2]


def test_so_many_at_once_and_no_more() -> None:
    together = threading.Barrier(2)
    lock, running, most = threading.Lock(), 0, 0

    def job(_: threading.Event) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(timeout=20)
        with lock:
            running -= 1

    run_in_threads([job] * 4, 2)
    assert most == 2


@TWO
def test_an_error_reaches_the_caller_and_stops_the_others() -> None:
    stopped, never = threading.Event(), threading.Event()

    def fails(_: threading.Event) -> None:
        raise KeyError("broken")

    def patient(stop: threading.Event) -> None:
        assert stop.wait(timeout=20)
        stopped.set()
        raise Stopped

    with pytest.raises(KeyError, match="broken"):
        run_in_threads([patient, fails, lambda _: never.set()], 1 + 1)
    assert stopped.is_set()
    assert torch.get_num_threads() == 2


def test_backward_runs_on_the_thread_that_asks_for_it() -> None:
    seen: list[tuple[int, int]] = []

    def job(_: threading.Event) -> None:
        value = torch.ones(3, requires_grad=True)
        value.register_hook(lambda _: seen.append((threading.get_ident(), torch.get_num_threads())))
        value.sum().backward()
        seen.append((threading.get_ident(), 1))

    run_in_threads([job], 1)
    assert seen[0] == seen[1]
