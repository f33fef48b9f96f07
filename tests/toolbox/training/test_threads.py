from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from dcbench.toolbox.training.threads import Stopped, run_in_threads


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_jobs_have_one_thread_each_and_the_caller_keeps_its_own() -> None:
    seen: list[int] = []
    run_in_threads([lambda _: seen.append(torch.get_num_threads())] * 5, 2)
    assert seen == [1] * 5
    assert torch.get_num_threads() == 2


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
