"""The contract suite: what the bench relies on in a plug-in, as checks that say in plain words what is broken.

``dcbench check NAME`` runs it on an installed plug-in. A package runs the same in its own tests, one test per check.
This is a whole test file, for a method that is installed under the name ``k-means``::

    import pytest
    from dcbench.testing import Check, contract


    @pytest.mark.parametrize("check", contract("method", "k-means"), ids=str)
    def test_contract(check: Check) -> None:
        check()

A check that finds something broken raises `ContractBroken`, an `AssertionError`; one that does not apply raises
`unittest.SkipTest`, which pytest counts as skipped. The plug-in is not imported before the first check is called, so
that one that does not load fails tests and not their collection. Methods and evaluators get a little made-up data and a
few steps: the whole contract takes seconds to a minute on a CPU.
"""

from __future__ import annotations

from dcbench.testing.promises import Check, ContractBroken, contract

__all__ = ["Check", "ContractBroken", "contract"]
