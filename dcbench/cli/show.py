"""``dcbench show``: one cell on a card."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcbench.cli.options import results_option

if TYPE_CHECKING:
    from dcbench.engine.store.layout import Layout


@click.command("show")
@click.argument("cell", required=False)
@results_option(must_exist=True)
def command(cell: str | None, results: Path) -> None:
    """Show CELL, named by the head of its digest or by a file, on a card. Without CELL, list all."""
    from dcbench.cli.cells import find_stem
    from dcbench.engine.store.layout import Layout

    layout = Layout(results)
    if cell is None:
        _list(layout)
        return
    stem = find_stem(layout, cell)
    for line in _card(stem):
        click.echo(line)


def _list(layout: Layout) -> None:
    from dcbench.engine.store.hdf5 import CorruptFileError, get_facts, reading

    for path in layout.all_condensed():
        try:
            with reading(path, "condensed") as file:
                facts = get_facts(file)
        except CorruptFileError as error:
            warnings.warn(str(error), stacklevel=1)
            continue
        click.echo(
            f"{facts['digest'][:12]}  {facts['dataset']} ipc {facts['ipc']} {facts['label']} seed {facts['seed']}"
        )


def _card(stem: Path) -> Iterable[str]:
    condensed = stem.with_name(f"{stem.name}.condensed.h5")
    if condensed.exists():
        yield from _condensed(condensed)
    else:
        yield f"{stem.name}: no condensed set"
    for path in sorted(stem.parent.glob(f"{stem.name}.*.part.h5")):
        yield from _part(path)
    for path in sorted(stem.parent.glob(f"{stem.name}.*.r*.h5")):
        yield from _evaluation(path)
    for path in sorted(stem.parent.glob(f"{stem.name}.*.failed.json")):
        yield from _failure(path)


def _condensed(path: Path) -> Iterable[str]:
    from dcbench.engine.store.sets import read_condensed

    record = read_condensed(path)
    facts, condensed = record.facts, record.condensed
    yield f"{facts['dataset']} · ipc {facts['ipc']} · {facts['label']} · seed {facts['seed']} · {facts['split']} split"
    yield from _pairs(
        {
            "digest": facts["digest"],
            "file": path,
            "holds": f"{len(condensed)} images, {facts['numbers']:,} numbers, decoder {condensed.decoder.name}"
            + (f" x{condensed.decoder.factor}" if condensed.decoder.factor > 1 else "")
            + (", selected from the training set" if condensed.source_indices is not None else ""),
            "snapshots": ", ".join(map(str, record.snapshots)) or "none",
            **({"parts": ", ".join(part["classes"] for part in facts["parts"])} if "parts" in facts else {}),
            **_made(facts),
        }
    )
    yield from _pairs(facts["settings"], "settings")
    for name, points in record.trace.items():
        yield f"  trace {name}: {points[0][1]:.4g} at step {points[0][0]}, {points[-1][1]:.4g} at step {points[-1][0]}"


def _part(path: Path) -> Iterable[str]:
    from dcbench.engine.store.sets import read_condensed

    record = read_condensed(path)
    yield f"part with classes {record.facts['classes']}: {len(record.condensed)} images"
    yield from _pairs({"file": path, **_made(record.facts)})


def _evaluation(path: Path) -> Iterable[str]:
    from statistics import fmean, pstdev

    from dcbench.engine.store.evaluations import read_evaluation

    facts = read_evaluation(path)
    protocol, network = facts["protocol"] or "-", facts["network"] or "-"
    yield f"evaluation {facts['evaluator_label']}: protocol {protocol}, network {network}"
    for name, values in facts["figures"].items():
        numbers = " ".join(f"{value:.2f}" for value in values)
        yield f"  {name}: {fmean(values):.2f} ± {pstdev(values):.2f} ({len(values)}): {numbers}"
    yield from _pairs({"file": path, **_made(facts)})


def _failure(path: Path) -> Iterable[str]:
    from dcbench.engine.store.failures import read_failure

    facts = read_failure(path)
    yield f"failed {facts.get('job', '')} at {facts.get('time', '?')}: {facts['error']}: {facts['message']}"
    yield from (f"  {line}" for line in facts.get("traceback", "").splitlines())


def _made(facts: dict[str, Any] | Any) -> dict[str, Any]:
    versions = facts["versions"]
    memory = f"{facts['peak_memory_bytes'] / 2**20:,.0f} MiB at most"
    return {
        "made": f"{facts['finished']} in {facts['seconds']:.1f} s on {facts['device']}, {memory}",
        "with": ", ".join(f"{name} {version}" for name, version in versions.items() if version),
        "runtime": facts["runtime"],
    }


def _pairs(facts: dict[str, Any], title: str = "") -> Iterable[str]:
    if title:
        yield f"  {title}:"
    margin = "    " if title else "  "
    width = max(map(len, facts), default=0)
    yield from (f"{margin}{name:<{width}}  {value}" for name, value in facts.items())
