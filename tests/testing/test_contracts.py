from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from unittest import SkipTest

import pytest

import dcbench.testing
from dcbench import RequestError
from dcbench.testing import ContractBroken, contract
from dcbench.testing.promises import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_plain_and_each_check_says_what_it_protects(kind):
    promises = [check.promise for check in contract(kind, "x")]
    names = [promise.name for promise in promises]
    assert len(set(names)) == len(names)
    assert all(name == name.lower() and "_" not in name for name in names)
    assert all(promise.about.endswith(".") for promise in promises)


@pytest.mark.parametrize("kind", KINDS)
def test_a_check_comes_after_those_it_needs(kind):
    seen = set()
    for check in contract(kind, "x"):
        assert set(check.promise.needs) <= seen, str(check)
        seen.add(check.promise)


def test_checks_can_be_left_out_by_name(broken):
    names = list(map(str, contract("method", "noise", without=["budget", "labels"])))
    assert "budget" not in names
    assert "pixel-range" in names
    with pytest.raises(RequestError, match="no check of a method is called 'budgets'"):
        contract("method", "noise", without=["budgets"])


def test_a_check_gives_the_same_answer_twice(broken):
    (check,) = (check for check in contract("method", "overbudget") if str(check) == "budget")
    for _ in range(2):
        with pytest.raises(ContractBroken, match="holds 768 numbers"):
            check()
    (check,) = (check for check in contract("method", "random") if str(check) == "reports-progress")
    for _ in range(2):
        with pytest.raises(SkipTest):
            check()


def test_neither_pytest_nor_the_plug_in_is_imported_to_list_the_checks():
    code = (
        "import json, sys; from dcbench.testing import contract; contract('method', 'm3d');"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100)
    modules = json.loads(done.stdout)
    assert "pytest" not in modules
    assert not [name for name in modules if name.startswith("dcbench_plugins.methods")]


def test_the_example_of_the_docstring_is_a_test_file(tmp_path: Path):
    lines = (dcbench.testing.__doc__ or "").split("::\n\n")[1].splitlines()
    example = "\n".join(line[4:] for line in lines[: next(at for at, line in enumerate(lines) if line[:1].strip())])
    (tmp_path / "test_it.py").write_text(example.replace("k-means", "random"))
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    call = [sys.executable, "-m", "pytest", "-v", "test_it.py"]
    done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, timeout=200, check=False)
    assert done.returncode == 0, done.stdout
    assert "test_contract[same-seed-same-bits] PASSED" in done.stdout
    assert "test_contract[reports-progress] SKIPPED" in done.stdout
