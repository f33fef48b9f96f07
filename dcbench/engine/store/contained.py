"""Whether an HDF5 file holds all that it names: HDF5 can take values from any other file, and make up those it lacks.

Links that lead out of a file are refused when it is opened: one walk, a microsecond each. A dataset is looked at when
it is read. One that has less in the file than it says is refused, since HDF5 would fill it up, whatever its length.
"""

from __future__ import annotations

import math
from typing import Any

import h5py
from h5py import h5d, h5l, h5z

from dcbench.engine.store.guards import Unpacked

_FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32}
_LAYOUTS = {h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED}


def check_links(file: h5py.File) -> None:
    """Refuse *file* if one of its links leads to another file, or stands for another link.

    Raises:
        ValueError: the text names the link.
    """

    def leads_out(name: bytes, link: Any) -> bytes | None:  # what is not None ends the walk; h5py cannot raise in it
        return None if link.type == h5l.TYPE_HARD else name

    name = file.id.links.visit(leads_out, info=True)
    if name is not None:
        shown = name.decode(errors="replace")
        raise ValueError(f"{shown!r} is a link to something else; a result file holds all that it names")


def check_datasets(file: h5py.File, unpacked: Unpacked) -> None:
    """Apply `check_dataset` to all datasets of *file*.

    Raises:
        ValueError: the text names the first that is refused.
    """
    found: list[h5py.Dataset] = []
    file.visititems(lambda _, each: found.append(each) if isinstance(each, h5py.Dataset) else None)
    for dataset in found:
        check_dataset(dataset, unpacked)


def check_dataset(dataset: h5py.Dataset, unpacked: Unpacked) -> None:
    """Count the values of *dataset* as *unpacked*.

    Raises:
        ValueError: they are not all in the file, or unpack to far more than it has.
    """
    found, shown = dataset.id, repr(str(dataset.name).removeprefix("/"))
    plan = found.get_create_plist()
    layout = plan.get_layout()
    if layout not in _LAYOUTS or plan.get_external_count():
        raise ValueError(f"the values of {shown} lie in other files; a result file holds its own")
    size, width = math.prod(found.shape), found.get_type().get_size()
    if not size:
        return
    if layout == h5d.CHUNKED:
        if any(plan.get_filter(place)[0] not in _FILTERS for place in range(plan.get_nfilters())):
            raise ValueError(f"{shown} is packed by a filter that dcbench does not use")
        chunk = plan.get_chunk()
        chunks = math.prod(-(-total // part) for total, part in zip(found.shape, chunk, strict=True))
        unpacked.add(chunks * math.prod(chunk) * width, shown)  # a chunk is unpacked as a whole
        whole = found.get_num_chunks() >= chunks
    else:
        unpacked.add(size * width, shown)
        whole = found.get_storage_size() >= size * width
    if not whole:
        raise ValueError(f"{shown} has {size * width:,} bytes of values, and the file lacks some of them")
