"""The command: ``python -m benchmarks``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcbench.api.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from benchmarks.case import Case
    from benchmarks.children import ChildError
    from benchmarks.results import Results


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Smaller sizes, less than a minute in all.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON in the place of the table.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--only", metavar="NAME,...", help="Only these cases, also those of other tables and devices.")
@click.option(
    "--rounds", type=click.IntRange(1), help="Rounds of each case; without it, as many as fit into half a minute."
)
@click.option("--list", "listing", is_flag=True, help="List all cases and measure nothing.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write JSON to this file; its rows of other cases stay.",
)
def main(
    *,
    quick: bool,
    as_json: bool,
    device: str,
    only: str | None,
    rounds: int | None,
    listing: bool,
    output: Path | None,
) -> None:
    """Measure every fast path against its literal twin on this machine."""
    from benchmarks.table import render

    if listing:
        _list()
        return
    failed: list[str] = []

    def report(case: Case, error: ChildError) -> None:
        failed.append(case.name)
        click.echo(f"{case.name}: {error}", err=True)

    try:
        results = _run(device, only.split(",") if only else None, rounds, quick=quick, failed=report)
        click.echo(json.dumps(results.record(), indent=2) if as_json else render(results))
        if output is not None:
            _add(results, output)
    except RequestError as error:
        raise click.UsageError(str(error)) from error
    sys.exit(1 if failed else 0)


def _list() -> None:
    from benchmarks.cases import ALL

    width = max(len(case.name) for case in ALL)
    for case in ALL:
        click.echo(f"{case.name:<{width}}  {case.what}")


def _run(
    device: str,
    only: list[str] | None,
    rounds: int | None,
    *,
    quick: bool,
    failed: Callable[[Case, ChildError], None],
) -> Results:
    from benchmarks.measuring import FULL, QUICK, Bench
    from dcbench.engine.work.devices import find_devices

    effort = QUICK if quick else FULL
    (device, *_) = find_devices(device)
    with Bench(device) as bench:
        from benchmarks.cases import chosen  # imported here, while the processes import it too

        cases = chosen(quick=quick, gpu=device != "cpu", only=only)
        return bench.run(_announced(cases), effort.exactly(rounds) if rounds else effort, failed)


def _announced(cases: Iterable[Case]) -> Iterator[Case]:
    for case in cases:
        click.echo(f"{case.name} ...", err=True)
        yield case


def _add(results: Results, output: Path) -> None:
    from benchmarks.results import read

    try:
        (read(output).merged(results) if output.exists() else results).write(output)
    except RequestError as error:
        raise RequestError(f"{output} was left as it is: {error}") from error


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
