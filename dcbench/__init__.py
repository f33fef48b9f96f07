"""dcbench: a plug-in benchmark suite for dataset condensation.

What a plug-in author or a notebook imports is here. It is loaded when it is first used, so that ``import dcbench``
costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dcbench.api.condensed import PIXEL_RANGE, CondensedSet, Decoder, decode_patches
    from dcbench.api.data import Dataset, DatasetInfo, ImageSet, Split
    from dcbench.api.errors import (
        DcbenchError,
        InvalidCondensedSetError,
        MissingDataError,
        RequestError,
        UnreadableDataError,
        UnsupportedFormatError,
    )
    from dcbench.api.evaluator import Context, Evaluation, Evaluator
    from dcbench.api.hookspecs import hookimpl
    from dcbench.api.method import Method, State, Task
    from dcbench.api.network import Network
    from dcbench.api.protocol import NetworkChoice, Protocol, TrainingRecipe
    from dcbench.api.records import (
        DatasetRecord,
        EvaluatorRecord,
        MethodRecord,
        NetworkRecord,
        ProtocolRecord,
        ReportRecord,
    )
    from dcbench.api.report import Number, PublishedNumbers, ReportLayout, Row, Table
    from dcbench.api.seeds import derive_seed
    from dcbench.api.settings import Origin, Settings
    from dcbench.report.results import frame
    from dcbench.session import load, run

_HOME = {
    "PIXEL_RANGE": "api.condensed",
    "CondensedSet": "api.condensed",
    "Context": "api.evaluator",
    "Dataset": "api.data",
    "DatasetInfo": "api.data",
    "DatasetRecord": "api.records",
    "DcbenchError": "api.errors",
    "Decoder": "api.condensed",
    "Evaluation": "api.evaluator",
    "Evaluator": "api.evaluator",
    "EvaluatorRecord": "api.records",
    "ImageSet": "api.data",
    "InvalidCondensedSetError": "api.errors",
    "Method": "api.method",
    "MethodRecord": "api.records",
    "MissingDataError": "api.errors",
    "Network": "api.network",
    "NetworkChoice": "api.protocol",
    "NetworkRecord": "api.records",
    "Number": "api.report",
    "Origin": "api.settings",
    "Protocol": "api.protocol",
    "ProtocolRecord": "api.records",
    "PublishedNumbers": "api.report",
    "ReportLayout": "api.report",
    "ReportRecord": "api.records",
    "RequestError": "api.errors",
    "Row": "api.report",
    "Settings": "api.settings",
    "Split": "api.data",
    "State": "api.method",
    "Table": "api.report",
    "Task": "api.method",
    "TrainingRecipe": "api.protocol",
    "UnreadableDataError": "api.errors",
    "UnsupportedFormatError": "api.errors",
    "decode_patches": "api.condensed",
    "derive_seed": "api.seeds",
    "frame": "report.results",
    "hookimpl": "api.hookspecs",
    "load": "session",
    "run": "session",
}

__all__ = [
    "PIXEL_RANGE",
    "CondensedSet",
    "Context",
    "Dataset",
    "DatasetInfo",
    "DatasetRecord",
    "DcbenchError",
    "Decoder",
    "Evaluation",
    "Evaluator",
    "EvaluatorRecord",
    "ImageSet",
    "InvalidCondensedSetError",
    "Method",
    "MethodRecord",
    "MissingDataError",
    "Network",
    "NetworkChoice",
    "NetworkRecord",
    "Number",
    "Origin",
    "Protocol",
    "ProtocolRecord",
    "PublishedNumbers",
    "ReportLayout",
    "ReportRecord",
    "RequestError",
    "Row",
    "Settings",
    "Split",
    "State",
    "Table",
    "Task",
    "TrainingRecipe",
    "UnreadableDataError",
    "UnsupportedFormatError",
    "decode_patches",
    "derive_seed",
    "frame",
    "hookimpl",
    "load",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'dcbench' has no attribute {name!r}")
    return getattr(import_module(f"dcbench.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
