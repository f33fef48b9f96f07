"""Sets in files of torch: tensors, numbers and texts only, since anything else would have to be unpickled."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

from dcbench.api.errors import RequestError
from dcbench.engine.exchange.layouts import choose_set
from dcbench.engine.exchange.portable import PortableSet, parse_factor, parse_facts
from dcbench.engine.store.atomic import replacing

# The codes of DC, DSA and DM put accuracies beside the sets, as numpy's scalars. The first name is that of numpy 1.
_SCALAR = np.float64(0).__reduce__()[0]
_NUMBERS: list[Any] = [
    (_SCALAR, "numpy.core.multiarray.scalar"),
    (_SCALAR, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64)),
]


def write(path: Path, exported: PortableSet) -> None:
    """Write *exported* to *path*, whole or not at all, as a dict that loads with ``weights_only=True``."""
    held = {
        "images": exported.images,
        "labels": exported.labels,
        "decoder": exported.decoder,
        "factor": exported.factor,
        "unbounded": exported.unbounded,
        "facts": exported.facts_text(),
    }
    with replacing(path) as temporary:
        torch.save(held, temporary)


def read(path: Path, number: int) -> PortableSet:
    """Return the set at *path*, set *number* if it holds several.

    A file that is one tensor of images (MTT, DATM, DataDAM) has its labels in a second file, whose name says "labels"
    where that of the first says "images".

    Raises:
        RequestError: the file is no torch file, would have to be unpickled, or holds no such set.
    """
    held = _load(path)
    beside: tuple[Path, ...] = ()
    if isinstance(held, torch.Tensor):
        beside = (labels_beside(path),)
        held = [held, *map(_load, beside)]
    images, labels = choose_set(held, number, path)
    about = held if isinstance(held, Mapping) else {}
    return PortableSet(
        images.detach(),
        labels.detach(),
        parse_factor(about.get("factor"), path),
        parse_facts(about.get("facts"), path),
        unbounded=about.get("unbounded") is True,
        beside=beside,
    )


def labels_beside(path: Path) -> Path:
    """Return the file with the labels for the tensor of images at *path*.

    Raises:
        RequestError: there is none.
    """
    labels = path.with_name(path.name.replace("images", "labels"))
    if labels == path or not labels.is_file():
        raise RequestError(
            f"{path} is one tensor without labels; they are looked for beside it, in a file named like "
            "it with 'labels' for 'images'"
        )
    return labels


def _load(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals(_NUMBERS), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about protocols of pickle: what cannot be read is refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise RequestError(
            f"{path} holds more than tensors, lists, dicts and numbers, or is no torch file; it is not unpickled, as "
            "that may run code. Save images and labels alone: torch.save([images, labels], FILE)"
        ) from error
    except (RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}".strip(": ").splitlines()[0]
        raise RequestError(f"{path} is no torch file, or a damaged one ({reason})") from error
