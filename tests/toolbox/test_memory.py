from __future__ import annotations

import pytest
import torch

from dcbench.toolbox.memory import halving


class Device:
    """Has room for so many images at once."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.asked: list[int] = []

    def __call__(self, chunk: int) -> str:
        self.asked.append(chunk)
        if chunk > self.room:
            raise torch.OutOfMemoryError("the device is full")
        return f"done by {chunk}"


def test_half_as_many_are_tried_until_they_fit() -> None:
    device = Device(room=3)
    assert halving(device, 20) == "done by 2"
    assert device.asked == [20, 10, 5, 2]


def test_what_does_not_fit_one_by_one_is_an_error() -> None:
    device = Device(room=0)
    with pytest.raises(torch.OutOfMemoryError, match="the device is full"):
        halving(device, 2)
    assert device.asked == [2, 1]
