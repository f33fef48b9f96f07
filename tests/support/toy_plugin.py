"""The hooks of the toy plug-in package; see `toys`. Its classes are in `toy_parts`."""

from __future__ import annotations

import dcbench

METHODS = {
    "toy-first": ("First", "the first images of each class"),
    "toy-sourced": ("Sourced", "the first images, with settings of several origins"),
    "toy-slow": ("Slow", "random images, step by step"),
    "toy-bad": ("Bad", "breaks the rule that its setting 'how' names"),
}


@dcbench.hookimpl
def dcbench_datasets():
    return [dcbench.DatasetRecord(name="toy", summary="random 8x8 images", target="toy_parts:Toy")]


@dcbench.hookimpl
def dcbench_methods():
    return [
        dcbench.MethodRecord(name=name, summary=summary, target=f"toy_parts:{target}")
        for name, (target, summary) in METHODS.items()
    ]


@dcbench.hookimpl
def dcbench_evaluators():
    return [dcbench.EvaluatorRecord(name="count", summary="mean pixel of the set", target="toy_parts:Count")]
