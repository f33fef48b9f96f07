"""Evaluators, one file each."""

from __future__ import annotations

from dcbench import EvaluatorRecord, hookimpl


@hookimpl
def dcbench_evaluators() -> list[EvaluatorRecord]:
    """Return the built-in evaluators."""
    return [
        EvaluatorRecord(
            name="accuracy",
            summary="test accuracy of networks trained on the condensed set from scratch",
            target="dcbench_plugins.evaluators.accuracy:Accuracy",
            titles={
                "accuracy": "last-epoch accuracy",
                "accuracy_best_epoch": "best-epoch accuracy (picked on the evaluated split)",
            },
            best_epoch="accuracy_best_epoch",
        ),
        EvaluatorRecord(
            name="moments",
            summary="distance from the training set in mean, variance and skewness of random features",
            target="dcbench_plugins.evaluators.moments:Moments",
        ),
    ]
