from __future__ import annotations

from typing import Any, Callable


class Hidden:
    """Something that is carried and never shown: tools that print the locals of a traceback see `[hidden]`."""

    __slots__ = ("reveal",)

    #: A closure, so that whoever walks over attributes and prints them meets a function.
    reveal: Callable[[], Any]

    def __init__(self, what: Any) -> None:
        self.reveal = lambda: what

    def __repr__(self) -> str:
        return "[hidden]"

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a secret must not be serialised")
