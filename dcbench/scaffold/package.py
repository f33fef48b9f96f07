"""Writing a package: the kinds of plug-in it can start with, and a folder that is there whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import jinja2

from dcbench.api.distribution import NAME, version
from dcbench.api.errors import RequestError

if TYPE_CHECKING:
    from dcbench.scaffold.names import Names


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What the templates do not know of a kind by its name."""

    summary: str
    """What the plug-in does as it is written, for its record."""
    options: str
    """Options of ``dcbench run`` that show it, next to a built-in of its kind where that is quick; ``{name}`` stands
    for its name."""
    upkeep: str
    """What its author has to know before changing it."""


_REVISION = "Raise its `revision` when its numbers change: earlier results then no longer count as its own."

KINDS = {
    "method": Kind(
        summary="each image is the mean of a few training images",
        options="--methods {name},random",
        upkeep=_REVISION,
    ),
    "dataset": Kind(
        summary="bright bars in noise, made up",
        options="--datasets {name} --methods random,dm",
        upkeep="Earlier results no longer count as those of this dataset when its pixels, labels, mean or std change.",
    ),
    "evaluator": Kind(
        summary="accuracy of the nearest condensed image",
        options="--evaluators accuracy,{name} --methods random,herding",
        upkeep=_REVISION,
    ),
    "network": Kind(
        summary="a perceptron with one hidden layer",
        options="--networks {name},convnet3 --methods random",
        upkeep="Raise its `revision` when it changes: earlier results with it then no longer count.",
    ),
    "protocol": Kind(
        summary="plain SGD without augmentation",
        options="--protocol {name},short --methods random",
        upkeep="The recipe is part of the name of a result, so results of an earlier recipe never pass for this one's.",
    ),
}
"""The kinds, by the word that ``--kind`` takes."""


FILES = {
    "pyproject.toml": "pyproject.toml.j2",
    "README.md": "README.md.j2",
    ".gitignore": "gitignore.j2",
    "src/{module}/__init__.py": "init.py.j2",
    "src/{module}/{kind}.py": "{kind}.py.j2",
    "tests/test_{module}.py": "test.py.j2",
}
"""The files of a package, each with its template."""


def create(kind: str, names: Names, parent: Path) -> Path:
    """Write a package with a plug-in of *kind* into a new folder below *parent*, and return that folder.

    It appears under its name when all of it is written.

    Raises:
        RequestError: something of its name is there already.
    """
    folder = parent / names.plugin
    if folder.exists() or folder.is_symlink():
        raise RequestError(f"{folder} exists already; choose another name or --directory")
    with TemporaryDirectory(prefix=f".{names.plugin}.", dir=parent) as scratch:
        # The folder inside has the permissions that the user's folders have; the temporary one is private.
        written = Path(scratch) / names.plugin
        for path, text in render(kind, names).items():
            (written / path).parent.mkdir(parents=True, exist_ok=True)
            (written / path).write_text(text, encoding="utf-8")
        written.rename(folder)
    return folder


def render(kind: str, names: Names) -> dict[str, str]:
    """Return the files of the package, path to text."""
    environment = jinja2.Environment(  # noqa: S701  (no HTML is made)
        loader=jinja2.PackageLoader("dcbench.scaffold"), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    about = KINDS[kind]
    words = {"kind": kind, "name": names.plugin, "module": names.module, "class_name": names.class_name}
    facts = words | {
        "summary": about.summary,
        "upkeep": about.upkeep,
        "run": run_command(kind, names),
        "distribution": NAME,
        "version": version(),
    }
    return {
        path.format(**words): environment.get_template(template.format(**words)).render(facts)
        for path, template in FILES.items()
    }


def run_command(kind: str, names: Names) -> str:
    """Return the command that shows the plug-in."""
    return f"dcbench run {KINDS[kind].options.format(name=names.plugin)}"
