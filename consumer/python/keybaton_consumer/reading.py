from __future__ import annotations

import threading
from typing import Callable, List, Optional

from .keeper import Keeper
from .pause import jittered
from .source import Source


class Reading:
    """Reads a store again and again, and whenever it says so: it pushes nothing, and who only listens would hear of nothing."""

    def __init__(
        self,
        source: Source,
        keeper: Keeper,
        stop: threading.Event,
        lifetime: float,
        on_problem: Callable[[BaseException], None],
    ) -> None:
        self._source = source
        self._keeper = keeper
        self._stop = stop
        self._lifetime = lifetime
        self._on_problem = on_problem
        targets = ((self._read_often, "keybaton-read"), (self._watch, "keybaton-watch"))
        self.threads: "List[Optional[threading.Thread]]" = [
            threading.Thread(target=target, name=name, daemon=True) for target, name in targets
        ]
        for thread in self.threads:
            if thread is not None:
                thread.start()

    def _read_often(self) -> None:
        while not self._stop.wait(jittered(0.75 * self._lifetime)):
            self._read()

    def _watch(self) -> None:
        try:
            self._source.watch(self._read, self._stop)
        except Exception as error:
            self._on_problem(error)

    def _read(self) -> None:
        try:
            self._keeper.refetch()
        except Exception as error:
            if not self._stop.is_set():
                self._on_problem(error)
