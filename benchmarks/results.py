"""Results: the rows of one machine and its description, as JSON to which later runs add rows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from benchmarks.machine import higher
from dcbench.api.errors import RequestError
from dcbench.engine.store.delivering import deliver_text

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Row:
    """The measurement of one case. Times are medians over rounds, in seconds per call."""

    name: str
    what: str
    literal_s: float | None
    """None without a literal twin."""
    fast_s: float
    flops: float
    """The least number of floating point operations of one call; 0 if they are not counted."""
    bytes: float
    """Bytes that one call must read and write; 0 if they are not counted."""
    rounds: int

    @property
    def ratio(self) -> float | None:
        """Time of the literal twin over that of the fast path."""
        return None if self.literal_s is None else self.literal_s / self.fast_s

    @property
    def flops_per_s(self) -> float | None:
        """Rate of the fast path."""
        return self.flops / self.fast_s or None

    @property
    def bytes_per_s(self) -> float | None:
        """Rate of the fast path."""
        return self.bytes / self.fast_s or None

    def floor_s(self, ceilings: dict[str, float]) -> float | None:
        """Return the least time that a machine with these *ceilings* needs; None if nothing is counted."""
        return max(self.flops / ceilings["flops_per_s"], self.bytes / ceilings["bytes_per_s"]) or None

    def record(self, ceilings: dict[str, float]) -> dict[str, Any]:
        """Return the row as JSON values, with the ratio, the rates and the floor."""
        rates = {"flops_per_s": self.flops_per_s, "bytes_per_s": self.bytes_per_s}
        return asdict(self) | {"ratio": self.ratio, "floor_s": self.floor_s(ceilings)} | rates


@dataclass(frozen=True, kw_only=True)
class Results:
    """All rows of one machine."""

    machine: dict[str, Any]
    """Hardware, versions, and the threads of both paths. One file never holds results of two machines."""
    ceilings: dict[str, float]
    """``flops_per_s`` and ``bytes_per_s``, the best measured rates."""
    date: str
    """Day of the last measurement."""
    rows: tuple[Row, ...] = ()

    def merged(self, later: Results) -> Results:
        """Return these results with the rows of *later*, which replace rows of the same name.

        Raises:
            RequestError: they are of another machine, or of other versions.
        """
        different = [key for key in self.machine | later.machine if self.machine.get(key) != later.machine.get(key)]
        if different:
            raise RequestError(f"it holds results of another machine or setup: {', '.join(different)} differs")
        rows = {row.name: row for row in (*self.rows, *later.rows)}
        return replace(later, ceilings=higher(self.ceilings, later.ceilings), rows=tuple(rows.values()))

    def record(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        head = {"machine": self.machine, "ceilings": self.ceilings, "date": self.date}
        return head | {"rows": [row.record(self.ceilings) for row in self.rows]}

    def write(self, path: Path) -> None:
        """Write everything to *path*."""
        path.parent.mkdir(parents=True, exist_ok=True)
        deliver_text(path, json.dumps(self.record(), indent=2) + "\n")


def read(path: Path) -> Results:
    """Return the results in *path*.

    Raises:
        RequestError: the file is not one that `Results.write` wrote.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        kept = Row.__dataclass_fields__.keys()
        rows = tuple(Row(**{key: row[key] for key in kept}) for row in record["rows"])
        return Results(machine=record["machine"], ceilings=record["ceilings"], date=record["date"], rows=rows)
    except (ValueError, KeyError, TypeError) as error:
        raise RequestError(f"it holds no results of benchmarks: {error!r}") from error
