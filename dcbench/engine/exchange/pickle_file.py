"""Plain pickles of tensors, tuples, lists, dicts and numbers, as IDM writes its best set; read so that nothing can run.

A pickle is a program. Here it may build containers, numbers and texts, and call four functions that stand in for those
by which torch rebuilds a tensor. What would do more is refused before anything of it is carried out.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dcbench.api.errors import RequestError
from dcbench.engine.exchange.contents import ZIP, check_stored

MAGIC = b"\x80"
"""How pickles of protocol 2 and later begin."""

_LONGEST = 80  # characters of a name that a file brings along
_SAFE = """
PROTO FRAME STOP MARK POP POP_MARK DUP PUT BINPUT LONG_BINPUT GET BINGET LONG_BINGET MEMOIZE NONE NEWTRUE NEWFALSE INT
LONG LONG1 LONG4 BININT BININT1 BININT2 FLOAT BINFLOAT UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES
SHORT_BINBYTES BINBYTES8 EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS EMPTY_DICT DICT SETITEM
SETITEMS GLOBAL STACK_GLOBAL REDUCE
"""
_ALLOWED = frozenset(_SAFE.split())
"""Left out: BUILD, NEWOBJ, INST, OBJ, EXT and persistent ids, which make objects or change them."""


def read(path: Path) -> Any:
    """Return what the pickle at *path* holds.

    Raises:
        RequestError: it is damaged, or holds anything but tensors, tuples, lists, dicts, numbers and texts.
    """
    content = path.read_bytes()
    try:
        _check(content, path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the kind of storage that older pickles name
            return _Unpickler(io.BytesIO(content), path).load()
    except RequestError:
        raise
    except Exception as error:  # a damaged program fails in as many ways as there are instructions
        reason = f"{type(error).__name__}: {error}".strip(": ").splitlines()[0]
        raise RequestError(f"{path} is a damaged pickle ({reason})") from error


def refusal(path: Path, what: str) -> RequestError:
    """Return the error for a pickle that holds *what*, and so is not carried out."""
    if "numpy" in what:
        return RequestError(
            f"{path} holds numpy arrays in a pickle, which is not unpickled, as that may run code; save them as "
            "tensors, torch.save([torch.from_numpy(images), torch.from_numpy(labels)], FILE), or with "
            "numpy.savez(FILE, images=images, labels=labels)"
        )
    named = "".join(letter for letter in what[:_LONGEST] if letter.isprintable())
    return RequestError(
        f"{path} holds more than tensors, lists, dicts and numbers ({named}); it is not unpickled, as that may run "
        "code. Save images and labels alone: torch.save([images, labels], FILE)"
    )


def _check(content: bytes, path: Path) -> None:
    """Refuse instructions that are not `_ALLOWED`, and places in the memo that a pickle of this size cannot have."""
    texts, named = ["", ""], ""  # the texts that came last; the class or function that was named last
    numpy = False
    for code, argument, _ in pickletools.genops(content):
        if code.name not in _ALLOWED:
            raise refusal(path, "numpy" if numpy else named or f"the instruction {code.name}")
        if code.name in {"GLOBAL", "STACK_GLOBAL"}:
            named = str(argument or " ".join(texts)).replace(" ", ".")
            numpy = numpy or named.startswith("numpy.")
        elif isinstance(argument, str):
            texts = [texts[1], argument]
            numpy = numpy or argument.startswith("numpy.")
        if code.name in {"PUT", "BINPUT", "LONG_BINPUT"} and int(str(argument)) > len(content):
            raise ValueError("its memo is larger than the file")


class _Unpickler(pickle.Unpickler):
    """Finds no class and no function but our own."""

    def __init__(self, file: io.BytesIO, path: Path) -> None:
        super().__init__(file)
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _FUNCTIONS[module, name]
        except KeyError:
            raise refusal(self._path, f"{module}.{name}") from None


def _storage(content: bytes) -> torch.TypedStorage:
    if content.startswith(ZIP):
        check_stored(io.BytesIO(content), len(content))
    storage = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    if not isinstance(storage, torch.TypedStorage):
        raise TypeError(f"a {type(storage).__name__} stands where the numbers of a tensor belong")
    return storage


def _tensor(
    storage: torch.TypedStorage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> Tensor:
    flat = torch.empty(0, dtype=storage.dtype).set_(storage.untyped())  # type: ignore[no-untyped-call]
    return flat.as_strided(size, stride, offset)  # unlike set_, it never makes the storage larger


def _parameter(tensor: Tensor, *_: Any) -> Tensor:
    return tensor


def _dict(*items: Any) -> dict[Any, Any]:
    return dict(*items)


_FUNCTIONS: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch.storage", "_load_from_bytes"): _storage,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("collections", "OrderedDict"): _dict,
}
