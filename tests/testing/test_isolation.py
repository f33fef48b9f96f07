from __future__ import annotations

import pytest

from dcbench.testing import contract
from dcbench.testing.isolation import judge, judge_apart


@pytest.fixture
def verdicts(broken):
    def all_of(name):
        return {verdict.name: verdict for verdict in judge_apart(contract("method", name), 60.0)}

    return all_of


def test_verdicts_are_those_of_this_process_in_the_same_order(broken, verdicts):
    here = [judge(check) for check in contract("method", "overbudget")]
    apart = list(verdicts("overbudget").values())
    assert [(v.name, v.outcome, v.text) for v in apart] == [(v.name, v.outcome, v.text) for v in here]
    assert [v.name for v in apart if v.outcome == "failed"] == ["budget"]


def test_a_check_that_ends_its_process_fails_and_the_others_go_on(verdicts):
    found = verdicts("dies")
    assert [v.name for v in found.values() if v.outcome == "failed"] == ["three-channels"]
    assert found["three-channels"].text == "it ends the process: exit code 7"
    assert found["leaves-the-process-alone"].outcome == "passed"


@pytest.mark.parametrize("name", ["babbles", "babblesofanother", "babblesmore", "babblesdeep", "babbleshalf"])
def test_a_check_that_writes_to_the_pipe_of_the_verdicts_fails_in_one_line_and_the_others_go_on(verdicts, name):
    found = verdicts(name)
    assert [v.name for v in found.values() if v.outcome == "failed"] == ["three-channels"]
    assert found["three-channels"].text == "it writes to the pipe that the verdicts of the checks go through"
    assert found["leaves-the-process-alone"].outcome == "passed"


def test_what_needs_a_check_that_ends_its_process_is_not_tried(verdicts):
    found = verdicts("diesatonce")
    assert [v.name for v in found.values() if v.outcome == "failed"] == ["condenses"]
    assert found["condenses"].text == "it ends the process: killed by SIGKILL"
    assert {v.text for v in found.values() if v.outcome == "skipped"} == {"needs condenses"}
    assert found["names-origins-of-real-settings"].outcome == "passed"


def test_a_check_that_hangs_is_ended(broken):
    both = [check for check in contract("method", "hangs") if str(check) in ("many-images-per-class", "prints-nothing")]
    hanging, other = judge_apart(both, limit=4.0)
    assert (hanging.outcome, other.outcome) == ("failed", "passed")
    assert hanging.text.startswith("it takes more than 4 seconds")


def test_a_failure_says_where_the_plug_in_raised(verdicts):
    assert "no idea how" in verdicts("raises")["condenses"].traceback
    assert verdicts("overbudget")["budget"].traceback == ""
