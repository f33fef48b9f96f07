"""Every hook does what is said of it: the examples of the reference and of the docstrings are plug-ins here."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from support.documentation import DOCS, blocks
from support.toys import install_package

from dcbench.api import hookspecs
from dcbench.engine.registry import GROUPS, Registry, load_registry

HOOKS = [name for name in vars(hookspecs) if name.startswith("dcbench_")]
FACTS: dict[str, dict[str, Any]] = {
    "dcbench_cell_finished": {"file": Path("a.h5"), "about": {"label": "m3d", "ipc": 10}},
    "dcbench_run_finished": {"results": Path("results"), "finished": 2, "failed": 1},
}
"""What each observer is told, and below what the examples make of it."""
SAID = {"dcbench_cell_finished": "m3d 10 a.h5\n", "dcbench_run_finished": "2 done, 1 failed in results\n"}


def of_docstring(name: str) -> str:
    example = (inspect.getdoc(getattr(hookspecs, name)) or "").partition("Example::\n\n")[2]
    return inspect.cleandoc(example)


def of_reference(name: str) -> str:
    page = (DOCS / "reference" / "hooks.md").read_text()
    (example,) = (block.code for block in blocks(page) if f"@dcbench.hookimpl\ndef {name}(" in block.code)
    return example


@pytest.fixture
def load(folder: Path) -> Iterator[Callable[[str], Registry]]:
    """Install one plug-in, given as text, and load it; nothing else is installed."""

    def installed(source: str) -> Registry:
        install_package(folder / "installed", "example", {"main": "example"}, {"example": source})
        return load_registry(metadata.Distribution.at(folder / "installed" / "example-1.0.dist-info").entry_points)

    return installed


@pytest.mark.parametrize("source", [of_docstring, of_reference])
@pytest.mark.parametrize("name", HOOKS)
def test_the_example_of_a_hook_works(
    load: Callable[[str], Registry], capsys: pytest.CaptureFixture[str], name: str, source: Callable[[str], str]
) -> None:
    registry = load(f"import dcbench\n\n{source(name)}")
    assert registry.problems == []
    if name in FACTS:
        assert list(registry.notify(name, **FACTS[name])) == []
        assert capsys.readouterr().out == SAID[name]
    else:
        group = name.removeprefix("dcbench_")
        assert {type(found.record) for found in registry.found} == {GROUPS[group]}


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_takes_each_of_its_arguments_and_no_other(load: Callable[[str], Registry], name: str) -> None:
    arguments = ", ".join(inspect.signature(getattr(hookspecs, name)).parameters)
    empty = f"import dcbench\n\n@dcbench.hookimpl\ndef {name}({{}}):\n    return []\n"
    assert load(empty.format(arguments)).problems == []


@pytest.mark.parametrize("name", HOOKS)
def test_an_argument_that_a_hook_does_not_have_is_a_mistake(load: Callable[[str], Registry], name: str) -> None:
    (problem,) = load(f"import dcbench\n\n@dcbench.hookimpl\ndef {name}(config):\n    return []\n").problems
    assert re.search("does not match the hooks of this dcbench: .*config", problem.message)
