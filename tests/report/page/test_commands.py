from __future__ import annotations

import shlex
from itertools import product
from typing import Any

import pandas as pd
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dcbench.cli import cli
from dcbench.engine.selectors import split_list
from dcbench.report.page.commands import commands

ROW: dict[str, Any] = {
    "method_choice": "dm",
    "dataset_choice": "digits",
    "ipc": 1,
    "replicate": 0,
    "protocol": "dc",
    "network": "convnet3",
    "evaluator_label": "accuracy",
    "split": "test",
    "precision": "float32",
    "repeat": 0,
    "step": None,
}
AXES = {
    "method_choice": ["dm", "m3d[factor=1,lr=2]"],
    "dataset_choice": ["digits", "folder:/a b"],
    "ipc": [1, 10],
    "replicate": [0, 3],
    "protocol": ["dc", "dsa"],
}
OPTIONS = {
    "method_choice": "--methods",
    "dataset_choice": "--datasets",
    "ipc": "--ipc",
    "replicate": "--seeds",
    "protocol": "--protocol",
}


def _frame(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([ROW | row for row in rows])


def _made_by(line: str) -> set[tuple[str, ...]]:
    """Return the places that a command makes, as the command line understands it."""
    words = shlex.split(line)
    assert words[:2] == ["dcbench", "run"]
    given_options = dict(zip(words[2::2], words[3::2], strict=True))
    return set(product(*(split_list(given_options[option]) for option in OPTIONS.values())))


@given(st.sets(st.tuples(*(st.sampled_from(values) for values in AXES.values())), min_size=1))
def test_the_commands_make_every_number_and_no_other(places: set[tuple[Any, ...]]) -> None:
    lines = commands(_frame(*(dict(zip(AXES, place, strict=True)) for place in places)))
    made = [place for line in lines for place in _made_by(line)]
    assert set(made) == {tuple(map(str, place)) for place in places}
    assert len(made) == len(set(made)), "nothing is asked for twice"


def test_a_whole_grid_is_one_command() -> None:
    rows = [dict(zip(AXES, place, strict=True)) for place in product(*AXES.values())]
    assert len(commands(_frame(*rows))) == 1


def test_repeats_and_what_is_not_the_default_are_said() -> None:
    (line,) = commands(_frame({"repeat": 0, "split": "validation"}, {"repeat": 4, "split": "validation", "step": 10}))
    assert line == (
        "dcbench run --methods dm --datasets digits --ipc 1 --seeds 0 --protocol dc --networks convnet3"
        " --split validation --repeats 5 --snapshots"
    )


def test_dcbench_run_knows_every_option_that_is_written() -> None:
    (line,) = commands(_frame({"split": "validation", "evaluator_label": "moments", "step": 0}))
    for word in shlex.split(line):
        if word.startswith("--"):
            assert word in CliRunner().invoke(cli, ["run", "--help"]).output


def test_an_empty_protocol_is_not_said() -> None:
    (line,) = commands(_frame({"protocol": "", "network": "", "evaluator_label": "bytes"}))
    assert line == "dcbench run --methods dm --datasets digits --ipc 1 --seeds 0 --evaluators bytes --repeats 1"


def test_a_command_has_the_precision_that_is_a_part_of_the_names() -> None:
    lines = commands(_frame({}, {"precision": "bf16"}))
    assert sorted(line.partition(" --precision ")[2] for line in lines) == ["", "bf16 --repeats 1"]
