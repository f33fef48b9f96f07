from __future__ import annotations

import pytest
from broken_plugins.networks import BROKEN, BROKEN_PROTOCOLS

from dcbench.testing import networks, protocols

NETWORKS = [(name, breaker.__name__.lower()) for name, breakers in BROKEN.items() for breaker in breakers]
PROTOCOLS = [(name, breaker.__name__.lower()) for name, breakers in BROKEN_PROTOCOLS.items() for breaker in breakers]


@pytest.mark.parametrize("name", ["perceptron", "convnet3", "resnetap10"])
def test_good_networks_pass_every_check(ask, name):
    assert ask("network", name) == ({}, {})


@pytest.mark.parametrize("name", ["plain", "dc", "dsa", "idc", "idc-imagenet", "m3d", "short"])
def test_good_protocols_pass_every_check(ask, name):
    assert ask("protocol", name) == ({}, {})


@pytest.mark.parametrize(("check", "name"), [*NETWORKS, ("takes-its-presets", "preset")])
def test_a_network_that_breaks_one_promise_fails_that_check_alone(ask, check, name):
    assert list(ask("network", name)[0]) == [check]


@pytest.mark.parametrize(("check", "name"), PROTOCOLS)
def test_a_protocol_that_breaks_one_promise_fails_that_check_alone(ask, check, name):
    assert list(ask("protocol", name)[0]) == [check]


def test_every_check_of_their_own_has_one_that_fails_it():
    shared = {"loads", *(promise.name for promise in networks.common.PROMISES)}
    assert {promise.name for promise in networks.PROMISES} - shared - {"takes-its-presets"} == set(BROKEN)
    assert {promise.name for promise in protocols.PROMISES} - {"loads"} == set(BROKEN_PROTOCOLS)
