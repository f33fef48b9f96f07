"""Condensation methods, one file each."""

from __future__ import annotations

from dcbench import MethodRecord, hookimpl

_HERE = "dcbench_plugins.methods"


@hookimpl
def dcbench_methods() -> list[MethodRecord]:
    """Return the built-in methods."""
    return [
        MethodRecord(
            name="random",
            summary="real images, drawn uniformly from each class",
            target=f"{_HERE}.baselines:Random",
            also_under="dc",
            order=10,
            colour="#888888",
        ),
        MethodRecord(
            name="herding",
            summary="real images, picked greedily so that their mean feature follows the class mean",
            target=f"{_HERE}.herding:Herding",
            also_under="dc",
            shares_artifacts_as="features",
            order=20,
            colour="#e69f00",
        ),
        MethodRecord(
            name="k-center",
            summary="real images, each the farthest in feature space from those picked before",
            target=f"{_HERE}.k_center:KCenter",
            also_under="dc",
            shares_artifacts_as="features",
            order=30,
            colour="#56b4e9",
        ),
        MethodRecord(
            name="dm",
            summary="distribution matching: equal mean features of each class",
            target=f"{_HERE}.dm:DM",
            order=40,
            colour="#0072b2",
        ),
        MethodRecord(
            name="idm",
            summary="distribution matching under a queue of partly trained networks, with classes kept apart",
            target=f"{_HERE}.idm:IDM",
            order=50,
            colour="#009e73",
        ),
        MethodRecord(
            name="m3d",
            summary="minimised maximum mean discrepancy between real and synthetic features",
            target=f"{_HERE}.m3d:M3D",
            order=60,
            colour="#d55e00",
        ),
        MethodRecord(
            name="imported",
            summary="a condensed set made elsewhere, put into the store by 'dcbench import'",
            target=f"{_HERE}.baselines:Imported",
            import_only=True,
        ),
        MethodRecord(
            name="whole",
            summary="the whole training set, as the row that condensation is measured against",
            target=f"{_HERE}.baselines:Whole",
            budget_exempt=True,
            colour="#000000",
        ),
    ]
