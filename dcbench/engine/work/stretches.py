"""The stretches of a condensing job that was interrupted: how each ran, and how the next one goes on alike."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dcbench.engine.store.checkpoints import read_stretches
from dcbench.engine.store.hdf5 import UnreadableFileError
from dcbench.engine.work.commit import commit
from dcbench.engine.work.runtime import Runtime, describe_device, has_bf16, instructions, prepare_process, provenance

Stretch = Mapping[str, Any]
"""How one stretch ran: ``runtime``, ``chunk``, ``versions``, ``device``, ``instructions`` and ``seconds``;
``commit`` where dcbench ran from a Git checkout.

Of a stretch that an older version has written only ``seconds`` is known.
"""
_BITS = ("threads", "precision", "capture", "deterministic", "chunk")  # fields of `Runtime` that bits depend on

log = logging.getLogger(__name__)


def describe_stretch(runtime: Runtime, packages: Mapping[str, str]) -> dict[str, Any]:
    """Return how a job with *runtime* runs in this process, but for what is known at its end alone."""
    described = {
        "runtime": runtime.model_dump(mode="json"),
        "versions": provenance(packages),
        "device": describe_device(runtime.device),
        "instructions": instructions(),
    }
    return described | ({"commit": commit()} if commit() else {})


def go_on(wanted: Runtime, checkpoint: Path) -> Runtime:
    """Return how a job goes on from *checkpoint*, and set up this process so; what differs is said in its log.

    Without a checkpoint, or from one that does not say how it was made, the job runs as *wanted*.
    """
    try:
        before = read_stretches(checkpoint)
    except (UnreadableFileError, FileNotFoundError):  # damage is for the one that resumes from it
        before = ()
    runtime, remark = as_it_began(wanted, before)
    if runtime != wanted:
        prepare_process(runtime)
    if remark:
        log.warning("%s", remark)
    return runtime


def as_it_began(wanted: Runtime, before: Sequence[Stretch]) -> tuple[Runtime, str]:
    """Return how a job goes on after the stretches *before*, and what there is to say about it, in one line.

    It takes over all that its bits depend on; its device, and the time between checkpoints, are those of *wanted*.
    """
    if not before or "runtime" not in before[-1]:
        return wanted, ""
    now = f"; it goes on with threads {wanted.threads}, precision {wanted.precision}, and other bits"
    try:
        begun = Runtime.model_validate(before[-1]["runtime"])
    except ValidationError:
        return wanted, f"the job began in a way that this dcbench does not have{now}"
    if _kind(begun.device) != _kind(wanted.device):
        return wanted, f"the job began on {before[-1].get('device', begun.device)}, which this run does not use{now}"
    if begun.device == "cpu" and begun.precision == "bf16" and not has_bf16():
        return wanted, f"the job began with bf16, which this processor does not have{now}"
    kept: dict[str, Any] = {"device": wanted.device, "checkpoint_seconds": wanted.checkpoint_seconds}
    if wanted.deterministic:
        kept["deterministic"] = True
    runtime = begun.model_copy(update=kept)
    changed = [field for field in _BITS if getattr(runtime, field) != getattr(wanted, field)]
    if not changed:
        return runtime, ""
    words = ", ".join(f"{field} {getattr(runtime, field)} in place of {getattr(wanted, field)}" for field in changed)
    return runtime, f"the job goes on as it began: {words}"


def _kind(device: str) -> str:
    return device.partition(":")[0]
