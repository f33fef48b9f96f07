"""Reports, a folder for each paper."""

from __future__ import annotations

from dcbench import ReportRecord, hookimpl

_M3D = "dcbench_plugins.reports.m3d_paper"


@hookimpl
def dcbench_reports() -> list[ReportRecord]:
    """Return the built-in reports."""
    return [
        ReportRecord(
            name="table1",
            summary="Table 1 of the M3D paper: distances of moments, with the accuracies of the same sets",
            target=f"{_M3D}.tables:Moments",
            published=f"{_M3D}.numbers:published",
        ),
        ReportRecord(
            name="table2",
            summary="Table 2 of the M3D paper: the grid, with the share of the training images",
            target=f"{_M3D}.tables:LowResolution",
        ),
        ReportRecord(
            name="table3",
            summary="Table 3 of the M3D paper: accuracy and condensing time on large images",
            target=f"{_M3D}.tables:ImageNetSubsets",
        ),
        ReportRecord(
            name="table4",
            summary="Table 4 of the M3D paper: one condensed set, evaluated on several networks",
            target=f"{_M3D}.tables:CrossArchitecture",
        ),
    ]
