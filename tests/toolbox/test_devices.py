"""There is no GPU in most test machines: a stand-in for torch.cuda shows the order of operations."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import torch

from dcbench.api.errors import CaptureFailedError
from dcbench.api.ran import recording
from dcbench.toolbox import devices
from dcbench.toolbox.devices import (
    CapturedStep,
    missing_compiler,
    moved_if_room,
    retry_with_smaller_chunk,
    to_device_async,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEVICE = torch.device("cpu")


class Stream:
    def __init__(self, *_: Any) -> None:
        self.waited_for: list[Any] = []

    def wait_stream(self, other: Any) -> None:
        self.waited_for.append(other)


class FakeCuda:
    """Counts steps that ran, that were captured, and that were replayed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ran = self.captured = self.replayed = 0
        self.capturing = self.unjoined = False
        self.current = Stream()
        cuda = self

        class Graph:
            def replay(self) -> None:
                cuda.replayed += 1

        @contextmanager
        def graph(_: Any, **__: Any) -> Iterator[None]:
            cuda.capturing = True
            try:
                yield
            finally:
                cuda.capturing = False
                if cuda.unjoined:
                    raise RuntimeError("capturing stream has unjoined work")

        @contextmanager
        def stream(_: Any) -> Iterator[None]:
            yield

        stand_ins: dict[str, Any] = {
            "Stream": Stream,
            "CUDAGraph": Graph,
            "graph": graph,
            "stream": stream,
            "current_stream": lambda _: self.current,
            "synchronize": lambda _: None,
        }
        for name, stand_in in stand_ins.items():
            monkeypatch.setattr(torch.cuda, name, stand_in)

    def step(self) -> None:
        if self.capturing:
            self.captured += 1
        else:
            self.ran += 1

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.ran, self.captured, self.replayed


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    return FakeCuda(monkeypatch)


def calls(step: Callable[[], None], count: int) -> None:
    for _ in range(count):
        step()


def test_every_call_is_one_step_eager_at_first_and_replayed_later(cuda: FakeCuda) -> None:
    step = CapturedStep(cuda.step, DEVICE)
    calls(step, 3)
    assert cuda.counts == (3, 0, 0)
    assert cuda.current.waited_for == [step._stream] * 3
    calls(step, 1)
    assert cuda.counts == (3, 1, 1)
    calls(step, 5)
    assert cuda.counts == (3, 1, 6)


def test_a_step_that_has_changed_is_captured_anew(cuda: FakeCuda) -> None:
    step = CapturedStep(cuda.step, DEVICE)
    calls(step, 5)
    step.reset()
    calls(step, 5)
    assert cuda.counts == (6, 2, 4)


def test_a_step_that_cannot_be_captured_is_an_error_of_one_line(cuda: FakeCuda) -> None:
    def synchronises() -> None:
        if cuda.capturing:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")
        cuda.step()

    step = CapturedStep(synchronises, DEVICE)
    with recording() as ran:
        calls(step, 3)
        with pytest.raises(CaptureFailedError, match=r"graph: operation not permitted when stream is capturing$"):
            step()
    assert cuda.counts == (3, 0, 0)
    assert not ran.captured


def test_the_record_says_that_a_step_was_captured(cuda: FakeCuda) -> None:
    with recording() as ran:
        step = CapturedStep(cuda.step, DEVICE)
        calls(step, 3)
        assert not ran.captured
        calls(step, 1)
        assert ran.captured


def test_streams_join_after_an_error_too(cuda: FakeCuda) -> None:
    def fails() -> None:
        raise ValueError("in the middle")

    step = CapturedStep(fails, DEVICE)
    with pytest.raises(ValueError, match="in the middle"):
        step()
    assert cuda.current.waited_for == [step._stream]


def test_running_out_of_memory_while_capturing_is_the_business_of_the_caller(cuda: FakeCuda) -> None:
    room = False

    def full() -> None:
        if cuda.capturing and not room:
            raise torch.OutOfMemoryError("the device is full")
        cuda.step()

    step = CapturedStep(full, DEVICE)
    calls(step, 3)
    with pytest.raises(torch.OutOfMemoryError):
        step()
    room = True
    step.reset()
    calls(step, 5)
    assert cuda.counts == (6, 1, 2)


def test_the_end_of_a_capture_does_not_hide_that_memory_ran_out(cuda: FakeCuda) -> None:
    def full() -> None:
        if cuda.capturing:
            cuda.unjoined = True
            raise torch.OutOfMemoryError("the device is full")

    step = CapturedStep(full, DEVICE)
    calls(step, 3)
    with pytest.raises(torch.OutOfMemoryError, match="the device is full"):
        step()


def test_the_end_of_a_capture_does_not_hide_what_may_not_be_captured(cuda: FakeCuda) -> None:
    def spoils() -> None:
        if cuda.capturing:
            cuda.unjoined = True
            raise ValueError("numbers were sent to the GPU")

    step = CapturedStep(spoils, DEVICE)
    calls(step, 3)
    with pytest.raises(CaptureFailedError, match="graph: numbers were sent to the GPU"):
        step()


def test_on_the_cpu_there_is_nothing_to_copy() -> None:
    tensor = torch.ones(2)
    assert to_device_async(tensor, DEVICE) is tensor


class Crowded:
    """Stands for images that a device has no room for."""

    def to(self, _: torch.device) -> torch.Tensor:
        raise torch.OutOfMemoryError


def test_images_for_which_there_is_no_room_stay_where_they_are() -> None:
    images: Any = Crowded()
    assert moved_if_room(images, DEVICE) is images
    tensor = torch.ones(2)
    assert moved_if_room(tensor, DEVICE) is tensor


@pytest.mark.parametrize(
    ("triton", "found", "variable", "missing"),
    [
        (None, "/bin/gcc", "", "the package triton is not installed"),
        ("there", None, "", "there is no C compiler here; install gcc or clang, or name one in the variable CC"),
        ("there", None, "/opt/cc", ""),
        ("there", "/bin/gcc", "", ""),
    ],
)
def test_what_is_missing_to_compile_is_said_in_one_line(
    triton: str | None, found: str | None, variable: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "find_spec", lambda _: triton)
    monkeypatch.setattr(devices.shutil, "which", lambda _: found)
    monkeypatch.setenv("CC", variable)
    assert missing_compiler() == missing


class Device:
    """Has memory for `room` images at once."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.chunks: list[int] = []

    def __call__(self, chunk: int) -> str:
        self.chunks.append(chunk)
        if chunk > self.room:
            raise torch.OutOfMemoryError("the device is full")
        return f"done by {chunk}"


def test_half_as_many_are_tried_until_they_fit() -> None:
    device = Device(room=3)
    assert retry_with_smaller_chunk(device, 20) == "done by 2"
    assert device.chunks == [20, 10, 5, 2]


def test_what_does_not_fit_one_by_one_is_an_error() -> None:
    device = Device(room=0)
    with pytest.raises(torch.OutOfMemoryError, match="the device is full"):
        retry_with_smaller_chunk(device, 2)
    assert device.chunks == [2, 1]
