from __future__ import annotations

from pathlib import Path

import pytest
from made_cells import made_cell

from dcbench.engine.bench import _particulars
from dcbench.engine.cells import AssembleJob, CondenseJob, Job
from dcbench.engine.executors.schedule import Finished

CELL = made_cell()


@pytest.mark.parametrize(
    ("job", "particulars"),
    [
        (CondenseJob(cell=CELL), {}),
        (CondenseJob(cell=CELL, classes=range(3)), {"classes": "0-2"}),
        (AssembleJob(cell=CELL), {}),
    ],
    ids=["whole", "part", "assembled"],
)
def test_observers_can_tell_a_part_from_a_whole_set(job: Job, particulars: dict[str, str]) -> None:
    assert _particulars(Finished(job, 0, Path("x.h5"), 1.0)) == particulars
