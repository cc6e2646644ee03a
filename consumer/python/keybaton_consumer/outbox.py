from __future__ import annotations

import collections
import threading
import time
from typing import Callable, Deque, Optional

from .api import Api
from .hidden import Hidden
from .pause import Backoff
from .problem import ConsumerProblem, is_final, retry_after_of


class Letter:
    """Something that the API has to acknowledge: a proof or a report."""

    def __init__(self, path: str, epoch: int, body: Hidden, then: Optional[Callable[[bool], None]] = None) -> None:
        self.path = path
        self.epoch = epoch
        self.body = body
        #: Called with whether it was acknowledged.
        self.then = then
        self.settled = threading.Event()

    def settle(self, acknowledged: bool) -> None:
        self.settled.set()
        if self.then is not None:
            self.then(acknowledged)


class Outbox:
    """One letter after the other, in the order in which they were written: no older proof may overtake a report."""

    def __init__(
        self,
        api: Api,
        stop: threading.Event,
        still_counts: Callable[[Letter], bool],
        on_problem: Callable[[BaseException], None],
    ) -> None:
        self._api = api
        self._stop = stop
        #: The world moved on (409): looks again, and says whether this letter can still count.
        self._still_counts = still_counts
        self._on_problem = on_problem
        self._waiting: Deque[Letter] = collections.deque()
        self._changed = threading.Condition()
        self._busy = False
        self.thread = threading.Thread(target=self._send_all, name="keybaton-outbox", daemon=True)
        self.thread.start()

    def send(self, letter: Letter) -> None:
        """Sends it until the API has acknowledged it, or it can no longer count."""
        with self._changed:
            self._waiting.append(letter)
            self._changed.notify_all()

    def drained(self, within: float) -> bool:
        """Waits until nothing waits any more, for so many seconds at most."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, within)

    def stop(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _send_all(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._waiting) or self._stop.is_set())
                if not self._waiting:
                    return
                letter = self._waiting.popleft()
                self._busy = True
            letter.settle(self._deliver(letter))

    def _deliver(self, letter: Letter) -> bool:
        retry = Backoff(0.2, 10.0)
        while not self._stop.is_set():
            try:
                self._api.ask("POST", letter.path, letter.body)
                return True
            except Exception as error:
                if self._stop.is_set():
                    return False
                problem = error
            self._on_problem(problem)
            conflict = isinstance(problem, ConsumerProblem) and problem.status == 409
            if is_final(problem) and not (conflict and self._still_counts(letter)):
                return False
            self._stop.wait(retry.next(retry_after_of(problem)))
        return False


def wait_for(letter: Letter, until: float) -> None:
    """Until it is settled, or until this moment of the monotonic clock."""
    letter.settled.wait(max(0.0, until - time.monotonic()))
