"""Sets as safetensors: the format in which the field hands out tensors, since opening it can run no code."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from dcbench.api.errors import RequestError
from dcbench.engine.exchange.contents import what_is
from dcbench.engine.exchange.layouts import every_set
from dcbench.engine.exchange.portable import PortableSet, parse_factor, parse_facts
from dcbench.engine.store.delivering import delivering


def write(path: Path, exported: PortableSet) -> None:
    """Write *exported* to *path*, whole or not at all: tensors ``images`` and ``labels``, all else as metadata."""
    tensors = {"images": exported.images.contiguous(), "labels": exported.labels.contiguous()}
    about = {
        "decoder": exported.decoder,
        "factor": str(exported.factor),
        "unbounded": str(exported.unbounded),
        "facts": exported.facts_text(),
    }
    with delivering(path) as temporary:
        temporary.write_bytes(save(tensors, about))  # save_file would make a file that only its owner may read


def read(path: Path) -> PortableSet:
    """Return the set at *path*.

    Raises:
        RequestError: the file is damaged, or holds no images with labels.
    """
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except (
        SafetensorError,
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        known = what_is(path)
        reason = f"it is {known}" if known and "safetensors" not in known else str(error)
        raise RequestError(f"{path} cannot be read as safetensors: {reason}") from error
    images, labels = every_set(held, path)[0]
    factor, facts = parse_factor(about.get("factor"), path), parse_facts(about.get("facts"), path)
    return PortableSet(images, labels, factor, facts, unbounded=about.get("unbounded") == "True")
