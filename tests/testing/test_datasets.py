from __future__ import annotations

import numpy as np
import pytest
from broken_plugins.datasets import BROKEN, Stripes
from PIL import Image

from dcbench.testing import datasets

BREAKERS = [(name, breaker.__name__.lower()) for name, breakers in BROKEN.items() for breaker in breakers]
SAYS = {
    "oblong": "images are 4 x 2 pixels",
    "nospread": "std of channel 0 is 0.0",
    "differsbynumber": "differs() gives 3; a text is wanted",
    "oneremark": "remarks() gives no list of texts",
    "unknownprotocol": "no protocol is called 'sort'; did you mean 'short'?",
    "unknownnetwork": "default_network: no network is called 'cnvnet3'; did you mean 'convnet3'?",
    "unfittingnetwork": "default_network: ",
    "pathname": "'../stripes'",
    "meaninbytes": "info() says mean 127.5000 of channel 0; the pixels have 0.5",
    "looksattest": "test.npy, a file of the test split",
    "miscountsclass": "class a has 4 images in train, info() says 3",
    "labelsfromone": "labels of train are 1 to 2; right is 0 to 1",
}


@pytest.fixture
def stripes(tmp_path):
    Stripes.make(tmp_path)
    return tmp_path


def test_a_good_dataset_passes_every_check(ask, stripes):
    assert ask("dataset", "stripes", data=stripes) == ({}, {})


@pytest.mark.parametrize(("check", "name"), BREAKERS)
def test_a_dataset_that_breaks_one_promise_fails_that_check_alone(ask, stripes, check, name):
    failed, _ = ask("dataset", name, data=stripes)
    assert list(failed) == [check]
    assert SAYS.get(name, "") in failed[check]


def test_every_check_of_its_own_has_a_dataset_that_fails_it_or_skips_it(ask, stripes):
    shared = {"loads", *(promise.name for promise in datasets.common.PROMISES)}
    own = {promise.name for promise in datasets.PROMISES} - shared
    assert own - set(BROKEN) == {"described-without-loading"}
    failed, skipped = ask("dataset", "loadstodescribe", data=stripes)
    assert failed == {}
    assert list(skipped) == ["described-without-loading"]


def test_data_that_is_not_there_is_not_fetched(ask, tmp_path):
    failed, skipped = ask("dataset", "absent", data=tmp_path)
    assert failed == {}
    assert f"the data is not below {tmp_path}" in skipped["names-its-files"]


def test_digits_keeps_the_contract(ask):
    assert ask("dataset", "digits") == ({}, {"one-split-at-a-time": "both splits are in the same files"})


def test_a_folder_of_images_keeps_the_contract(ask, tmp_path):
    generator = np.random.default_rng(0)
    for split, label, number in np.ndindex(2, 2, 3):
        path = tmp_path / "shapes" / ("train", "test")[split] / f"class{label}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
    failed, skipped = ask("dataset", f"folder:{tmp_path / 'shapes'}")
    assert failed == {}
    assert set(skipped) <= {"described-without-loading"}
