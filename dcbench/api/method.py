"""Methods: what makes a condensed set, and the `Task` that is all a method gets to do it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, cast

from dcbench.api.settings import S
from dcbench.api.settings import Settings as BaseSettings

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from dcbench.api.condensed import CondensedSet
    from dcbench.api.data import DatasetInfo, ImageSet
    from dcbench.api.settings import Origin

Precision = Literal["float32", "tf32", "bf16"]
"""How convolutions multiply: exactly, with factors rounded to 10 bits (a GPU's matrix units), or to 7 bits (bf16)."""

State = Mapping[str, "Tensor | int | float | str"]
"""What a checkpoint may hold: tensors, numbers and short texts under flat names. Never pickled."""


class Task(ABC):
    """One condensing job as its method sees it. The test split is not part of it and is never opened."""

    train: ImageSet
    """The training split, uint8. Read only."""
    info: DatasetInfo
    """What the dataset is."""
    ipc: int
    """Images per class asked for."""
    device: torch.device
    """Where to compute."""
    replicate: int
    """The number given with ``--seeds``: what is shared by all IPCs and methods of one replicate of a comparison."""
    seed: int
    """A seed in [0, 2**63), the same for every method at this dataset, IPC and seed, so that comparisons are paired."""
    generator: torch.Generator
    """A CPU generator seeded with `seed`. On the CPU, so that a run on a GPU draws the same numbers."""
    chunk: int
    """How many images to push through a network at once; bounds memory, changes no result.

    A method that runs out of memory may lower it: what it is in the end stands in the result file.
    """
    classes: range
    """The classes to condense: all, unless the run makes this set in parts; see `Method.by_class`."""
    precision: Precision = "float32"
    """Of the convolutions of networks that are not trained; sums over features stay in float32 or better."""
    capture: bool = False
    """Whether steps may be compiled and captured in a CUDA graph; never on a CPU."""

    @abstractmethod
    def network(self, name: str, seed: int, *, device: torch.device | None = None) -> nn.Module:
        """Return a freshly initialised network of the registry for these images, in train mode.

        Args:
            name: such as ``convnet3`` or ``convnet[depth=4,width=64]``.
            seed: decides the weights; the global generator is left as it was.
            device: where it is wanted; `device` by default.
        """

    @abstractmethod
    def progress(self, step: int, total: int, **metrics: float) -> None:
        """Report that *step* of *total* steps are done.

        *metrics*, such as ``loss=0.3``, become the trace in the result file.

        Raises:
            DcbenchError: a step is not a whole number from 0 on, a metric is not a number, or its name is
                empty, a dot, or has a slash.
        """

    @abstractmethod
    def snapshot(self, step: int, condensed: CondensedSet) -> None:
        """Keep the set as it is after *step* steps. Step 0 shows what matching adds to the initialisation.

        A step that `Method.snapshot_steps` announces can be evaluated like the final set.

        Raises:
            InvalidCondensedSetError: the set breaks the contract.
            DcbenchError: the step is not a whole number from 0 on.
        """

    @abstractmethod
    def artifact(self, key: Mapping[str, Any], build: Callable[[int], Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """Return named tensors that several cells share, such as a network trained on the training set.

        They are this method's own: what another plug-in builds under the same key is another artifact. Methods of one
        package can share theirs, see `MethodRecord.shares_artifacts_as`.

        Args:
            key: JSON values that name the artifact among those that this method builds for this dataset. What changes
                the result belongs here.
            build: called with a seed of the artifact's own if the artifact is not there; others wait meanwhile.

        Returns:
            the tensors, on the CPU. Their hash is recorded in the result file, and so are the seconds that building
            them took, which count among those of every set that uses them.

        Raises:
            DcbenchError: *key* cannot be written as JSON, what was built is not a mapping of names to tensors that a
                file can hold, or the name of a tensor is empty, is a dot, or has a slash.
        """

    @abstractmethod
    def checkpoint(self, state: Callable[[], State]) -> None:
        """Offer a point to resume from. *state* is only called when the bench decides that it is time to write one.

        Raises:
            DcbenchError: the state holds what no file can hold, such as a list, or a sparse or bfloat16 tensor, or a
                name in it is empty, is a dot, or has a slash.
        """

    @abstractmethod
    def resume(self) -> dict[str, Any] | None:
        """Return the state last written by `checkpoint` (tensors on the CPU), or None for a fresh start."""


class Method(ABC, Generic[S]):
    """A condensation method. Made by the bench without arguments; holds no state between cells.

    Give the class of its settings as a parameter, ``class M3D(Method[M3DSettings])``, and type checkers know theirs.
    """

    revision: ClassVar[int] = 1
    """Raise it when the method's numbers change: old results then no longer count as this method's."""
    cite: ClassVar[str] = ""
    """The paper, and the code that was followed."""
    Settings: ClassVar[type[BaseSettings]] = BaseSettings
    """The settings class; the default has no field."""
    by_class: ClassVar[bool] = False
    """Whether it can condense some classes alone, ``task.classes``, to the images that all together would give them.

    Its sets are then in class order, and the metrics it reports are sums over those classes.
    """
    exact: ClassVar[bool] = False
    """Whether its sets are the same in every precision, as those of a method that only draws.

    The sets of other methods have another name on a device that computes in another precision than float32.
    """

    def settings_for(self, info: DatasetInfo, ipc: int) -> S:
        """Return the recommended settings, the paper's where it has them.

        What the user changes, with ``--set`` or ``name[field=value]``, goes on top.
        """
        return cast("S", self.Settings())

    def origins_for(self, info: DatasetInfo, ipc: int) -> Mapping[str, Origin]:
        """Return, by name of the setting, where the values of `settings_for` come from.

        Origins are shown by ``dcbench list`` and enter no digest. A setting that is not named is shown as its plug-in's
        own.
        """
        return {}

    def validate(self, info: DatasetInfo, ipc: int, settings: S) -> None:
        """Refuse at planning time what cannot work.

        Raises:
            RequestError: naming the setting and what would be allowed.
        """

    def snapshot_steps(self, settings: S) -> tuple[int, ...]:
        """Return the steps whose snapshots a run with *settings* keeps, in ascending order.

        The plan of ``dcbench run --snapshots`` names the evaluations of these before anything runs.
        """
        return ()

    def factor(self, settings: S) -> int:
        """Return into how many tiles per side a stored image is cut; protocols train longer on fewer images."""
        return int(getattr(settings, "factor", 1))

    def label(self, settings: S) -> str:
        """Return the title of the column, empty for the choice as the user typed it."""
        return ""

    @abstractmethod
    def condense(self, task: Task, settings: S) -> CondensedSet:
        """Condense ``task.train`` to ``task.ipc`` images per class."""
