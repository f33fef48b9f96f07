"""Sets in files of torch: tensors, numbers and texts only, since anything else would have to be unpickled."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

from dcbench.api.errors import RequestError
from dcbench.engine.exchange import pickle_file
from dcbench.engine.exchange.contents import ZIP, check_stored, what_is
from dcbench.engine.exchange.layouts import claims, every_set
from dcbench.engine.exchange.portable import PortableSet, parse_factor, parse_facts
from dcbench.engine.store.delivering import delivering

# The codes of DC, DSA and DM put accuracies next to the sets, as numpy's scalars. The first name is that of numpy 1.
_SCALAR = np.float64(0).__reduce__()[0]
_NUMBERS: list[Any] = [
    (_SCALAR, "numpy.core.multiarray.scalar"),
    (_SCALAR, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64)),
]

_OLD = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"
"""How files begin that torch wrote before it wrote zip archives: the pickle of a magic number."""

_UNSUPPORTED = re.compile(r"GLOBAL ([\w.]+)")
_SMALL = 1 << 26  # bytes: labels that are one number, repeated, are nothing to worry about


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
    with delivering(path) as temporary:
        torch.save(held, temporary)


def read(path: Path, number: int) -> PortableSet:
    """Return the only set at *path*, or set *number* if it holds several.

    Raises:
        RequestError: as `read_all` does, or there are fewer sets than that.
    """
    held = read_all(path)
    if len(held) == 1:
        return held[0]
    if number >= len(held):
        raise RequestError(f"{path} holds {len(held)} sets; --seed chooses among 0-{len(held) - 1}, not {number}")
    return held[number]


def read_all(path: Path) -> list[PortableSet]:
    """Return the sets at *path*: DC, DSA and DM write those of five experiments into one file.

    A file that is one tensor of images (MTT, DATM, DataDAM) has its labels in a second file, whose name says "labels"
    where that of the first says "images".

    Raises:
        RequestError: the file is not a torch file, would have to be unpickled, or holds no set.
    """
    held = _load(path)
    companions: tuple[Path, ...] = ()
    if isinstance(held, torch.Tensor):
        companions = (labels_file_of(path),)
        held = [held, *map(_load, companions)]
    pairs = every_set(held, path)
    about = held if isinstance(held, Mapping) else {}
    return [
        PortableSet(
            _whole(images, path),
            _whole(labels, path),
            parse_factor(about.get("factor"), path),
            parse_facts(about.get("facts"), path),
            unbounded=about.get("unbounded") is True,
            companions=companions,
            claimed=claims(held, number, len(pairs)),
        )
        for number, (images, labels) in enumerate(pairs)
    ]


def _whole(tensor: torch.Tensor, path: Path) -> torch.Tensor:
    """Return *tensor* without its gradient; one that is larger than its file repeats numbers, or makes them up."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        kind = "quantised" if tensor.is_quantized else "sparse" if tensor.layout != torch.strided else "empty"
        raise RequestError(f"{path} holds a {kind} tensor; save plain ones: torch.save([images, labels], FILE)")
    size = tensor.numel() * tensor.element_size()
    if size > _SMALL and size > path.stat().st_size:
        raise RequestError(f"{path} holds a tensor of {tuple(tensor.shape)}, and fewer numbers than that")
    return tensor.detach().clone()  # not part of the file any more


def labels_file_of(path: Path) -> Path:
    """Return the file with the labels for the tensor of images at *path*.

    The code of MTT writes images that are no longer whitened as ``images_zca_best.pt``, and labels as
    ``labels_best.pt``.

    Raises:
        RequestError: there is none.
    """
    for images in ("images", "images_zca"):
        labels = path.with_name(path.name.replace(images, "labels"))
        if labels != path and labels.is_file():
            return labels
    raise RequestError(
        f"{path} is one tensor without labels; they are looked for next to it, in a file named like it with 'labels' "
        "for 'images'"
    )


def _load(path: Path) -> Any:
    with path.open("rb") as file:
        head = file.read(len(_OLD))
    if head[:1] == pickle_file.MAGIC and head != _OLD:
        return pickle_file.read(path)
    mapped = head.startswith(ZIP)  # what is mapped can be no larger than the file, whatever it declares
    try:
        if mapped:
            check_stored(path, path.stat().st_size)
        with torch.serialization.safe_globals(_NUMBERS), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about protocols of pickle: what cannot be read is refused below
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except UnpicklingError as error:
        found = _UNSUPPORTED.search(str(error))
        if not (found or head == _OLD or head.startswith(ZIP)):  # torch takes any file for a pickle
            raise RequestError(f"{path} is not a torch file: {what_is(path) or 'its format is unknown'}") from error
        raise pickle_file.refusal(path, found[1] if found else "objects of a class") from error
    except Exception as error:  # damage makes many kinds
        reason = f"{type(error).__name__}: {error}".strip(": ").splitlines()[0]
        known = what_is(path)
        known = "" if known.startswith("a file of torch") else known
        raise RequestError(
            f"{path} is not a torch file, but {known}" if known else f"{path} is a damaged torch file ({reason})"
        ) from error
