"""Reads a credential kept by keybaton, proves it, and moves on when it is replaced. Begin with `connect`."""

from .connect import connect
from .connection import Connection
from .problem import ConsumerProblem
from .refused import is_refused
from .secret import Fields, Secret
from .source import Source

__all__ = ["Connection", "ConsumerProblem", "Fields", "Secret", "Source", "connect", "is_refused"]
