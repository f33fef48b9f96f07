from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from typing import Any

import click
import pytest
from support.command_line import CommandLine
from support.documentation import DOCS, PAGES, Block, Command, blocks, commands
from support.toys import install_package

from dcbench.cli import cli

LANGUAGES = {"console", "python", "toml", "text", "{eval-rst}", "{toctree}"}
OTHERS = {"cat", "python", "rsync", "sbatch", "twine"}
"""Commands of others that pages name, in blocks that are not run."""


@dataclass
class Reader:
    """Does what a page says, from top to bottom."""

    dcbench: CommandLine
    folder: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "page"})

    def follow(self, block: Block) -> None:
        assert block.language in LANGUAGES, f"line {block.line}: say what {block.language!r} is"
        if block.file:
            self.see(block)
        elif block.language == "console" and block.caption:
            for command in commands(block):
                check(command)
        elif block.language == "console":
            for command in commands(block):
                self.run(command)
        elif block.language == "python":
            code = compile(block.code, f"line {block.line}", "exec", dont_inherit=True)
            if not block.caption:
                exec(code, self.names)

    def see(self, block: Block) -> None:
        """Compare a file with what the page shows of it, or write it."""
        path = self.folder / block.file
        if path.exists() and not block.changed:
            assert path.read_text() == block.code, block.file
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code)

    def run(self, command: Command) -> None:
        match command.words:
            case ["pip", "install", "-e", package]:
                install(self.folder / package, self.folder / "installed")
            case ["dcbench", *arguments]:
                ended = self.dcbench(*arguments, cwd=self.folder, path=self.folder / "installed")
                wanted, printed = "\n".join(command.output), ended.err + ended.out
                assert ended.code == 0 or wanted.startswith("dcbench: "), f"the page does not say so:\n{printed}"
                checker, options = OutputChecker(), ELLIPSIS | NORMALIZE_WHITESPACE
                assert not wanted or checker.check_output(wanted, printed, options), f"{command.words}:\n{printed}"
            case _:
                pytest.fail(f"cannot run {command.words}; say why it is not run in a caption")


def install(package: Path, into: Path) -> None:
    """Do what pip does for an editable package: its modules are found, and so are its entry points."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    install_package(into, project["name"], project["entry-points"]["dcbench"], {}, project["version"])
    for module in (package / "src").iterdir():
        (into / module.name).symlink_to(module)


def check(command: Command) -> None:
    """Refuse a command that does not exist, or that has no such options."""
    assert command.words[0] in {"dcbench", *OTHERS}, command.words
    if command.words[0] == "dcbench":
        known = cli.get_command(click.Context(cli), command.words[1])
        assert known is not None, command.words
        options = {name for parameter in known.params for name in parameter.opts}
        assert {word.partition("=")[0] for word in command.words[2:] if word.startswith("--")} <= options, command.words


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_what_a_page_says_can_be_done(dcbench: CommandLine, folder: Path, page: Path) -> None:
    follow(page.read_text(), Reader(dcbench, folder))


def follow(text: str, reader: Reader) -> None:
    for block in blocks(text):
        reader.follow(block)


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ dcbench list methods\nno such line\n```",
        "```console\n$ dcbench list methds\n...\n```",
        "```console\n$ nothing of this name\n```",
        "```{code-block} console\n:caption: takes minutes\n\n$ dcbench run --no-such-option\n```",
        "```{code-block} console\n:caption: takes minutes\n\n$ dcbench nothing\n```",
        "```python\nassert 1 == 2\n```",
        "```{code-block} python\n:caption: takes minutes\n\n1 +\n```",
        "```perl\n```",
        "```{code-block} toml\n:caption: a.toml\n\na = 1\n```\n\n```{code-block} toml\n:caption: a.toml\n\na = 2\n```",
    ],
)
def test_a_page_that_is_wrong_is_found(dcbench: CommandLine, folder: Path, text: str) -> None:
    with pytest.raises((AssertionError, SyntaxError, pytest.fail.Exception)):
        follow(text, Reader(dcbench, folder))
