"""The hooks of dcbench, for pluggy.

A plug-in is a module or object in the entry-point group ``dcbench`` that implements some of them. Each plug-in's
implementation is called by itself: one that raises harms no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from dcbench.api.records import (
        DatasetRecord,
        EvaluatorRecord,
        MethodRecord,
        NetworkRecord,
        ProtocolRecord,
        ReportRecord,
    )

GROUP = "dcbench"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def dcbench_methods() -> Iterable[MethodRecord]:  # type: ignore[empty-body]
    """Return the methods of this plug-in.

    Example::

        @dcbench.hookimpl
        def dcbench_methods():
            return [dcbench.MethodRecord(name="k-means", summary="near the centroids", target="my_pkg.kmeans:KMeans")]
    """


@hookspec
def dcbench_datasets() -> Iterable[DatasetRecord]:  # type: ignore[empty-body]
    """Return the datasets of this plug-in.

    Example::

        @dcbench.hookimpl
        def dcbench_datasets():
            return [dcbench.DatasetRecord(name="stl10", summary="96 px, 10 classes", target="my_pkg.stl10:STL10")]
    """


@hookspec
def dcbench_evaluators() -> Iterable[EvaluatorRecord]:  # type: ignore[empty-body]
    """Return the evaluators of this plug-in.

    Example::

        @dcbench.hookimpl
        def dcbench_evaluators():
            return [dcbench.EvaluatorRecord(name="knn", summary="nearest neighbours", target="my_pkg.knn:KNN")]
    """


@hookspec
def dcbench_networks() -> Iterable[NetworkRecord]:  # type: ignore[empty-body]
    """Return the network architectures of this plug-in.

    Example::

        @dcbench.hookimpl
        def dcbench_networks():
            return [dcbench.NetworkRecord(name="mlp", summary="two hidden layers", target="my_pkg.mlp:MLP")]
    """


@hookspec
def dcbench_protocols() -> Iterable[ProtocolRecord]:  # type: ignore[empty-body]
    """Return the training protocols of this plug-in.

    Example::

        @dcbench.hookimpl
        def dcbench_protocols():
            return [dcbench.ProtocolRecord(name="long", summary="5,000 epochs of SGD", target="my_pkg.long:Long")]
    """


@hookspec
def dcbench_reports() -> Iterable[ReportRecord]:  # type: ignore[empty-body]
    """Return the reports of this plug-in, and the published numbers that it brings.

    Example::

        @dcbench.hookimpl
        def dcbench_reports():
            return [dcbench.ReportRecord(name="survey", summary="Table 2", published="my_pkg.survey:numbers")]
    """


@hookspec
def dcbench_cell_finished(file: Path, about: Mapping[str, Any]) -> None:
    """A file was finished: a condensed set, a part of one, or an evaluation. If an observer raises, that is a warning.

    Args:
        file: the finished file. It may be read, never changed.
        about: what the file's attributes say: dataset, method, label, ipc, seed, the classes of a part, the metrics of
            an evaluation.

    Example::

        @dcbench.hookimpl
        def dcbench_cell_finished(file, about):
            print(about["label"], about["ipc"], file)
    """


@hookspec
def dcbench_run_finished(results: Path, finished: int, failed: int) -> None:
    """A run has ended.

    Args:
        results: the results folder.
        finished: jobs that were finished in this run.
        failed: jobs that failed in this run.

    Example::

        @dcbench.hookimpl
        def dcbench_run_finished(results, finished, failed):
            print(f"{finished} done, {failed} failed in {results}")
    """
