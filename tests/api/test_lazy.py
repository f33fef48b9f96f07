from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import dcbench

HEAVY = ["torch", "torchvision", "pandas", "numpy", "h5py", "sklearn", "pydantic"]


def declared_for_type_checkers() -> dict[str, str]:
    """Names that ``dcbench/__init__.py`` imports under TYPE_CHECKING, with their modules."""
    tree = ast.parse(Path(dcbench.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module).removeprefix("dcbench.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def loaded_after(statement: str) -> list[str]:
    code = f"{statement}\nimport json, sys\nprint(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded: list[str] = json.loads(done.stdout)
    return loaded


def test_the_three_lists_of_names_agree() -> None:
    assert declared_for_type_checkers() == dcbench._HOME
    assert sorted(dcbench.__all__) == sorted(dcbench._HOME)


@pytest.mark.parametrize("name", dcbench.__all__)
def test_every_name_resolves(name: str) -> None:
    assert getattr(dcbench, name) is not None
    assert name in dir(dcbench)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Metod'"):
        _ = dcbench.Metod


def test_import_dcbench_brings_nothing_heavy() -> None:
    assert loaded_after("import dcbench") == []


def test_what_a_hook_module_needs_brings_nothing_heavy() -> None:
    assert loaded_after("import dcbench; dcbench.hookimpl, dcbench.MethodRecord, dcbench.RequestError") == []


def test_the_contract_is_free_of_torch() -> None:
    modules = sorted(path.stem for path in Path(dcbench.__file__).with_name("api").glob("[a-z]*.py"))
    assert "torch" not in loaded_after("\n".join(f"import dcbench.api.{module}" for module in modules))
