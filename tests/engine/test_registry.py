from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

import pytest
from support.toys import install_package

from dcbench import RequestError
from dcbench.api.distribution import NAME, is_own, version
from dcbench.engine.registry import GROUPS, Registry, load_registry

GOOD = """
import dcbench

@dcbench.hookimpl
def dcbench_methods():
    return [dcbench.MethodRecord(name={name!r}, summary="s", target="collections:Counter")]
"""

Load = Callable[..., Registry]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Install one distribution for each module given as text, and load them all; nothing else is installed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def installed(sources: Mapping[str, str], requires: str = "") -> Registry:
        for module, source in sources.items():
            install_package(tmp_path, f"dist-{module}", {"main": module}, {module: source}, requires=requires)
        distributions = [metadata.Distribution.at(path) for path in tmp_path.glob("*.dist-info")]
        return load_registry(point for found in distributions for point in found.entry_points)

    yield installed
    for module in set(sys.modules) - before:
        del sys.modules[module]


def names(registry: Registry) -> list[str]:
    return [found.record.name for found in registry.found]


def test_a_record_knows_its_package(load: Load) -> None:
    registry = load({"one": GOOD.format(name="k-means")})
    found = registry.find("methods", "k-means")
    assert str(found.source) == "dist-one 1.0 (main = one)"
    assert registry.problems == []


BROKEN = {
    "does not exist": ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
    "syntax": ("def", "SyntaxError"),
    "raises on import": ("1 / 0", "ZeroDivisionError"),
    "leaves on import": ("raise SystemExit(3)", "SystemExit"),
    "misspelt hook": (
        "import dcbench\n@dcbench.hookimpl\ndef dcbench_metods():\n    return []",
        "does not match the hooks of this dcbench: .*dcbench_metods",
    ),
    "unknown argument": (
        "import dcbench\n@dcbench.hookimpl\ndef dcbench_methods(config):\n    return []",
        "does not match the hooks of this dcbench: .*config",
    ),
    "hook raises": (
        "import dcbench\n@dcbench.hookimpl\ndef dcbench_methods():\n    raise ValueError('no luck')",
        "dcbench_methods raised ValueError: no luck",
    ),
    "hook returns nothing": (
        "import dcbench\n@dcbench.hookimpl\ndef dcbench_methods():\n    pass",
        "dcbench_methods raised TypeError",
    ),
    "one record in the place of a list": (GOOD.format(name="x").replace("[", "").replace("]", ""), "raised TypeError"),
    "record of another group": (GOOD.format(name="x").replace("_methods", "_datasets"), "not a DatasetRecord"),
    "no record": ("import dcbench\n@dcbench.hookimpl\ndef dcbench_methods():\n    return ['x']", "not a MethodRecord"),
    "bad name": (GOOD.format(name="K Means"), "a name is lower case letters"),
    "no name": (GOOD.format(name=None), "a name is lower case letters"),
    "bad share": (
        GOOD.format(name="x").replace("target=", "shares_artifacts_as='../x', target="),
        "written like a name",
    ),
    "bad target": (GOOD.format(name="x").replace("collections:", "collections."), "package.module:Class"),
    "no target": (GOOD.format(name="x").replace('"collections:Counter"', "int"), "package.module:Class"),
}


@pytest.mark.parametrize(("source", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plug_in_is_explained_and_harms_no_other(load: Load, source: str, message: str) -> None:
    registry = load({"able": GOOD.format(name="able"), "broken": source, "willing": GOOD.format(name="willing")})
    assert names(registry) == ["able", "willing"]
    (problem,) = registry.problems
    assert problem.source.package == "dist-broken"
    assert re.search(message, problem.message)
    assert len(registry.sources) == 3


@pytest.mark.parametrize("name", ["Dataset_Condensation-Bench", "DCbench"])
def test_a_plug_in_made_for_another_dcbench_says_which_and_is_not_imported(load: Load, name: str) -> None:
    registry = load({"newer": "raise RuntimeError('imported')"}, requires=f"{name} >=9")
    (problem,) = registry.problems
    assert problem.message == f"needs dcbench>=9, and this is {version()}: pip install '{NAME}>=9'"


def test_requirements_that_cannot_be_read_are_explained_and_harm_no_other(load: Load) -> None:
    load({"able": GOOD.format(name="able")})
    registry = load({"unreadable": GOOD.format(name="x")}, requires="dcbench >= one")
    assert names(registry) == ["able"]
    (problem,) = registry.problems
    assert problem.source.package == "dist-unreadable"
    assert problem.message.startswith("does not load: InvalidRequirement: ")


@pytest.mark.parametrize(
    "requires",
    ["dataset-condensation-bench>=0.0.1", "dcbench>=0.0.1", "dcbench", "dcbench>=9; extra == 'dev'", "other>=9"],
)
def test_a_plug_in_made_for_this_dcbench_is_loaded(load: Load, requires: str) -> None:
    assert names(load({"fitting": GOOD.format(name="k-means")}, requires=requires)) == ["k-means"]


def test_what_a_plug_in_raised_is_kept_with_its_traceback(load: Load) -> None:
    (problem,) = load({"broken": "def fault():\n    1 / 0\nfault()"}).problems
    assert "in fault" in problem.traceback


def test_good_records_of_a_plug_in_stay_when_another_hook_of_it_raises(load: Load) -> None:
    source = GOOD.format(name="able") + "\n@dcbench.hookimpl\ndef dcbench_datasets():\n    1 / 0\n"
    registry = load({"half": source})
    assert names(registry) == ["able"]
    assert len(registry.problems) == 1


def test_a_name_that_two_packages_claim_is_fatal_only_when_it_is_selected(load: Load) -> None:
    taken = GOOD.format(name="taken")
    registry = load({"one": taken, "two": taken, "three": GOOD.format(name="free")})
    assert registry.find("methods", "free").record.name == "free"
    assert [(group, name, len(sources)) for group, name, sources in registry.clashes()] == [("methods", "taken", 2)]
    with pytest.raises(RequestError, match=r"claimed by dist-one 1\.0 .* and dist-two 1\.0 .*; uninstall one"):
        registry.find("methods", "taken")


def test_one_name_may_be_used_for_two_kinds(load: Load) -> None:
    registry = load(
        {
            "one": GOOD.format(name="same"),
            "two": GOOD.format(name="same").replace("method", "dataset").replace("Method", "Dataset"),
        }
    )
    assert registry.clashes() == []


def test_an_unknown_name_is_answered_with_what_was_meant_the_list_and_who_did_not_load(load: Load) -> None:
    registry = load({"one": GOOD.format(name="k-means"), "broken": "1 / 0"})
    with pytest.raises(RequestError) as caught:
        registry.find("methods", "kmean")
    assert str(caught.value) == (
        "no method is called 'kmean'; did you mean 'k-means'? There are: k-means. "
        "(Not loaded: dist-broken; see 'dcbench plugins'.)"
    )


@pytest.mark.parametrize("target", ["nothing_of_this_name:X", "collections:Nobody", "broken_target:X"])
def test_a_target_that_does_not_load_is_fatal_only_when_it_is_selected(load: Load, target: str) -> None:
    registry = load({"one": GOOD.format(name="x").replace("collections:Counter", target), "broken_target": "1 / 0"})
    assert registry.find("methods", "x")
    with pytest.raises(RequestError, match=f"'x' of dist-one cannot be loaded from {target}"):
        registry.resolve("methods", "x")


def test_an_observer_that_raises_is_only_warned_about(load: Load) -> None:
    source = "import dcbench\nheard = []\n@dcbench.hookimpl\ndef dcbench_run_finished({arguments}):\n    {action}"
    registry = load(
        {
            "bad": source.format(arguments="", action="1 / 0"),
            "gone": source.format(arguments="", action="raise SystemExit(0)"),
            "good": source.format(arguments="failed, results", action="heard.append((results, failed))"),
        }
    )
    warnings = list(registry.notify("dcbench_run_finished", results=Path("r"), finished=2, failed=1))
    assert warnings == [
        "dcbench_run_finished of dist-bad failed: ZeroDivisionError: division by zero",
        "dcbench_run_finished of dist-gone failed: SystemExit: 0",
    ]
    assert sys.modules["good"].heard == [(Path("r"), 1)]


def test_an_entry_point_listed_twice_is_loaded_once(load: Load) -> None:
    load({"one": GOOD.format(name="x")})
    point = metadata.EntryPoint("main", "one", "dcbench")
    registry = load_registry([point, point])
    assert (names(registry), registry.problems) == (["x"], [])


def test_the_built_in_plug_ins_load_without_a_problem() -> None:
    registry = load_registry(point for point in metadata.entry_points(group="dcbench") if is_own(point.dist))
    assert registry.problems == []
    assert registry.clashes() == []
    assert {found.group for found in registry.found} == set(GROUPS)
