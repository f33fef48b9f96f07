from __future__ import annotations

import pytest

from dcbench.api.errors import RequestError
from dcbench.cli.common import filter_of
from dcbench.report.filters import Filter


@pytest.mark.parametrize("name", ["methods", "datasets", "evaluators", "networks"])
def test_a_list_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match=f"--{name} names nothing; leave it out for all"):
        filter_of({"networks": None, "ipc": None, "seeds": None} | {name: ()})


def test_a_network_is_found_however_its_settings_are_written() -> None:
    options = {"networks": ("convnet[width=8, depth=2]", "resnet10"), "methods": None, "ipc": "1-2", "seeds": None}
    assert filter_of(options) == Filter(networks=("convnet[depth=2,width=8]", "resnet10"), ipc=(1, 2))
