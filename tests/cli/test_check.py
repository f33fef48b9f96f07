from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.toys import install_package

if TYPE_CHECKING:
    from support.command_line import CommandLine


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the package of broken plug-ins."""
    folder = tmp_path_factory.mktemp("broken")
    shutil.copytree(Path(__file__).parents[1] / "broken_plugins", folder / "broken_plugins")
    return install_package(folder, "dcbench-broken", {"broken": "broken_plugins.plugin"}, {}, version="0.3")


def test_a_method_that_keeps_the_contract(dcbench: CommandLine, tmp_path: Path, broken: Path) -> None:
    ended = dcbench("check", "noise", cwd=tmp_path, path=broken)
    assert (ended.code, ended.err) == (0, "")
    first, *lines, last = ended.out.splitlines()
    assert first == "method noise  dcbench-broken 0.3 (broken = broken_plugins.plugin)"
    assert last.startswith(f"{len(lines)} passed, 0 failed, 0 skipped in ")
    assert all(line.startswith("✓ ") for line in lines)


def test_a_method_that_breaks_it(dcbench: CommandLine, tmp_path: Path, broken: Path) -> None:
    ended = dcbench("check", "overbudget", cwd=tmp_path, path=broken)
    assert (ended.code, ended.err) == (1, "")
    assert "✗ budget: the set holds 768 numbers, 12 images with their soft labels; IPC 2 allows 384\n" in ended.out
    assert " same-seed-same-bits: needs budget\n" in ended.out
    assert "1 failed" in ended.out.splitlines()[-1]


def test_a_method_that_ends_its_process(dcbench: CommandLine, tmp_path: Path, broken: Path) -> None:
    ended = dcbench("check", "diesatonce", cwd=tmp_path, path=broken)
    assert (ended.code, ended.err) == (1, "")
    assert "✗ condenses: it ends the process: killed by SIGKILL\n" in ended.out


def test_a_method_that_hangs(dcbench: CommandLine, tmp_path: Path, broken: Path) -> None:
    ended = dcbench("check", "hangs", "--limit", "5", cwd=tmp_path, path=broken)
    assert ended.code == 1
    assert "✗ many-images-per-class: it takes more than 5 seconds" in ended.out


def test_a_record_that_points_nowhere(dcbench: CommandLine, tmp_path: Path, broken: Path) -> None:
    ended = dcbench("check", "unimportable", cwd=tmp_path, path=broken)
    assert ended.code == 1
    assert "✗ loads: method 'unimportable' of dcbench-broken cannot be loaded" in ended.out


def test_verbose_says_what_is_protected_and_where_it_raised(dcbench: CommandLine, tmp_path: Path, broken: Path) -> None:
    ended = dcbench("check", "raises", "--verbose", cwd=tmp_path, path=broken)
    assert "    It condenses a little grey data, planned and run as the bench does it, without an error.\n" in ended.out
    assert 'raise ValueError("no idea how")' in ended.out


def test_settings_and_checks_can_be_chosen(dcbench: CommandLine, tmp_path: Path, broken: Path) -> None:
    options = ("--set", "overbudget.iterations=1", "--without", "budget,labels")
    ended = dcbench("check", "overbudget", *options, cwd=tmp_path, path=broken)
    assert ended.out.startswith("method overbudget[iterations=1]  ")
    assert " budget" not in ended.out.replace("needs budget", "")


def test_other_kinds_are_found_by_name_or_by_kind(dcbench: CommandLine, tmp_path: Path, broken: Path) -> None:
    assert dcbench("check", "digits", cwd=tmp_path).out.startswith("dataset digits  ")
    assert dcbench("check", "brightness", cwd=tmp_path, path=broken).out.startswith("evaluator brightness  ")
    ended = dcbench("check", "m3d", "--kind", "protocol", cwd=tmp_path)
    assert (ended.code, ended.out.startswith("protocol m3d  ")) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["randon"], "no plug-in is called 'randon'; did you mean 'random'?"),
        (["digits", "--kind", "method"], "no method is called 'digits'"),
        (["folder"], "write folder:PATH"),
        (["random:x"], "write random"),
        (["random", "--without", "budgets"], "no check of a method is called 'budgets'"),
        (["random", "--set", "dm.lr=1"], "--set dm.…: it is random that is checked"),
    ],
)
def test_a_wrong_request_is_one_line(dcbench: CommandLine, tmp_path: Path, arguments: list[str], message: str) -> None:
    ended = dcbench("check", *arguments, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"dcbench: {message}")
    assert ended.err.count("\n") == 1


def test_a_report_has_no_contract_which_is_said_in_one_line(dcbench: CommandLine, tmp_path: Path) -> None:
    ended = dcbench("check", "table1", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("dcbench: table1 is one of the reports; 'dcbench check' takes a method, ")
    assert ended.err.count("\n") == 1
