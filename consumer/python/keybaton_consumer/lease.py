from __future__ import annotations

import threading
from typing import Callable
from urllib.parse import quote

from .api import Api
from .hidden import Hidden
from .pause import Backoff, jittered
from .problem import closed, retry_after_of


class Lease:
    """Keeps this instance registered, from now on: renewed at about a third of the lease, by a thread of its own.

    While an earlier start of the same name still beats, registering is refused; it is tried again until that one's
    lease has lapsed.
    """

    def __init__(
        self, api: Api, instance: str, boot: str, seconds: float, on_problem: Callable[[BaseException], None]
    ) -> None:
        self._api = api
        self._path = f"/instances/{quote(instance, safe='')}"
        self._boot = boot
        self._seconds = seconds
        self._on_problem = on_problem
        self._stop = threading.Event()
        #: Set once the first registration was answered, or not: a secret is not read before it was tried.
        self.tried = threading.Event()
        self.thread = threading.Thread(target=self._keep, name="keybaton-lease", daemon=True)
        self.thread.start()

    def renew(self) -> None:
        """Registers again now, for example because the API does not know us any more. Never after `stop`."""
        if self._stop.is_set():
            raise closed()
        self._api.ask("PUT", self._path, Hidden({"boot": self._boot, "lease": round(self._seconds * 1000)}))

    def leave(self) -> None:
        """Deregisters. `stop` comes first: a renewal after this would register us again."""
        self._api.ask("DELETE", f"{self._path}?boot={quote(self._boot, safe='')}")

    def stop(self) -> None:
        self._stop.set()
        self.tried.set()

    def _keep(self) -> None:
        retry = Backoff(min(0.25, self._seconds / 10), max(self._seconds / 3, 0.05))
        while not self._stop.is_set():
            try:
                self.renew()
                retry.reset()
                wait = jittered(self._seconds / 3)
            except Exception as error:
                if not self._stop.is_set():
                    self._on_problem(error)
                wait = retry.next(retry_after_of(error))
            self.tried.set()
            self._stop.wait(wait)
