"""What the documentation names exists, what exists is named, and the picture of the house is that of the tree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

import click
import pytest
from support.documentation import DOCS, PAGES, ROOT, blocks, inline_code, links

from dcbench.cli import COMMANDS, cli
from dcbench.engine.plan.planner import Planner
from dcbench.engine.plan.request import make_request
from dcbench.engine.registry import load_registry

READ = [*PAGES, DOCS / "architecture.md", *sorted(ROOT.glob("*.md"))]


def options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name.startswith("--")} | {"--help"}


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None, f"there is no dcbench {name}"
    return found


EVERY_OPTION = set.union(options(cli), *(options(command(name)) for name in COMMANDS))


def check(code: str) -> None:
    """Refuse *code*, as it stands between back-quotes, if it names a part of dcbench that is not there."""
    if match := re.fullmatch(r"dcbench ([a-z-]+)(.*)", code):
        wanted = set(re.findall(r"(?<!\S)--[a-z-]+", match[2]))
        assert wanted <= options(command(match[1])), code
    elif match := re.fullmatch(r"(--[a-z-]+)\b.*", code):
        assert match[1] in EVERY_OPTION, code
    elif re.fullmatch(r"dcbench(\.\w+)+", code):
        assert exists(code.split(".")), code


def exists(path: list[str]) -> bool:
    for length in range(len(path), 0, -1):
        try:
            found = import_module(".".join(path[:length]))
        except ModuleNotFoundError:
            continue
        for name in path[length:]:
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False


@pytest.mark.parametrize("page", READ, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_page_names_exists(page: Path) -> None:
    for code in inline_code(page.read_text()):
        check(code)


@pytest.mark.parametrize(
    "code", ["dcbench nothing", "dcbench run --no-such", "--no-such", "dcbench.Nobody", "dcbench.toolbox.nothing"]
)
def test_what_does_not_exist_is_found(code: str) -> None:
    with pytest.raises(AssertionError):
        check(code)


def test_what_exists_is_named(generated: Mapping[str, str]) -> None:
    said = {code for page in PAGES for code in inline_code(page.read_text())}
    written = " ".join(block.code for page in PAGES for block in blocks(page.read_text()))
    named = {word for text in said for word in re.split(r"[ :\[]", text)} | set(re.split(r"[\s:\[,']+", written))
    assert set(COMMANDS) <= named
    texts = " ".join(generated.values())
    for item in load_registry().found:
        assert f"`{item.record.name}" in texts, f"{item.group}: {item.record.name}"


@pytest.mark.parametrize("page", READ, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path, generated: Mapping[str, str]) -> None:
    made = {(DOCS / name).resolve() for name in generated}
    for link in links(page.read_text()):
        path = link.partition("#")[0]
        if path and not re.match(r"\w+:", path):
            target = (page.parent / path).resolve()
            assert target.exists() or target in made, link


def drawing() -> str:
    section = (DOCS / "architecture.md").read_text().partition("## The house")[2].partition("\n## ")[0]
    return next(block.code for block in blocks(section) if "┌" in block.code)


def folders(root: Path) -> Iterator[str]:
    """Yield the names of the packages in *root*."""
    yield from sorted(path.parent.name for path in root.glob("*/__init__.py"))


def test_the_picture_of_the_house_has_every_room_and_no_other() -> None:
    drawn = set(re.findall(r"\b[a-z]\w*\b", drawing()))
    packages = [*folders(ROOT / "dcbench"), *folders(ROOT / "plugins")]
    rooms = [name for package in ("engine", "report", "toolbox") for name in folders(ROOT / "dcbench" / package)]
    modules = {path.stem for path in [*ROOT.glob("plugins/*.py"), *ROOT.glob("dcbench/*.py")] if path.stem[0] != "_"}
    house = {"dcbench", "plugins", *packages, *rooms, *modules}
    assert drawn == house, f"not drawn: {sorted(house - drawn)}; not there: {sorted(drawn - house)}"


def test_the_digests_of_examples_are_those_of_cells_that_the_first_run_makes() -> None:
    shown = {digest for page in READ for digest in re.findall(r"(?:show|--cells) ([0-9a-f]{6})\b", page.read_text())}
    made = [planned.cell.digest for planned in Planner(make_request(), load_registry()).cells()]
    assert shown
    assert [digest for digest in shown if not any(each.startswith(digest) for each in made)] == []
