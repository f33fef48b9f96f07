"""A third-party plug-in package that trains nothing: dataset, evaluator and methods for tests of the bench itself.

Dataset ``toy`` · evaluator ``count`` · methods ``toy-first`` (a selection), ``toy-slow`` (steps, checkpoints),
``toy-sourced`` (recommended settings), ``toy-bad`` (breaks the rule that its setting ``how`` names).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path


def install_package(
    folder: Path,
    name: str,
    entry_points: Mapping[str, str],
    modules: Mapping[str, str],
    version: str = "1.0",
    requires: str = "",
) -> Path:
    """Write *modules* (name to source) and the metadata of a distribution into *folder*, which goes on PYTHONPATH."""
    folder.mkdir(parents=True, exist_ok=True)
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(source)
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
    lines = [f"{point} = {target}" for point, target in entry_points.items()]
    (about / "entry_points.txt").write_text("\n".join(["[dcbench]", *lines, ""]))
    return folder


def install_toys(folder: Path) -> Path:
    """Write the toy plug-in package into *folder*, and return it."""
    install_package(folder, "dcbench-toys", {"toys": "toy_plugin"}, {})
    for module in ("toy_plugin", "toy_parts"):
        shutil.copy(Path(__file__).with_name(f"{module}.py"), folder)
    return folder
