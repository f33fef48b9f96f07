"""What dcbench expects of every plug-in, one test for each check."""

from __future__ import annotations

import pytest

from dcbench.testing import Check, contract

CHECKS = [*contract("method", "k-means"), *contract("dataset", "photo-tiles"), *contract("evaluator", "linear-probe")]


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_contract(check: Check) -> None:
    check()
