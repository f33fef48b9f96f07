from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.toys import install_package

if TYPE_CHECKING:
    from support.command_line import CommandLine

TWIN = """
import dcbench

@dcbench.hookimpl
def dcbench_methods():
    return [dcbench.MethodRecord(name="toy-first", summary="again", target="toy_parts:First")]

@dcbench.hookimpl
def dcbench_run_finished(results):
    pass
"""


FAULTY = """
import dcbench

@dcbench.hookimpl
def dcbench_datasets():
    return [dcbench.DatasetRecord(name="faulty", summary="cannot say what it is", target="faulty_pack:Faulty")]

class Faulty(dcbench.Dataset):
    def info(self):
        return {}["shape"]

    def files(self, split):
        return []

    def load(self, split):
        raise NotImplementedError
"""


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package that does not import, and one that takes a name that is taken."""
    folder = tmp_path_factory.mktemp("others")
    install_package(folder, "broken-pack", {"it": "broken_pack"}, {"broken_pack": "import not_installed_anywhere\n"})
    return install_package(folder, "twin-pack", {"twin": "twin_pack"}, {"twin_pack": TWIN}, version="2.1")


def test_plugins_shows_what_each_package_provides(dcbench: CommandLine, tmp_path: Path) -> None:
    ended = dcbench("plugins", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert (
        "ok      dcbench-toys 1.0 (toys = toy_plugin)\n        datasets: toy\n        evaluators: count\n" in ended.out
    )
    assert "failed" not in ended.out


def test_plugins_shows_what_is_wrong_and_with_whom(dcbench: CommandLine, tmp_path: Path, others: Path) -> None:
    ended = dcbench("plugins", cwd=tmp_path, path=others)
    assert ended.code == 0
    assert "failed  broken-pack 1.0 (it = broken_pack)\n" in ended.out
    assert "does not load: ModuleNotFoundError: No module named 'not_installed_anywhere'" in ended.out
    clash = "method 'toy-first' is claimed by dcbench-toys 1.0 (toys = toy_plugin) and twin-pack 2.1 (twin = twin_pack)"
    assert ended.out.count(clash) == 2, "both owners are told"
    assert "Traceback" not in ended.out
    assert "Traceback" in dcbench("plugins", "--traceback", cwd=tmp_path, path=others).out


def test_plugins_as_json_holds_the_same_and_the_traceback(dcbench: CommandLine, tmp_path: Path, others: Path) -> None:
    ended = dcbench("plugins", "--json", cwd=tmp_path, path=others)
    found = {source["entry_point"]: source for source in json.loads(ended.out)}
    assert found["toys"]["provides"]["methods"] == ["toy-bad", "toy-first", "toy-slow", "toy-sourced"]
    assert (found["builtin-methods"]["package"], found["builtin-methods"]["ok"]) == ("dataset-condensation-bench", True)
    assert found["twin"]["observes"] == ["dcbench_run_finished"]
    assert [found[name]["ok"] for name in ("it", "twin", "toys")] == [False, False, False]
    (problem,) = found["it"]["problems"]
    assert problem["traceback"].startswith("Traceback")


def test_a_name_that_two_packages_claim_is_fatal_only_when_selected(
    dcbench: CommandLine, data: Path, tmp_path: Path, others: Path
) -> None:
    grid = ("run", "--datasets", "toy", "--evaluators", "count", "--data", data, "--device", "cpu", "--dry-run")
    chosen = dcbench(*grid, "--methods", "toy-first", "--results", "chosen", cwd=tmp_path, path=others)
    assert (chosen.code, chosen.out) == (2, "")
    assert chosen.err.startswith("dcbench: method 'toy-first' is claimed by dcbench-toys 1.0")
    assert chosen.err.endswith("uninstall one of them\n")
    assert not (tmp_path / "chosen").exists()
    assert dcbench(*grid, "--methods", "toy-slow", cwd=tmp_path, path=others).code == 0


def test_an_unknown_name_may_be_that_of_a_package_that_did_not_load(
    dcbench: CommandLine, tmp_path: Path, others: Path
) -> None:
    ended = dcbench("run", "--methods", "of-broken", cwd=tmp_path, path=others)
    assert ended.code == 2
    assert "(Not loaded: broken-pack; see 'dcbench plugins'.)" in ended.err


def test_doctor_says_what_the_machine_has(dcbench: CommandLine, data: Path, tmp_path: Path, others: Path) -> None:
    ended = dcbench("doctor", "--data", data, cwd=tmp_path, path=others)
    assert (ended.code, ended.err) == (0, "")
    lines = [line.split(maxsplit=1) for line in ended.out.splitlines()]
    facts = {words[0]: words[1] for words in lines if len(words) == 2}
    assert {"python", "torch", "torchvision", "dcbench", "cpu"} <= set(facts)
    assert facts["data"] == str(data)
    assert facts["toy"].startswith("found: 60 + 12 images, 1 x 8 x 8, 3 classes")
    assert facts["cifar10"].startswith("not there yet: 50,000 + 10,000 images")
    assert facts["broken-pack"].startswith("does not load: ModuleNotFoundError")


def test_doctor_names_every_problem_of_a_package(dcbench: CommandLine, data: Path, tmp_path: Path) -> None:
    modules = {f"part_{name}": f"import not_installed_{name}\n" for name in "ab"}
    entry_points = {name: name for name in modules}
    folder = install_package(tmp_path / "packages", "two-faults", entry_points, modules)
    ended = dcbench("doctor", "--data", data, cwd=tmp_path, path=folder)
    assert all(f"No module named 'not_installed_{name}'" in ended.out for name in "ab")


def test_doctor_says_which_dataset_is_at_fault(dcbench: CommandLine, data: Path, tmp_path: Path) -> None:
    folder = install_package(tmp_path / "packages", "faulty-pack", {"it": "faulty_pack"}, {"faulty_pack": FAULTY})
    ended = dcbench("doctor", "--data", data, cwd=tmp_path, path=folder)
    assert ended.code == 0, ended.err
    assert "dataset 'faulty' of faulty-pack failed: KeyError: 'shape'" in ended.out
    assert "  toy " in ended.out, "the others are listed"
