from __future__ import annotations

from importlib import import_module

import pytest
from support.matching_setup import TinyClassifier, tiny_task


@pytest.mark.parametrize("name", ["DM", "M3D", "IDM"])
@pytest.mark.parametrize("iterations", [0, 12])
def test_a_matching_method_keeps_the_snapshots_that_it_announces(name: str, iterations: int) -> None:
    method = getattr(import_module(f"dcbench_plugins.methods.{name.lower()}"), name)()
    task = tiny_task(network=lambda _: TinyClassifier())
    changes = {"iterations": iterations, "factor": 1, "init": "random", "batch_real": 2}
    settings = method.settings_for(task.info, task.ipc).changed(changes)
    method.condense(task, settings)
    assert tuple(task.kept) == method.snapshot_steps(settings) == ((0, 10) if iterations else (0,))
