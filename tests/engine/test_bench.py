from __future__ import annotations

from pathlib import Path

import pytest
from made_cells import made_cell, made_trial

from dcbench.engine.bench import _drop_older, _particulars
from dcbench.engine.cells import AssembleJob, CondenseJob, EvaluateJob, Job
from dcbench.engine.executors.schedule import Finished
from dcbench.engine.store.layout import Layout

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


def test_older_repeats_of_the_same_networks_go_even_if_another_front_end_is_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, trial = Layout(tmp_path), made_trial(CELL)
    new, old, more = (layout.evaluation(trial, range(*ends)) for ends in ((0, 3), (0, 1), (2, 5)))
    for path in (new, old, more):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = layout.evaluations(trial)
    old.unlink()
    monkeypatch.setattr(Layout, "evaluations", lambda *_: found)
    _drop_older(Finished(EvaluateJob(trial=trial, first=0, stop=3), 0, new, 1.0), layout)
    assert sorted(path.parent.iterdir()) == sorted([new, more])
