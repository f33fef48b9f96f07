from __future__ import annotations

import pytest
from support.fakes import info_of, made_up_set

from dcbench import Origin
from dcbench.toolbox.recipes import origins_at

ORIGINS = {
    "a": Origin("published", "paper"),
    "b": Origin("inferred", "its metrics"),
    "c": Origin("extrapolated", "from another method"),
    "d": Origin("chosen", "it is fast"),
}


def at(name: str, ipc: int) -> dict[str, Origin]:
    info = info_of(made_up_set(), name=name)
    return origins_at(info, ipc, ORIGINS, datasets=("mnist", "svhn"), ipcs=(1, 10))


@pytest.mark.parametrize(("name", "ipc"), [("mnist", 1), ("svhn", 10)])
def test_origins_are_as_given_where_their_sources_speak(name: str, ipc: int) -> None:
    assert at(name, ipc) == ORIGINS


@pytest.mark.parametrize(("name", "ipc"), [("mnist", 2), ("cifar10", 1), ("cifar10", 2)])
def test_elsewhere_what_sources_say_is_extrapolated_and_the_rest_stays(name: str, ipc: int) -> None:
    found = at(name, ipc)
    assert str(found["a"]) == "extrapolated: from other data or IPCs, where it is published: paper"
    assert str(found["b"]) == "extrapolated: from other data or IPCs, where it is inferred: its metrics"
    assert (found["c"], found["d"]) == (ORIGINS["c"], ORIGINS["d"])
