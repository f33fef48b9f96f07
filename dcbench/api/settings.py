"""Settings: one pydantic model per plug-in gives its validation, options, documentation and digest; their origins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict

from dcbench.api.renamed import take_renamed_attributes


class Settings(BaseModel):
    """Everything that decides what a plug-in computes, as a frozen pydantic model.

    Declare fields with ``pydantic.Field(default, description=...)`` and bounds such as ``gt=0``; the same declaration
    validates ``--set name.field=value``, fills ``dcbench list`` and enters the digest of the cell. How to run
    (device, threads, chunk) is not a setting: it never changes what is computed, only how fast.

    Example::

        class Settings(dcbench.Settings):
            iterations: int = Field(1000, ge=0, description="matching steps")
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    added_later: ClassVar[frozenset[str]] = frozenset()
    """Names of fields added after the first release of the plug-in's revision. At its default such a field is left out
    of the digest, so that results computed before it existed stay valid."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Take the former name of `added_later` too."""
        super().__pydantic_init_subclass__(**kwargs)
        take_renamed_attributes(cls, later="added_later")

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with *changes* applied and everything validated again.

        Values may be strings, as they come from a command line (``{"lr": "10"}``).

        Raises:
            pydantic.ValidationError: a name is unknown or a value is not allowed.
        """
        return type(self).model_validate({**self.model_dump(), **changes})

    def digest_form(self) -> dict[str, Any]:
        """Return the settings as JSON values for the digest, without `added_later` fields at their default."""
        fields = type(self).model_fields
        return {
            name: value
            for name, value in self.model_dump(mode="json").items()
            if not (
                name in self.added_later and getattr(self, name) == fields[name].get_default(call_default_factory=True)
            )
        }


@dataclass(frozen=True)
class Origin:
    """Where the value of one setting comes from, at one dataset and IPC.

    >>> print(Origin("published", "paper, section 4.1"))
    published: paper, section 4.1
    """

    kind: Literal["published", "inferred", "extrapolated", "chosen"]
    """How near the value is to its authors:

    * published: their paper or code has it for this dataset and IPC
    * inferred: they do not say, or contradict themselves; there is evidence for it
    * extrapolated: they have it for another dataset, IPC or method
    * chosen: there is nothing to follow, it is the plug-in's own
    """
    source: str
    """Where it stands, what it was concluded or carried over from, or why it was chosen."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.source}"


if TYPE_CHECKING:
    # Only type checkers need the default: to them a plain `Method` is one with any settings, also in strict mode.
    from typing_extensions import TypeVar

    S = TypeVar("S", bound=Settings, default=Any)
else:
    from typing import TypeVar

    S = TypeVar("S")
