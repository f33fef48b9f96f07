"""The pages of docs/ as blocks of code, and what it means to run one.

What a block is, a reader sees too:

* ``console``: lines that begin with ``$`` are run, and what stands below them is compared with what they print; ``...``
  stands for anything, and output that a page leaves out is not compared.
* ``python``: run, in the order of the page, in one namespace.
* A caption that is a file name: the file. One that a command has written must be as the page shows it, unless the
  caption says "changed".
* Any other caption, such as "takes minutes": not run, but read: commands and options must exist, Python must compile.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if path.name != "architecture.md" and "generated" not in path.parts)

_OPTION = re.compile(r":(\w+): (.*)")
_FILE = re.compile(r"([\w./-]+\.(?:py|toml))(, changed)?")


@dataclass(frozen=True)
class Block:
    """A block of code on a page."""

    language: str
    code: str
    line: int
    caption: str = ""

    @property
    def file(self) -> str:
        """The path that the caption names, empty if it names none."""
        match = _FILE.fullmatch(self.caption)
        return match[1] if match else ""

    @property
    def changed(self) -> bool:
        """Whether the file is to be replaced."""
        match = _FILE.fullmatch(self.caption)
        return bool(match and match[2])


@dataclass
class Command:
    """A command of a console block, and what is to stand below it."""

    words: Sequence[str]
    output: list[str] = field(default_factory=list)


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of the Markdown *text*."""
    for token in MarkdownIt().parse(text):
        if token.type == "fence":
            assert token.map is not None
            language = token.info.removeprefix("{code-block}").strip()
            options, code = _options(token.content) if token.info.startswith("{code-block}") else ({}, token.content)
            yield Block(language, code, token.map[0] + 1, options.get("caption", ""))


def _options(content: str) -> tuple[Mapping[str, str], str]:
    options: dict[str, str] = {}
    lines = content.splitlines(keepends=True)
    while lines and (match := _OPTION.fullmatch(lines[0].rstrip())):
        options[match[1]] = match[2]
        lines.pop(0)
    return options, "".join(lines).lstrip("\n")


def commands(block: Block) -> list[Command]:
    """Return the commands of a console block; a backslash at the end of a line continues it."""
    found: list[Command] = []
    for line in block.code.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            found.append(Command(shlex.split(line[2:], comments=True)))
        else:
            assert found, f"line {block.line}: output before the first command"
            found[-1].output.append(line)
    return found


def inline_code(text: str) -> Iterator[str]:
    """Yield what stands in single back-quotes in the Markdown *text*, outside of blocks."""
    for token in MarkdownIt().enable("table").parse(text):
        yield from (child.content for child in token.children or () if child.type == "code_inline")


def links(text: str) -> Iterator[str]:
    """Yield the targets of links and images in the Markdown *text*."""
    for token in MarkdownIt().enable("table").parse(text):
        for child in token.children or ():
            target = child.attrGet("href") or child.attrGet("src")
            if target:
                yield str(target)


def tables(text: str) -> list[list[list[str]]]:
    """Return the tables in the Markdown *text*: for each its rows, without the header, as the Markdown of each cell."""
    found: list[list[list[str]]] = []
    inside = False
    for token in MarkdownIt().enable("table").parse(text):
        if token.type == "tbody_open":
            inside = True
            found.append([])
        elif token.type == "tbody_close":
            inside = False
        elif inside and token.type == "tr_open":
            found[-1].append([])
        elif inside and token.type == "inline":
            found[-1][-1].append(token.content)
    return found
