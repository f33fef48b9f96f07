from __future__ import annotations

from typing import Any

import pytest
from support.fakes import info_of, made_up_set

from dcbench import RequestError
from dcbench.toolbox.matching import MatchingSettings, largest_factor, validate


@pytest.mark.parametrize(
    ("ipc", "changes", "text"),
    [
        (1, {"factor": 9}, "factor=9: at most 8"),
        (4, {"factor": 2, "init": "mix"}, "init=mix takes 16 images .* has 12. Allowed: factor=1"),
        (4, {"factor": 2, "init": "mix-bilinear"}, "init=mix-bilinear takes 16 images .* has 12. Allowed: factor=1"),
        (13, {"init": "random"}, "init=random takes 13 images .* has 12. Allowed: init=noise, or an IPC of at most 12"),
        (13, {"init": "mix", "factor": 2}, "Allowed: init=noise, or an IPC of at most 12"),
        (1, {"augmentation": "dsa", "strategy": "color_blur"}, "strategy=color_blur: .*blur"),
    ],
)
def test_what_cannot_work_is_refused_with_what_would(ipc: int, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(RequestError, match=text):
        validate(info_of(made_up_set()), ipc, MatchingSettings().changed(changes))


@pytest.mark.parametrize(
    ("ipc", "changes"),
    [(3, {"factor": 2, "init": "mix"}), (12, {"factor": 2}), (50, {"factor": 8, "init": "noise"})],
)
def test_what_just_fits_is_accepted(ipc: int, changes: dict[str, Any]) -> None:
    validate(info_of(made_up_set()), ipc, MatchingSettings().changed(changes))


def test_largest_factor_that_a_class_can_fill() -> None:
    assert [largest_factor(3, 40, ipc) for ipc in (1, 4, 5, 10, 11, 50)] == [3, 3, 2, 2, 1, 1]
