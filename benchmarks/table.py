"""Results as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabulate import tabulate

if TYPE_CHECKING:
    from benchmarks.results import Results, Row

_COLUMNS = ("case", "sizes", "literal", "fast", "ratio", "GFLOP/s", "GB/s", "floor", "floor / fast")


def render(results: Results) -> str:
    """Return the machine, its ceilings and all rows as text. Missing values print as ``-``."""
    machine, ceilings = results.machine, results.ceilings
    threads = ", ".join(f"{path} {count}" for path, count in machine["threads"].items())
    lines = [
        f"{machine['device']}, {machine['cores']} cores, {machine['precision']}; threads: {threads}; "
        f"torch {machine['versions']['torch']}; {results.date}",
        f"ceilings: {ceilings['flops_per_s'] / 1e9:,.0f} GFLOP/s in matrix products, "
        f"{ceilings['bytes_per_s'] / 1e9:,.1f} GB/s in copies",
        "",
        tabulate(
            [_cells(row, ceilings) for row in results.rows],
            headers=_COLUMNS,
            colalign=("left", "left", *["right"] * (len(_COLUMNS) - 2)),
            disable_numparse=True,
        ),
    ]
    return "\n".join(lines)


def _cells(row: Row, ceilings: dict[str, float]) -> list[str]:
    floor = row.floor_s(ceilings)
    return [
        row.name,
        row.what,
        _time(row.literal_s),
        _time(row.fast_s),
        _number(row.ratio, 1, "{:.2f}"),
        _number(row.flops_per_s, 1e-9, "{:,.1f}"),
        _number(row.bytes_per_s, 1e-9, "{:,.1f}"),
        _time(floor),
        _number(floor and floor / row.fast_s, 100, "{:.0f} %"),
    ]


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _number(value: float | None, scale: float, form: str) -> str:
    return "-" if value is None else form.format(scale * value)
