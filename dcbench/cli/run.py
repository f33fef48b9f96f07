"""``dcbench run``: from a grid on the command line to a table."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcbench.api.errors import RequestError
from dcbench.api.texts import plural
from dcbench.cli.common import data_option, results_option, selection_options
from dcbench.cli.notices import noticing
from dcbench.cli.terminal import is_terminal, say, show, table_width
from dcbench.engine.selectors import split_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcbench.cli.notices import Notices
    from dcbench.engine.executors.schedule import Event
    from dcbench.engine.run import Outcome, Prepared


def _read_config(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Let the options in the TOML file *path* take the place of defaults; the command line still goes first."""
    if path is None:
        return
    try:
        options = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise RequestError(f"--config {path}: {error}") from error
    known = {parameter.name for parameter in context.command.params}
    for name in options:
        if name.replace("-", "_") not in known:
            raise RequestError(
                f"--config {path}: there is no option {name!r}; write the options of 'dcbench run' without dashes"
            )
    for name, value in options.items():
        if any("\0" in str(part) for part in (value if isinstance(value, list) else [value])):
            raise RequestError(f"--config {path}: {name} has a null character, which no path or name can have")
    values = {name.replace("-", "_"): _as_text(name, value) for name, value in options.items()}
    context.default_map = {**(context.default_map or {}), **values}


def _as_text(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if name == "set":
        return value if isinstance(value, list) else split_list(str(value))
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


@click.command("run")
@selection_options
@click.option(
    "--set",
    "set",
    multiple=True,
    metavar="NAME.FIELD=VALUE",
    help="Change a setting, such as m3d.lr=10, wherever no brackets set it: m3d[lr=1] stays so. May be repeated.",
)
@click.option(
    "--classes",
    metavar="A-B",
    help="Condense only these classes, such as 0-19, as a part; when a set has all of its parts they are assembled.",
)
@click.option(
    "--repeats", type=click.IntRange(min=1), help="Networks trained per condensed set. [default: the protocol's]"
)
@click.option(
    "--snapshots", is_flag=True, help="Evaluate also the snapshots kept on the way, for 'dcbench figure curves'."
)
@results_option(must_exist=False)
@data_option
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Jobs at a time. [default: one per GPU; on the CPU 2, or one per 8 cores if that is more]",
)
@click.option("--timeout", help="End a job after this time, such as 30m or 2h.")
@click.option(
    "--existing",
    type=click.Choice(["skip", "retry-failed", "overwrite"]),
    default="skip",
    show_default=True,
    help="What to do about cells that were finished or failed before.",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "tf32", "bf16"]),
    default="auto",
    help="Of convolutions. [default: bf16 on a GPU, where trained networks take tf32; float32 on the CPU]",
)
@click.option("--eager", is_flag=True, help="Run GPU steps as they are written, neither compiled nor captured.")
@click.option("--strict", is_flag=True, help="Fail a job that would run eagerly for want of a compiler or a capture.")
@click.option("--deterministic", is_flag=True, help="Only algorithms that give the same bits every time.")
@click.option("--dry-run", is_flag=True, help="Check everything, say what would be done, and stop.")
@click.option("--smoke", is_flag=True, help="One step and one epoch per cell, in a store that is thrown away.")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    callback=_read_config,
    is_eager=True,
    expose_value=False,
    help="TOML file with options by name; the command line goes first.",
)
def command(dry_run: bool, **options: Any) -> None:
    """Run methods x datasets x IPC under one protocol, and print the table.

    With no option at all it compares random, herding, k-center, dm and m3d on the digits dataset, in a few minutes on
    a CPU. What is finished is never computed again.
    """
    with noticing() as tell:
        code = _plan_and_run(tell, dry_run, options)
    click.get_current_context().exit(code)


def _plan_and_run(tell: Notices, dry_run: bool, options: dict[str, Any]) -> int:
    tell("starting: loading what the bench needs")
    from dcbench.engine.plan.request import make_request
    from dcbench.session import open_session

    for name in ("protocol", "networks"):  # an empty shell variable must not mean what is usual
        if options[name] == ():
            raise RequestError(f"--{name} names nothing; leave it out for what is usual")
    request = make_request(**{name: value for name, value in options.items() if value is not None})
    with open_session(request, tell) as prepared:
        tell.stop()
        for warning in prepared.pending.warnings:
            say(f"warning: {warning}", err=True)
        if dry_run:
            _describe(prepared)
            return 0
        return _run(prepared, tell)


def _run(prepared: Prepared, tell: Notices) -> int:
    from rich.console import Console

    from dcbench.cli.progress import watching
    from dcbench.engine.executors.schedule import Started
    from dcbench.session import finish

    console = Console(stderr=True)
    jobs = prepared.pending.jobs
    if jobs and not console.is_terminal:  # a terminal shows the bar of all jobs at once
        tell(f"starting {plural(len(jobs), 'job')}")
    with watching(jobs, console) as watch:

        def observe(event: Event) -> None:
            if not isinstance(event, Started):  # a worker that has started still loads what it needs
                tell.stop()
            watch(event)

        ended = finish(prepared, observe, width=table_width(), colour=is_terminal())
    tell.stop()
    show(ended.text)
    _say_how_it_ended(ended.outcome, prepared)
    if ended.report is not None and not prepared.request.smoke:
        say(f"report stored as {ended.report}", err=True)
    return 0 if ended.outcome.ok else 1


def _say_how_it_ended(outcome: Outcome, prepared: Prepared) -> None:
    for warning in outcome.warnings[len(prepared.pending.warnings) :]:
        say(f"warning: {warning}", err=True)
    for job, failure in outcome.failed:
        from dcbench.engine.jobs import job_title

        say(f"failed: {job_title(job)}: {failure}", err=True)
        kept = prepared.store.failure(job)
        if kept.exists() and not prepared.request.smoke:  # on a full disk nothing could be kept
            say(f"        see {kept}", err=True)
    for line in outcome.incomplete:
        say(line, err=True)
    if outcome.failed_before:
        again = "--existing retry-failed tries them again"
        jobs, were = plural(outcome.failed_before, "job"), "was" if outcome.failed_before == 1 else "were"
        say(f"{jobs} failed in an earlier run and {were} left out; {again}", err=True)


def _counted(prepared: Prepared) -> Iterator[str]:
    """Yield a line for each dataset: how many images it has, and how many of each class."""
    from dcbench.engine.data.splits import counts_text

    split = prepared.request.split
    for spec in {planned.cell.dataset.name: planned.cell.dataset for planned in prepared.plan}.values():
        train, test = (counts_text(spec.class_names, counts) for counts in (spec.train_counts, spec.test_counts))
        yield f"{spec.title}: training {train}; {split} {test}"


def _describe(prepared: Prepared) -> None:
    """Print what would be done."""
    from dcbench.engine.jobs import job_title

    state = prepared.pending
    for line in _counted(prepared):
        say(line)
    for job in state.jobs:
        say(job_title(job))
    for line in state.incomplete:
        say(line)
    failed = len(state.failed_before)
    say(
        f"{plural(len(prepared.plan), 'cell')}: {plural(len(state.jobs), 'job')} to do, {state.finished:,} finished, "
        f"{failed} failed before"
    )
