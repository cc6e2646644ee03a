from __future__ import annotations

import threading
from typing import Callable, Optional, Union

from .api import Api
from .held import Held, ProofValue, read_held
from .problem import ConsumerProblem
from .secret import Fields
from .source import Source, held_from


class ApiReads:
    """Out of the embedded vault, by the API."""

    #: Seconds between two questions while a newer version is known of and not there yet.
    longest_pause = 2.0

    def __init__(self, api: Api, proof_value: Optional[ProofValue]) -> None:
        self._api = api
        self._proof_value = proof_value

    def current(self) -> Held:
        return read_held(self._api.ask("GET", "/secret?which=current"), self._proof_value)

    def previous(self) -> Held:
        """What may be fallen back to: asked for each time, since only keybaton knows whether it is compromised."""
        return read_held(self._api.ask("GET", "/secret?which=previous"), self._proof_value)

    def forget(self) -> None:
        """Nothing is remembered here."""


class SourceReads:
    """Out of a store beside keybaton, which is asked only what it alone knows."""

    longest_pause = 10.0

    def __init__(
        self,
        source: Source,
        api: Optional[Api],
        proof_value: Optional[ProofValue],
        timeout: float,
        on_problem: Callable[[BaseException], None],
    ) -> None:
        self._source = source
        #: None: nobody says which version may be fallen back to, so none is.
        self._api = api
        self._proof_value = proof_value
        self._timeout = timeout
        self._on_problem = on_problem
        self._lock = threading.Lock()
        #: The last two versions that were read: a mounted file shows none but the current one.
        self._remembered: "list[Held]" = []
        self._said_no_value = False

    def current(self) -> Held:
        held = self._held(lambda: self._source.current(self._timeout))
        if self._api is not None and held.value.reveal() is None and not self._said_no_value:
            self._said_no_value = True
            names = ", ".join(sorted(held.secret.fields))
            text = f"nothing is proved: pass proof_value, the one of the fields {names} that is the value"
            self._on_problem(ConsumerProblem("INVALID_CONFIG", text))
        with self._lock:
            others = [one for one in self._remembered if one.secret.version != held.secret.version]
            self._remembered = [held, *others][:2]
        return held

    def previous(self) -> Held:
        if self._api is None:
            text = "only keybaton knows whether an earlier version may still be used: pass url and token"
            raise ConsumerProblem("NOT_FOUND", text)
        standing = self._api.ask("GET", "/previous").reveal()
        version = standing.get("version") if isinstance(standing, dict) else None
        if not isinstance(version, str):
            raise ConsumerProblem("NO_ANSWER", "keybaton answered something that is no version")
        with self._lock:
            known = [one for one in self._remembered if one.secret.version == version]
        if known:
            return known[0]
        shown = self._held(lambda: self._source.before(version, self._timeout))
        if shown.secret.version != version:
            raise ConsumerProblem("NOT_FOUND", f"{self._source.name} does not show the earlier version any more")
        return shown

    def forget(self) -> None:
        with self._lock:
            self._remembered = []

    def _held(self, read: Callable[[], object]) -> Held:
        stored: Optional[Fields] = None
        failure: Optional[ConsumerProblem] = None
        try:
            stored = Fields(read())  # type: ignore[arg-type]
        except ConsumerProblem as problem:
            failure = problem.again()
        except Exception:
            pass
        # Raised out here: what was caught may quote what was read, and would hang on to this as its context.
        if stored is None:
            raise failure or ConsumerProblem("NO_ANSWER", f"{self._source.name} cannot be read")
        return held_from(stored, self._source.name, self._proof_value)


Reads = Union[ApiReads, SourceReads]
