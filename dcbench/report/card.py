"""One cell on a card: its images, data and settings, how it was made, and its metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table

from dcbench.api.protocol import superseded
from dcbench.api.report import Number, counted, duration
from dcbench.api.texts import plural, printable
from dcbench.engine.data.splits import counts_text
from dcbench.engine.exchange.layouts import claim_text
from dcbench.engine.store.evaluations import read_evaluation
from dcbench.engine.store.sets import StoredSet, read_condensed
from dcbench.report.reading import read_failures, read_or_warn
from dcbench.report.text import Text, is_logarithmic, sparkline

if TYPE_CHECKING:
    from dcbench.api.condensed import CondensedSet
    from dcbench.engine.identity import Cell
    from dcbench.engine.store.names import CellFiles

_COMMIT = 12  # digits of a commit that are shown


def card(files: CellFiles) -> RenderableType:
    """Return the card of the cell with these *files*.

    Raises:
        CorruptFileError, UnsupportedFormatError: one of them cannot be read.
    """
    condensed, failures = files.condensed, read_failures(files.failures())
    return Group(
        *(_condensed(condensed) if condensed.exists() else [Text(f"{files.name}: no condensed set", "bold")]),
        *(section for path in files.parts() for section in _part(path)),
        *_evaluations(list(files.evaluations())),
        *(section for facts in failures for section in _failure(facts)),
    )


def _section(title: str, facts: Iterable[tuple[str, str]]) -> Iterator[RenderableType]:
    """Yield *title* and, below it, one line for each name with its text."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in facts:
        table.add_row(Text(printable(name)), Text(text))
    yield Text(f"\n{title}", "bold")
    if table.rows:
        yield Padding(table, (0, 0, 0, 2), expand=False)


def _condensed(path: Path) -> Iterator[RenderableType]:
    record = read_condensed(path)
    facts = record.facts
    of = (facts["dataset"], f"ipc {facts['ipc']}", facts["label"], f"replicate {facts['seed']}")
    yield Text(" · ".join((*of, f"{facts['split']} split")), "bold")
    yield from _section("Condensed set", [*_contents(record), *_file(facts, path)])
    if data := list(_data(record.cell)):
        yield from _section("Data", data)
    if facts["settings"]:
        yield from _section("Settings", _settings(record))
    if record.trace:
        yield from _section("Trace", ((name, _curve(points)) for name, points in record.trace.items()))
    if facts.get("origin"):  # an imported set: nothing was condensed here
        yield from _section("Origin", _origin(facts["origin"]))
    else:
        yield from _section("Condensing", _provenance(facts))
    if "parts" in facts:
        yield from _section("Parts", ((f"classes {part['classes']}", _made(part)) for part in facts["parts"]))


def _origin(origin: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in origin.items():
        if name == "claimed":
            for network, values in value.items():
                yield f"claimed for {network}", claim_text(values)
        elif name == "labels_dropped":
            yield "soft labels", f"dropped; {value['one_hot']} of {plural(value['images'], 'image')} had none"
        elif value:
            yield name, str(value)


def _data(cell: Cell) -> Iterator[tuple[str, str]]:
    spec = cell.dataset
    for name, counts in (("training", spec.train_counts), (cell.split, spec.test_counts)):
        if counts:
            yield name, counts_text(spec.class_names, counts, all_of_them=True)
    if spec.other_data:
        yield "differs", spec.other_data


def _contents(record: StoredSet) -> Iterator[tuple[str, str]]:
    condensed, facts = record.condensed, record.facts
    yield "holds", f"{_held(condensed)}, {facts.get('numbers', 0):,} numbers"
    yield "budget", _budget(record)
    if condensed.decoder.factor > 1:
        count = len(condensed) * condensed.decoder.factor**2
        yield "decoder", f"{condensed.decoder.name} x{condensed.decoder.factor}: {count} training images"
    if record.snapshots:
        yield "snapshots", ", ".join(_snapshot(record, step) for step in record.snapshots)


def _held(condensed: CondensedSet) -> str:
    images = plural(len(condensed), "image")
    soft = " with soft labels" if condensed.labels.ndim == 2 else ""
    if condensed.images is None:
        return f"{images}{soft}, selected from the training set"
    size = "x".join(map(str, condensed.images.shape[1:]))
    return f"{images} of {size}{soft}"


def _budget(record: StoredSet) -> str:
    if record.facts["reference"]:
        return "exempt: a reference row"
    labels, numbers = record.condensed.labels, record.facts.get("numbers", 0)
    soft = labels.numel() if labels.ndim == 2 else 0
    classes = labels.shape[1] if soft else int(labels.max()) + 1
    budget = classes * record.facts["ipc"] * (numbers - soft) // len(labels)
    if budget <= 0:
        return "not known"
    return f"{numbers / budget:.0%} of {budget:,} numbers"


def _snapshot(record: StoredSet, step: int) -> str:
    seconds = record.snapshot_seconds.get(step)
    return f"step {step}" + ("" if seconds is None else f" ({duration(seconds)})")


def _file(facts: Mapping[str, Any], path: Path) -> Iterator[tuple[str, str]]:
    yield "digest", facts["digest"]
    yield "file", f"{path} ({path.stat().st_size / 1024:,.0f} KiB)"


def _settings(record: StoredSet) -> Iterator[tuple[str, str]]:
    recommended = record.cell.method.overrides
    for name, value in record.facts["settings"].items():
        advice = str(recommended.get(name, ""))  # an imported set has a name, for which nothing is recommended
        yield name, f"{value}  (recommended: {advice})" if advice else str(value)


def _curve(points: Iterable[tuple[int, float]]) -> str:
    steps, values = zip(*points, strict=True)
    scale = ", log scale" if is_logarithmic(values) else ""
    return f"{sparkline(values)}  {values[0]:.4g} at step {steps[0]}, {values[-1]:.4g} at step {steps[-1]}{scale}"


def _part(path: Path) -> Iterator[RenderableType]:
    record = read_or_warn(read_condensed, path)
    if record is None:
        return
    held = ("holds", _held(record.condensed))
    yield from _section(f"Part with classes {record.facts.get('classes', '?')}", [held, ("file", str(path))])
    yield from _section("Condensing", _provenance(record.facts))


def _evaluations(paths: Iterable[Path]) -> Iterator[RenderableType]:
    """Yield a section for each trial, with the repeats of all of its files."""
    trials: dict[str, list[dict[str, Any]]] = {}
    for path in paths:
        facts = read_or_warn(read_evaluation, path)
        if facts is not None:
            trials.setdefault(facts["key"], []).append(facts | {"file": str(path)})
    for files in sorted(trials.values(), key=_order):
        files.sort(key=_finished)
        yield from _section(_trial_title(files[0]), [*_metrics(files), *_recipe(files[0]), *_trial_provenance(files)])


def _finished(facts: Mapping[str, Any]) -> str:
    return str(facts.get("finished", ""))


def _order(files: list[dict[str, Any]]) -> tuple[Any, ...]:
    facts = files[0]
    step = facts.get("step")
    return facts["evaluator_label"], facts["protocol"], facts["network"], step is None, step


def _trial_title(facts: Mapping[str, Any]) -> str:
    named = [f"{name} {facts[name]}" for name in ("protocol", "network") if facts[name]]
    step = facts.get("step")
    at = [] if step is None else [f"at step {step}"]
    return f"Evaluation {', '.join([facts['evaluator_label'], *at, *named])}"


def _metrics(files: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    metrics: dict[str, dict[int, float]] = {}
    for facts in files:  # the latest last: it counts if repeats overlap
        for name, values in facts["metrics"].items():
            metrics.setdefault(name, {}).update(enumerate(values, facts["first_repeat"]))
    unit = files[0].get("kind", "percent")
    for name, repeats in metrics.items():
        values = [repeats[repeat] for repeat in sorted(repeats)]
        each = " ".join(f"{value:.2f}" if unit == "percent" else f"{value:.4g}" for value in values)
        count = len(values)
        number = Number(fmean(values), pstdev(values), count, unit=unit, counts=counted(1, count, count), sets=1)
        yield name, f"{number}: {each}"


def _recipe(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if reason := superseded(facts.get("recipe")):
        yield "older recipe", reason


def _trial_provenance(files: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for facts in files:
        yield "file", facts["file"]
        yield from _provenance(facts)


def _failure(facts: Mapping[str, Any]) -> Iterator[RenderableType]:
    title = f"Failed {facts.get('job', '')} at {facts.get('time', '?')}: {facts['error']}: {facts['message']}"
    yield from _section(title, ())
    yield Padding(Text(facts.get("traceback", "").rstrip()), (0, 0, 0, 2), expand=False)


def _provenance(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "made", _made(facts)
    yield "with", ", ".join(f"{name} {version}" for name, version in facts.get("versions", {}).items() if version)
    yield "runtime", ", ".join(f"{name} {value}" for name, value in facts.get("runtime", {}).items())
    for number, stretch in enumerate(facts.get("stretches", ()), 1):
        yield f"stretch {number}", _stretch(stretch)
    if facts.get("cite"):
        yield "after", facts["cite"]


def _made(facts: Mapping[str, Any]) -> str:
    memory = f"{facts.get('peak_memory_bytes', 0) / 2**20:,.0f} MiB at most"
    finished, device = (facts.get(name, "?") for name in ("finished", "device"))
    return f"{finished} in {duration(facts.get('seconds', 0.0))} on {device}, {memory}"


def _stretch(stretch: Mapping[str, Any]) -> str:
    """Return how one stretch of a job that was interrupted ran, as far as it is known."""
    runtime = stretch.get("runtime", {})
    words = [duration(stretch["seconds"])]
    words += [f"threads {runtime.get('threads')}", str(runtime.get("precision"))] if runtime else ["not known how"]
    digits, dash, dirty = (stretch.get("commit") or "").partition("-")
    commit = digits and f"commit {digits[:_COMMIT]}{dash}{dirty}"
    return ", ".join([*words, *filter(None, [stretch.get("device"), stretch.get("instructions"), commit])])
