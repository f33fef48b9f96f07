"""``dcbench check``: does a plug-in keep what the bench relies on."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, cast

import click

from dcbench.api.errors import RequestError
from dcbench.cli.common import CommaList, data_option
from dcbench.cli.terminal import say
from dcbench.testing.promises import KINDS

if TYPE_CHECKING:
    from dcbench.engine.registry import Found, Registry
    from dcbench.engine.selectors import Selector
    from dcbench.testing.isolation import Verdict
    from dcbench.testing.promises import Kind

_MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "skipped": ("–", None)}  # noqa: RUF001  (a dash is meant)


@click.command("check")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), help="What NAME is. [default: the first of these that has that name]")
@click.option("--set", "changes", multiple=True, metavar="NAME.FIELD=VALUE", help="Change a setting. May be repeated.")
@click.option("--without", type=CommaList(), default=(), help="Checks to leave out, by name.")
@click.option(
    "--limit",
    type=click.FloatRange(min=0, min_open=True),
    default=120.0,
    show_default=True,
    help="Seconds a check has.",
)
@click.option("--verbose", is_flag=True, help="Say what each check protects, how long it took, and where it raised.")
@data_option
@click.pass_context
def command(
    context: click.Context,
    name: str,
    kind: str | None,
    changes: tuple[str, ...],
    without: tuple[str, ...],
    limit: float,
    verbose: bool,
    data: Path | None,
) -> None:
    """Check that the plug-in NAME, such as my-method or folder:PATH, keeps what the bench relies on.

    It works on a little made-up data and takes about a minute on a CPU. A line that begins with ✗ says what is broken.
    """
    from dcbench.engine.registry import load_registry
    from dcbench.testing import contract
    from dcbench.testing.isolation import judge_apart

    selector = _selector(name, changes)
    found = _find(load_registry(), selector, kind)
    if found.group.removesuffix("s") not in KINDS:
        raise RequestError(f"{selector.name} is one of the {found.group}; 'dcbench check' takes a {', '.join(KINDS)}")
    what = cast("Kind", found.group.removesuffix("s"))
    checks = contract(what, selector.label, without=without, data=data)
    say(f"{what} {selector.label}  {found.source}", bold=True)
    started, count = time.monotonic(), Counter[str]()
    abouts = {str(check): check.promise.about for check in checks}
    for verdict in judge_apart(checks, limit):
        count[verdict.outcome] += 1
        _show(verdict, abouts[verdict.name] if verbose else "")
    outcomes = ", ".join(f"{count[outcome]} {outcome}" for outcome in _MARKS)
    say(f"{outcomes} in {time.monotonic() - started:.0f} s")
    context.exit(1 if count["failed"] else 0)


def _selector(name: str, changes: tuple[str, ...]) -> Selector:
    """Return the plug-in written *name*, with the settings that ``--set`` changes."""
    from dcbench.engine.selectors import parse_overrides, parse_selector

    selector, overrides = parse_selector(name), parse_overrides(changes)
    for other in overrides:
        if other != selector.name:
            raise RequestError(f"--set {other}.…: it is {selector.name} that is checked")
    return selector.over(overrides.get(selector.name, {}))


def _find(registry: Registry, selector: Selector, kind: str | None) -> Found:
    found = registry.find_any(selector.name) if kind is None else registry.find(f"{kind}s", selector.name)
    argument = getattr(found.record, "argument", "")
    if bool(argument) != bool(selector.argument):
        raise RequestError(f"write {selector.name}:{argument}" if argument else f"write {selector.name}")
    return found


def _show(verdict: Verdict, about: str) -> None:
    mark, colour = _MARKS[verdict.outcome]
    seconds = f"  ({verdict.seconds:.1f} s)" if about else ""
    text = f": {verdict.text}" if verdict.text else ""
    say(f"{mark} {verdict.name}{text}{seconds}", fg=colour)
    if about:
        say(f"    {about}")
        say(indent(verdict.traceback, "    "), nl=False, lines=True)
