"""What scikit-learn adds to dcbench: the method k-means, the dataset photo-tiles and the evaluator linear-probe."""

from __future__ import annotations

from dcbench import DatasetRecord, EvaluatorRecord, MethodRecord, hookimpl


@hookimpl
def dcbench_methods() -> list[MethodRecord]:
    """Return the method k-means."""
    return [
        MethodRecord(
            name="k-means",
            summary="real images, those nearest to the k-means centres of their class in feature space",
            target="dcbench_sklearn.k_means:KMeans",
        )
    ]


@hookimpl
def dcbench_datasets() -> list[DatasetRecord]:
    """Return the dataset photo-tiles."""
    return [
        DatasetRecord(
            name="photo-tiles",
            summary="32x32 tiles of the two photographs that come with scikit-learn: which one is it from?",
            target="dcbench_sklearn.photo_tiles:PhotoTiles",
        )
    ]


@hookimpl
def dcbench_evaluators() -> list[EvaluatorRecord]:
    """Return the evaluator linear-probe."""
    return [
        EvaluatorRecord(
            name="linear-probe",
            summary="test accuracy of logistic regression on the pixels of the condensed set",
            target="dcbench_sklearn.linear_probe:LinearProbe",
        )
    ]
