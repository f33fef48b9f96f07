"""What plug-ins and users give to be stored: refused at once, in one line, where no file could hold it."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dcbench.api.errors import DcbenchError, RequestError
from dcbench.engine.store.names import OWN_FOLDERS, file_name

if TYPE_CHECKING:
    import torch

_MOST = 2**63 - 1  # what an array of integers holds
_LONGEST = 200  # bytes of a name: file systems take 255, and some encrypted ones fewer
_MOST_BITS = 8192  # Python reads no number of more than 4300 digits


def as_count(value: object, what: str) -> int:
    """Return *value*, a whole number of Python, NumPy or torch, as an int.

    Args:
        value: what a plug-in gave.
        what: what it is, such as ``snapshot: step``.

    Raises:
        DcbenchError: it is not a whole number from 0 on, or too large for a file.
    """
    import numpy as np

    number = -1
    if not isinstance(value, bool | np.bool_):  # Python takes True for 1; a plug-in that gives it means something else
        try:
            number = operator.index(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, RuntimeError):  # torch raises any of them
            number = -1
    if not 0 <= number <= _MOST:
        raise DcbenchError(f"{what} is a whole number from 0 on, not {shown(value)}")
    return number


def as_metric(value: object, name: str) -> float:
    """Return *value*, a number of Python, NumPy or torch, as a float; NaN and infinity are numbers here.

    Raises:
        DcbenchError: it is not a number.
    """
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise DcbenchError(f"progress: the metric {name} is a number, not {shown(value)}") from error


def as_metrics(metrics: Mapping[str, object]) -> dict[str, float]:
    """Return the *metrics* of a progress report as floats.

    Raises:
        DcbenchError: a name cannot be stored, or a value is not a number.
    """
    for name in metrics:
        check_name(name, "a metric")
    return {name: as_metric(value, name) for name, value in metrics.items()}


def as_stored(tensor: torch.Tensor, name: str) -> torch.Tensor:
    """Return *tensor* as it comes back from a file: on the CPU, contiguous, without gradient.

    Raises:
        DcbenchError: no file can hold it, such as one of bfloat16, or a sparse one.
    """
    try:
        plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
        plain.numpy()
    except (TypeError, RuntimeError) as error:  # NotImplementedError, of tensors without data, is a RuntimeError
        form = f"{str(tensor.dtype).removeprefix('torch.')}, {str(tensor.layout).removeprefix('torch.')}"
        raise DcbenchError(
            f"the tensor {name!r} ({form}, on {tensor.device}) cannot be stored; give a dense one of a NumPy type"
        ) from error
    return plain


def as_state(state: object, what: str) -> dict[str, Any]:
    """Return *state* with tensors `as_stored`, and numbers and texts as Python's own.

    Args:
        state: what a plug-in gave.
        what: what it is, such as ``a checkpoint``.

    Raises:
        DcbenchError: it holds something else; the text names it.
    """
    import torch

    if not isinstance(state, Mapping):
        raise DcbenchError(f"the state of {what} is a mapping of names to values, not {shown(state)}")
    made: dict[str, Any] = {}
    for name, value in state.items():
        check_name(name, "a tensor or a number")
        if isinstance(value, torch.Tensor):
            made[name] = as_stored(value, name)
        else:
            made[name] = _plain(value, f"{name!r} in {what}")
    return made


def as_tensors(tensors: object, what: str) -> dict[str, torch.Tensor]:
    """Return named *tensors*, each `as_stored`.

    Raises:
        DcbenchError: there is something else among them; the text names it.
    """
    import torch

    made = as_state(tensors, what)
    for name, value in made.items():
        if not isinstance(value, torch.Tensor):
            raise DcbenchError(f"{what} holds tensors alone; {name!r} is a {type(value).__name__}")
    return made


def _plain(value: object, where: str) -> int | float | str:
    import numpy as np

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value.bit_length() <= _MOST_BITS:
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str.__str__(value)
    raise DcbenchError(f"{where} is {shown(value)}; there are tensors, texts, and numbers of up to {_MOST_BITS} bits")


def shown(value: object) -> str:
    """Return *value* for an error text: short, on one line."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a plug-in's own object
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def check_name(name: str, what: str) -> None:
    """Refuse a *name* for *what*, such as ``a metric``, that HDF5 would take for a path, or cannot spell.

    Raises:
        DcbenchError: it is not a text or not valid Unicode, is empty or a dot, or has a slash or a null character.
    """
    if not isinstance(name, str) or name in ("", ".") or "/" in name or "\0" in name or not _is_unicode(name):
        raise DcbenchError(
            f"{name!r} is not a name for {what}; names are texts without a slash, neither empty nor a dot alone"
        )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_dataset_name(name: str) -> None:
    """Refuse a *name* whose folder would not be one of the results folder's own, or none at all.

    Raises:
        RequestError: with the reason, and how to give another.
    """
    folder = file_name(name).casefold()  # some file systems do not tell upper case from lower
    reason = ""
    if not name.strip():
        reason = "it is empty"
    elif folder.startswith("."):
        reason = "it begins with a dot"
    elif folder.endswith(".h5"):
        reason = "it ends in .h5, as files of results do"
    elif folder in OWN_FOLDERS:
        reason = f"a results folder keeps something else in its folder {folder}"
    elif len(folder.encode()) > _LONGEST:
        reason = f"it has more than {_LONGEST} bytes"
    if reason:
        shown = name if len(name) <= _LONGEST else f"{name[:50]}..."
        raise RequestError(f"{shown!r} is not a name for a dataset: {reason}; give it another: folder:PATH[name=...]")
