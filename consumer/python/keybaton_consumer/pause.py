from __future__ import annotations

import random


def jittered(seconds: float) -> float:
    """Somewhere within a fifth of it, so that many instances do not ask at one instant."""
    return seconds * (0.8 + 0.4 * random.random())


class Backoff:
    """Doubles from `first` to `longest`, jittered; `reset` after a success. Belongs to one thread."""

    def __init__(self, first: float, longest: float) -> None:
        self._first = first
        self._longest = longest
        self._current = first

    def next(self, asked: float = 0.0) -> float:
        """`asked`: what the other side wants us to wait at least."""
        waited = max(jittered(self._current), asked)
        self._current = min(self._current * 2, self._longest)
        return waited

    def reset(self) -> None:
        self._current = self._first
