"""The hooks of a package whose plug-ins each break one promise; a plug-in has the name of its class in lower case."""

from __future__ import annotations

import dcbench


@dcbench.hookimpl
def dcbench_methods():
    return [
        *_records(dcbench.MethodRecord, "broken_plugins.methods", "Method"),
        *_records(dcbench.MethodRecord, "broken_plugins.babblers", "Method"),
        dcbench.MethodRecord(name="nowhere", summary="", target="broken_plugins.methods:Nowhere"),
        dcbench.MethodRecord(name="unimportable", summary="", target="broken_plugins.nowhere:Method"),
        dcbench.MethodRecord(name="other-kind", summary="", target="broken_plugins.datasets:Stripes"),
        dcbench.MethodRecord(name="abstract", summary="", target="dcbench.api.method:Method"),
    ]


@dcbench.hookimpl
def dcbench_datasets():
    return _records(dcbench.DatasetRecord, "broken_plugins.datasets", "Dataset")


@dcbench.hookimpl
def dcbench_evaluators():
    return _records(dcbench.EvaluatorRecord, "broken_plugins.evaluators", "Evaluator")


@dcbench.hookimpl
def dcbench_networks():
    return [
        *_records(dcbench.NetworkRecord, "broken_plugins.networks", "Network"),
        dcbench.NetworkRecord(
            name="preset", summary="", target="broken_plugins.networks:Perceptron", preset={"width": 0}
        ),
    ]


@dcbench.hookimpl
def dcbench_protocols():
    return _records(dcbench.ProtocolRecord, "broken_plugins.networks", "Protocol")


def _records(record, module, base):
    from importlib import import_module

    found = vars(import_module(module)).values()
    kind = getattr(dcbench, base)
    classes = [
        item for item in found if isinstance(item, type) and issubclass(item, kind) and item.__module__ == module
    ]
    return [
        record(name=item.__name__.lower(), summary=item.__name__, target=f"{module}:{item.__name__}")
        for item in classes
    ]
