from __future__ import annotations

import inspect
import logging
import os
import threading
import time
from types import TracebackType
from typing import Any, Callable, Mapping, Optional, Type, TypeVar

from .api import Api
from .held import Held, ProofValue
from .keeper import Keeper
from .problem import ConsumerProblem, closed
from .reading import Reading
from .reads import ApiReads, Reads, SourceReads
from .secret import Secret
from .source import Source
from .tells import AnyWitness, NoWitness, Tells

Result = TypeVar("Result")
OnChange = Callable[[str, int], None]
OnProblem = Callable[[BaseException], None]

_log = logging.getLogger("keybaton_consumer")


class _Outcome:
    """How a run of the application's function ended: with a result, or with a refusal of the credential."""

    def __init__(self, result: Any = None, refusal: Optional[Exception] = None) -> None:
        self.result = result
        self.refusal = refusal


class _FallenBack:
    """While this lasts, the current version was refused and the previous one worked."""

    def __init__(self, epoch: int, held: Held, until: float) -> None:
        self.epoch = epoch
        self.held = held
        self.until = until


class Connection:
    """One running copy of a consumer. All of it may be used by any number of threads. Made by `connect`."""

    def __init__(
        self,
        api: Optional[Api],
        source: Optional[Source],
        credential: str,
        consumer: str,
        instance: str,
        *,
        on_change: Optional[OnChange],
        on_problem: Optional[OnProblem],
        is_refused: Callable[[BaseException], bool],
        proof_value: Optional[ProofValue],
        lease: float,
        follow: bool,
        lifetime: float,
        max_stale: float,
        timeout: float,
        avoid_refused: float,
    ) -> None:
        self._source = source
        self._timeout = timeout
        self._name = f"{credential} as {consumer}/{instance}"
        self._on_change = on_change
        self._on_problem = on_problem
        self._is_refused = is_refused
        self._avoid_refused = avoid_refused
        self._process = os.getpid()
        self._stop = threading.Event()
        self._fallen_back: Optional[_FallenBack] = None
        self._tells: Optional[Tells] = None
        reads: Reads
        if source is not None:
            reads = SourceReads(source, api, proof_value, timeout, self._tell)
        elif api is not None:
            reads = ApiReads(api, proof_value)
        else:
            raise ConsumerProblem("INVALID_CONFIG", "url and token of keybaton are missing, and so is a source")
        self._keeper = Keeper(
            reads,
            stop=self._stop,
            registered=lambda: self._tells and self._tells.wait_until_registered(),
            lifetime=lifetime,
            max_stale=max_stale,
            changed=self._changed,
            on_problem=self._tell,
        )
        if api is not None:
            self._tells = Tells(
                api,
                self._stop,
                credential,
                consumer,
                instance,
                lease=lease,
                follow=follow,
                keeper=self._keeper,
                tell=self._tell,
            )
        self._witness: AnyWitness = NoWitness() if self._tells is None else self._tells.witness
        self._reading = (
            Reading(source, self._keeper, self._stop, lifetime, self._tell) if source is not None and follow else None
        )
        #: False: there is no keybaton to tell, so no rotation learns what this instance uses.
        self.proves = api is not None
        if api is None:
            text = f"{self._name}: without url and token of keybaton nothing is proved, so a rotation that waits for it is held"
            self._tell(ConsumerProblem("UNPROVED", text))

    def secret(self) -> Secret:
        """The version to use now. From memory; while what it is read from is down, the one held."""
        self._refuse_in_other_process()
        return self._keeper.current().secret

    def previous(self) -> Secret:
        """The version before, while it lives and is not compromised."""
        self._refuse_in_other_process()
        return self._keeper.previous().secret

    def use(self, fn: Callable[[Mapping[str, str]], Result]) -> Result:
        """Runs `fn` with the fields. Its first success with a version is proved to keybaton.

        When it raises an exception for which `is_refused` is true, the secret is asked for again and `fn` run with it
        if it is another one, then with the previous version, and keybaton is told. Any other exception is yours and comes
        back as it is. `fn` is a plain function: from asyncio, `await asyncio.to_thread(connection.use, fn)`.
        """
        self._refuse_in_other_process()
        fallen = self._fallen_back
        if fallen is not None:
            if fallen.epoch >= self._keeper.seen() and time.monotonic() < fallen.until and not self._stop.is_set():
                again = self._attempt(fn, fallen.held)
                if again.refusal is None:
                    return again.result  # type: ignore[no-any-return]
            self._fallen_back = None

        held = self._keeper.current()
        outcome = self._attempt(fn, held)
        if outcome.refusal is not None:
            fresh = self._fresh_or(held)
            if fresh.secret.epoch != held.secret.epoch:
                held = fresh
                outcome = self._attempt(fn, held)
        if outcome.refusal is None:
            self._witness.used(held)
            return outcome.result  # type: ignore[no-any-return]

        before = self._before(held)
        if before is None:
            self._witness.refused(held)
            raise outcome.refusal
        # Told first: evidence must not stand while we live on what it lets be killed.
        self._witness.fell_back(held, before)
        last = self._attempt(fn, before)
        if last.refusal is not None:
            raise outcome.refusal
        self._fallen_back = _FallenBack(held.secret.epoch, before, time.monotonic() + self._avoid_refused)
        return last.result  # type: ignore[no-any-return]

    def leave(self, within: float = 10.0) -> None:
        """Waits for what is not acknowledged yet (at most `within` seconds), deregisters, and closes.

        For the end of a process for good. Raises when keybaton does not take the deregistration; it is closed all the
        same.
        """
        if self._process != os.getpid() or self._stop.is_set():
            return
        try:
            if self._tells is not None:
                self._tells.leave(within)
        finally:
            self.close()

    def close(self) -> None:
        """Stops without deregistering: the lease runs out, and blocks until this instance returns.

        Leaves no thread behind.
        """
        if self._process != os.getpid():
            return
        self._stop.set()
        if self._tells is not None:
            self._tells.stop()
        if self._source is not None:
            self._source.cut()
        self._keeper.forget()
        self._fallen_back = None
        until = time.monotonic() + self._timeout
        threads = [self._keeper.catching, self._keeper.refreshing]
        threads += [] if self._tells is None else self._tells.threads
        threads += [] if self._reading is None else self._reading.threads
        for thread in threads:
            if thread is not None and thread is not threading.current_thread() and thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        """Leaves. What goes wrong then does not take the place of an exception of yours."""
        try:
            self.leave()
        except ConsumerProblem as problem:
            if error is None:
                raise
            self._tell(problem)

    def __repr__(self) -> str:
        return f"[connection to {self._name}]"

    def _attempt(self, fn: Callable[[Mapping[str, str]], Any], held: Held) -> _Outcome:
        try:
            result = fn(held.secret.fields)
        except Exception as error:
            if self._is_refused(error):
                return _Outcome(refusal=error)
            raise
        # It has not run yet: nothing was used, so there is nothing to prove.
        if inspect.isawaitable(result) or inspect.isgenerator(result) or inspect.isasyncgen(result):
            if inspect.iscoroutine(result):
                result.close()
            raise TypeError("use() runs plain functions: from asyncio, await asyncio.to_thread(connection.use, fn)")
        return _Outcome(result)

    def _fresh_or(self, held: Held) -> Held:
        try:
            return self._keeper.refetch()
        except Exception:
            return held

    def _before(self, held: Held) -> Optional[Held]:
        try:
            before = self._keeper.previous()
        except Exception:
            return None
        return None if before.secret.version == held.secret.version else before

    def _changed(self, held: Held) -> None:
        if self._on_change is None:
            return
        try:
            self._on_change(held.secret.version, held.secret.epoch)
        except Exception as error:
            self._tell(error)

    def _tell(self, problem: BaseException) -> None:
        if self._on_problem is None:
            # The message of what a call-back of yours raised may be no text for a log.
            said = problem if isinstance(problem, ConsumerProblem) else type(problem).__name__
            _log.warning("%s: %s", self._name, said)
            return
        try:
            self._on_problem(problem)
        except Exception as error:
            # Nobody is left to tell but the log; a thread of ours must not end by it.
            _log.error("%s: on_problem raised %s", self._name, type(error).__name__)

    def _refuse_in_other_process(self) -> None:
        # The threads that keep it up to date did not come along, and its locks may be held for ever.
        if self._process != os.getpid():
            raise ConsumerProblem("CLOSED", "this connection was made before a fork: connect in each process")
        if self._stop.is_set():
            raise closed()

