from __future__ import annotations

import threading
import time
from typing import Callable, Optional

from .held import Held
from .pause import Backoff, jittered
from .problem import ConsumerProblem, closed, retry_after_of
from .reads import Reads


class _Question:
    """One question to the API, however many threads wait for its answer."""

    def __init__(self) -> None:
        self._answered = threading.Event()
        self._held: Optional[Held] = None
        self._failure: Optional[BaseException] = None
        self.asked_by: Optional[int] = None

    def settle(self, held: Optional[Held], failure: Optional[BaseException]) -> None:
        self._held, self._failure = held, failure
        self._answered.set()

    def answer(self) -> Held:
        self._answered.wait()
        if self._held is not None:
            return self._held
        if isinstance(self._failure, ConsumerProblem):
            raise self._failure.again()
        if isinstance(self._failure, Exception):
            raise self._failure
        raise ConsumerProblem("NO_ANSWER", "whoever asked keybaton was interrupted")


class Keeper:
    """Keeps the version of the highest epoch in memory, and nowhere else."""

    def __init__(
        self,
        reads: Reads,
        *,
        stop: threading.Event,
        registered: Callable[[], object],
        lifetime: float,
        max_stale: float,
        changed: Callable[[Held], None],
        on_problem: Callable[[BaseException], None],
    ) -> None:
        self._reads = reads
        self._stop = stop
        self._registered = registered
        self._lifetime = lifetime
        #: At three quarters of its lifetime a reading is made again, while what is held is used on.
        self._fresh_for = jittered(0.75 * lifetime)
        self._max_stale = max_stale
        self._changed = changed
        self._on_problem = on_problem
        self._lock = threading.Lock()
        self._held: Optional[Held] = None
        self._highest = 0
        self._heard_at = 0.0
        self._ask_again_at = 0.0
        self._quiet_until = 0.0
        self._last_problem: Optional[ConsumerProblem] = None
        self._retry = Backoff(0.1, 5.0)
        self._question: Optional[_Question] = None
        self.catching: Optional[threading.Thread] = None
        self.refreshing: Optional[threading.Thread] = None

    def current(self) -> Held:
        """From memory while it is fresh; else asked for, by one question however many threads wait."""
        if self._stop.is_set():
            raise closed()
        now = time.monotonic()
        with self._lock:
            held, question = self._held, self._question
            behind = held is not None and held.secret.epoch < self._highest
            age = now - self._heard_at
            # While a Retry-After runs nobody is asked; whoever holds nothing gets the problem once more.
            quiet = self._last_problem if now < self._quiet_until else None
            waits = now < self._ask_again_at
        if held is not None and behind:
            question = question or self._catch_up()
            if question is None:
                return self._stale_or(self._last_problem)
            return self._or_stale(lambda: self._answer_of(question))
        if held is not None and (age < self._fresh_for or (waits and age < self._max_stale)):
            return held
        if quiet is not None:
            return self._stale_or(quiet)
        if held is not None and age < self._lifetime:
            self._refresh()
            return held
        return self._or_stale(self.refetch)

    def refetch(self) -> Held:
        """Asked for now, past the memory."""
        with self._lock:
            question = self._question
            mine = None if question is not None else self._begin()
        if mine is None:
            return self._answer_of(question)
        return self._put(mine)

    def previous(self) -> Held:
        """What to fall back to: asked for each time, since only the API knows whether it is compromised."""
        return self._reads.previous()

    def told(self, epoch: int) -> None:
        """The API said that this epoch stands."""
        with self._lock:
            self._highest = max(self._highest, epoch)
            if self._held is None:
                return
            if self._held.secret.epoch >= self._highest:
                self._heard_at = time.monotonic()
                return
        self._catch_up()

    def seen(self) -> int:
        """The highest epoch we know of."""
        return self._highest

    def forget(self) -> None:
        with self._lock:
            self._held = None
        self._reads.forget()

    def _begin(self) -> _Question:
        """With the lock held."""
        self._question = _Question()
        return self._question

    def _answer_of(self, question: Optional[_Question]) -> Held:
        # A call-back that comes back to us from within its own question must not wait for itself.
        if question is None or question.asked_by == threading.get_ident():
            return self._stale_or(None)
        return question.answer()

    def _put(self, question: _Question) -> Held:
        question.asked_by = threading.get_ident()
        held: Optional[Held] = None
        failure: Optional[BaseException] = None
        try:
            held = self._ask()
            return held
        except BaseException as error:
            failure = error
            raise
        finally:
            with self._lock:
                self._question = None
                if failure is None:
                    self._retry.reset()
                    self._ask_again_at = self._quiet_until = 0.0
                else:
                    asked = retry_after_of(failure)
                    self._ask_again_at = time.monotonic() + self._retry.next(asked)
                    self._quiet_until = time.monotonic() + asked
                    self._last_problem = failure.again() if isinstance(failure, ConsumerProblem) else None
            question.settle(held, failure)

    def _ask(self) -> Held:
        self._registered()
        if self._stop.is_set():
            raise closed()
        answer = self._reads.current()
        with self._lock:
            self._heard_at = time.monotonic()
            # An answer of a lower epoch never replaces a higher one: it was only late.
            is_newer = self._held is None or answer.secret.epoch > self._held.secret.epoch
            held = answer if is_newer or self._held is None else self._held
            self._held = held
            self._highest = max(self._highest, held.secret.epoch)
            behind = held.secret.epoch < self._highest
        if is_newer:
            self._changed(held)
        if behind:
            self._catch_up(begin=False)
        return held

    def _refresh(self) -> None:
        """Nobody waits: what is held is good until its lifetime ends."""
        with self._lock:
            if self._question is not None or self._stop.is_set():
                return
            question = self._begin()
            thread = threading.Thread(target=self._put_quietly, args=(question,), name="keybaton-refresh", daemon=True)
            self.refreshing = thread
        try:
            thread.start()
        except RuntimeError as error:
            # The interpreter is ending. Nobody may wait for a question that nobody asks.
            with self._lock:
                self._question = None
            question.settle(None, error)

    def _put_quietly(self, question: _Question) -> None:
        try:
            self._put(question)
        except Exception:
            # Whoever asks once the lifetime is over is told.
            pass

    def _or_stale(self, ask: Callable[[], Held]) -> Held:
        try:
            return ask()
        except Exception as error:
            failure = error
        return self._stale_or(failure)

    def _stale_or(self, problem: Optional[Exception]) -> Held:
        """Bounded: a version that was not confirmed for longer than `max_stale` is not used on."""
        with self._lock:
            if self._held is not None and time.monotonic() - self._heard_at < self._max_stale:
                return self._held
        if self._stop.is_set():
            raise closed()
        if problem is None:
            raise ConsumerProblem("NO_ANSWER", "nothing is held that keybaton confirmed of late")
        raise problem.again() if isinstance(problem, ConsumerProblem) else problem

    def _catch_up(self, begin: bool = True) -> Optional[_Question]:
        """Asks until the epoch we know of is held. The question that begins it; None when that is under way already."""
        with self._lock:
            if self.catching is not None or self._stop.is_set():
                return self._question
            first = self._begin() if begin and self._question is None else None
            self.catching = threading.Thread(
                target=self._keep_asking, args=(first,), name="keybaton-catch-up", daemon=True
            )
            under_way = self._question
            thread = self.catching
        try:
            thread.start()
        except RuntimeError as error:
            # The interpreter is ending. Nobody may wait for a question that nobody asks.
            with self._lock:
                self.catching = None
                if first is not None:
                    self._question = None
            if first is not None:
                first.settle(None, error)
        return under_way

    def _keep_asking(self, first: Optional[_Question]) -> None:
        # The epoch is decided before the vault shows it: the first answers may still be the old one.
        behind = Backoff(0.05, self._reads.longest_pause)
        while True:
            asked = 0.0
            try:
                if first is None:
                    self.refetch()
                else:
                    self._put(first)
            except Exception as error:
                asked = retry_after_of(error)
                if not self._stop.is_set():
                    self._on_problem(error)
            first = None
            with self._lock:
                is_caught_up = self._held is None or self._held.secret.epoch >= self._highest
                if is_caught_up or self._stop.is_set():
                    self.catching = None
                    return
            self._stop.wait(behind.next(asked))
