"""``dcbench plugins``: where everything comes from, and what does not load."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from dcbench.cli.terminal import say

if TYPE_CHECKING:
    from dcbench.engine.registry import Problem, Registry, Source


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, tracebacks included.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Show every plug-in with its package, what it provides, and what is wrong with it."""
    from dcbench.engine.registry import load_registry

    registry = load_registry()
    if as_json:
        say(json.dumps([_facts(registry, source) for source in registry.sources], indent=1), lines=True)
    else:
        _print(registry, traceback=bool(context.obj))


def _facts(registry: Registry, source: Source) -> dict[str, object]:
    problems = _problems(registry, source)
    return asdict(source) | {
        "ok": not problems,
        "provides": {
            group: [item.record.name for item in registry.of_group(group) if item.source == source]
            for group in dict.fromkeys(item.group for item in registry.found if item.source == source)
        },
        "observes": [
            hook for hook, observers in registry.observers.items() if any(owner == source for owner, _ in observers)
        ],
        "problems": [{"message": problem.message, "traceback": problem.traceback} for problem in problems],
    }


def _problems(registry: Registry, source: Source) -> list[Problem]:
    from dcbench.engine.registry import Problem

    clashes = [
        Problem(source, f"{group[:-1]} {name!r} is claimed by {' and '.join(map(str, sources))}; it cannot be selected")
        for group, name, sources in registry.clashes()
        if source in sources
    ]
    return [problem for problem in registry.problems if problem.source == source] + clashes


def _print(registry: Registry, *, traceback: bool) -> None:
    for source in registry.sources:
        facts = _facts(registry, source)
        problems = _problems(registry, source)
        say(f"{'failed' if problems else 'ok':<6}  {source}", fg="red" if problems else None)
        provides = facts["provides"]
        assert isinstance(provides, dict)
        for group, names in provides.items():
            say(f"        {group}: {', '.join(names)}")
        for problem in problems:
            say(f"        {problem.message}", fg="red")
            if traceback and problem.traceback:
                say(problem.traceback, lines=True)
    if registry.problems and not traceback:
        say("'dcbench plugins --traceback' shows where each problem arose.")
