"""Sets as numpy archives, for reading only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from dcbench.api.errors import RequestError
from dcbench.engine.exchange.contents import check_arrays, what_is
from dcbench.engine.exchange.layouts import every_set
from dcbench.engine.exchange.portable import PortableSet, parse_factor


def read(path: Path) -> PortableSet:
    """Return the set at *path*: arrays of images and of labels under usual names.

    Raises:
        RequestError: the file is damaged, holds Python objects, no images with labels, or no factor from 1 on.
    """
    try:
        check_arrays(path)
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            held = {name: torch.from_numpy(np.asarray(file[name])) for name in file.files}
    except Exception as error:  # zipfile, zlib and numpy make many kinds of damage
        reason = what_is(path)
        reason = f"it is {reason}" if reason and "numpy" not in reason else str(error)
        raise RequestError(f"{path} cannot be read as a numpy archive of numbers: {reason}") from error
    images, labels = every_set(held, path)[0]
    factor = held.get("factor")
    return PortableSet(images, labels, parse_factor(None if factor is None else factor.squeeze().tolist(), path))
