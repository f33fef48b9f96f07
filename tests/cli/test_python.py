"""The same from Python: `dcbench.run`, `dcbench.load` and `dcbench.frame`, in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import json, sys
import dcbench

heavy = sorted({"torch", "pandas", "pydantic", "rich"} & set(sys.modules))
options = dict(methods=["toy-first", "toy-slow[iterations=2]"], datasets="toy", evaluators="count", ipc=[1, 2],
               device="cpu", set=["toy-slow.pause=0"], data=sys.argv[1], repeats=3)
outcome = dcbench.run(**options)
again = dcbench.run(**options)
table = dcbench.frame("results")
sets = {path.parts[2]: dcbench.load(path, sys.argv[1]) for path in outcome.results.glob("toy/*/ipc2/*.condensed.h5")}
refused = []
for wrong in (
    lambda: dcbench.run(methods="toy-frst", datasets="toy"),
    lambda: dcbench.run(dry_run=True),
    lambda: dcbench.run(ipc=1.5),
    lambda: dcbench.load("nowhere.h5"),
    lambda: dcbench.frame("typo"),
):
    try:
        wrong()
    except dcbench.RequestError as error:
        refused.append(str(error))
print(json.dumps({
    "heavy": heavy,
    "first": [outcome.ok, outcome.finished, outcome.failed, outcome.skipped],
    "again": [again.ok, again.finished],
    "rows": len(table),
    "labels": sorted(table["label"].unique()),
    "sets": {name: [list(s.tensors[0].shape), str(s.tensors[0].dtype), s.tensors[1].tolist(),
                    float(s.tensors[0].min()) >= 0, float(s.tensors[0].max()) <= 1] for name, s in sets.items()},
    "refused": refused,
}))
"""


@pytest.fixture(scope="module")
def told(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the script says."""
    home = tmp_path_factory.mktemp("python")
    call = [sys.executable, "-W", "error", "-c", SCRIPT, str(home / "data")]
    done = subprocess.run(call, check=False, capture_output=True, text=True, cwd=home, timeout=200)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "a call from Python prints nothing"
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_importing_dcbench_costs_nothing(told: dict[str, object]) -> None:
    assert told["heavy"] == []


def test_a_run_returns_its_outcome_and_a_second_one_does_nothing(told: dict[str, object]) -> None:
    assert told["first"] == [True, 8, [], 0]
    assert told["again"] == [True, 0]


def test_the_frame_has_a_row_for_each_repeat(told: dict[str, object]) -> None:
    assert told["rows"] == 2 * 2 * 3
    assert told["labels"] == ["toy-first", "toy-slow[pause=0,iterations=2]"]


def test_a_set_is_loaded_decoded_whether_made_or_selected(told: dict[str, object]) -> None:
    loaded = [[6, 1, 8, 8], "torch.float32", [0, 0, 1, 1, 2, 2], True, True]
    assert told["sets"] == {"toy-first": loaded, "toy-slow": loaded}


def test_a_wrong_request_raises(told: dict[str, object]) -> None:
    name, option, *others = told["refused"]  # type: ignore[misc]
    assert name.startswith("no method is called 'toy-frst'; did you mean 'toy-first'?")
    assert option.startswith("dcbench.run has no option 'dry_run'; it takes methods, datasets, ")
    assert ", set, " in option
    assert others == [
        "--ipc takes whole numbers from 1 on, such as 1,10,50 or 1-4; not '1.5'",
        "there is no file nowhere.h5",
        "there is no results folder typo; 'dcbench run' makes one",
    ]
