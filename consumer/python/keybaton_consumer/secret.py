from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Iterator

from .hidden import Hidden


class _Unserialisable:
    __slots__ = ()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a secret must not be serialised")

    # Nothing here ever changes, so a copy is the thing itself.
    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self


class Fields(_Unserialisable, Mapping):  # type: ignore[type-arg]
    """The named fields of a secret. One by its name is the plain value; printing them all shows `[secret]`."""

    # A mapping and no dict: json writes a dict whatever its class says.
    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = Hidden(dict(fields))

    def __getitem__(self, name: str) -> str:
        kept: dict[str, str] = self._fields.reveal()
        if name in kept:
            return kept[name]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields.reveal())

    def __len__(self) -> int:
        return len(self._fields.reveal())

    def __repr__(self) -> str:
        return "[secret]"


class Secret(_Unserialisable):
    """One version of a secret. Printing it shows no value; pickle and json refuse it."""

    __slots__ = ("fields", "version", "epoch")

    fields: Fields
    version: str
    #: Grows with every promotion and roll-back: the highest one counts, whatever version it names.
    epoch: int

    def __init__(self, fields: Mapping[str, str], version: str, epoch: int) -> None:
        for name, what in (("fields", Fields(fields)), ("version", version), ("epoch", epoch)):
            object.__setattr__(self, name, what)

    def __setattr__(self, name: str, what: Any) -> None:
        raise AttributeError("a secret does not change")

    def __repr__(self) -> str:
        return f"[secret {self.version} of epoch {self.epoch}]"
