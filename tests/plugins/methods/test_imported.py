from __future__ import annotations

import pytest
from fakes import MemoryTask, info_of, made_up_set
from pydantic import ValidationError

from dcbench import RequestError
from dcbench_plugins.methods.imported import Imported

TRAIN = made_up_set()
INFO = info_of(TRAIN)
SETTINGS = Imported.Settings(name="theirs", factor=2)


def test_its_column_reads_as_the_name_of_the_set() -> None:
    assert Imported().label(SETTINGS) == "theirs"
    assert Imported().factor(SETTINGS) == 2


def test_a_set_that_went_away_cannot_be_made_again() -> None:
    with pytest.raises(RequestError, match="imported set 'theirs' of made-up is gone; import it again"):
        Imported().condense(MemoryTask(TRAIN, INFO, ipc=4), SETTINGS)


def test_a_name_is_needed() -> None:
    Imported().validate(INFO, 1, SETTINGS)
    with pytest.raises(RequestError, match=r"imported\[name=NAME\]"):
        Imported().validate(INFO, 1, Imported.Settings())
    with pytest.raises(ValidationError):
        Imported.Settings(name="../x")
