from __future__ import annotations

import json
import threading
import time
from typing import Callable, Optional, Union
from urllib.parse import quote

from ..hidden import Hidden
from ..problem import ConsumerProblem
from ..source import parsed
from ..store_client import StoreAnswer, StoreClient, merged, read_token_file

_pod_token = "/var/run/secrets/kubernetes.io/serviceaccount/token"


class VaultAuth:
    """How to sign in. Made by one of the functions below."""

    def __init__(self, token: Optional[Callable[[], Hidden]], role: str = "", jwt_file: str = "", mount: str = "") -> None:
        #: None: by a login.
        self.token = token
        self.role = role
        self.jwt_file = jwt_file
        self.mount = mount


def by_token(token: Union[str, Callable[[], str]]) -> VaultAuth:
    """A token, or what answers one at each use."""
    given = Hidden(token)
    return VaultAuth(lambda: Hidden(given.reveal()()) if callable(given.reveal()) else given)


def by_token_file(path: str) -> VaultAuth:
    """A file that something else keeps fresh, such as Vault Agent's sink."""
    return VaultAuth(lambda: read_token_file(path))


def by_kubernetes(role: str, *, jwt_file: str = _pod_token, mount: str = "kubernetes") -> VaultAuth:
    """The token of the pod's service account, read from its file at each login."""
    return VaultAuth(None, role, jwt_file, mount)


def by_jwt(role: str, *, jwt_file: str = _pod_token, mount: str = "jwt") -> VaultAuth:
    """A token of another issuer, read from its file at each login."""
    return VaultAuth(None, role, jwt_file, mount)


class _LoggedIn:
    def __init__(self, token: Hidden, life: float) -> None:
        self.token = token
        self.renew_at = time.monotonic() + 0.75 * life
        self.until = time.monotonic() + life


class Session:
    """Tokens for calls: logs in once for however many threads, anew at three quarters of a token's life, and after a refusal."""

    def __init__(self, client: StoreClient, auth: VaultAuth, headers: Hidden) -> None:
        self._client = client
        self._auth = auth
        self._headers = headers
        self._lock = threading.Lock()
        self._held: Optional[_LoggedIn] = None

    def token(self, timeout: float) -> Hidden:
        if self._auth.token is not None:
            return self._auth.token()
        with self._lock:
            before = self._held
            if before is not None and time.monotonic() < before.renew_at:
                return before.token
            try:
                self._held = self._log_in(timeout)
            except ConsumerProblem:
                # What is in hand is good to its end; the next reading tries again.
                if before is None or time.monotonic() >= before.until:
                    raise
                return before.token
            return self._held.token

    def forget(self) -> bool:
        """The token was refused. Was it one of a login, so that another one may help?"""
        with self._lock:
            may_help = self._held is not None
            self._held = None
            return may_help

    def _log_in(self, timeout: float) -> _LoggedIn:
        auth = self._auth
        jwt = read_token_file(auth.jwt_file)
        body = Hidden(json.dumps({"role": auth.role, "jwt": jwt.reveal()}).encode("utf-8"))
        headers = merged(self._headers, {"content-type": "application/json"})
        answer = self._client.call("POST", f"/v1/auth/{quote(auth.mount)}/login", headers, timeout, body)
        if answer.status != 200:
            why = f"at the login at {auth.mount} for role {auth.role}: see its bound names, audience and issuer"
            raise self._client.refusal(answer, why)
        return self._logged_in(answer)

    def _logged_in(self, answer: StoreAnswer) -> _LoggedIn:
        told = parsed(answer.content)
        given = Hidden(told.reveal().get("auth") if isinstance(told.reveal(), dict) else None)
        if isinstance(given.reveal(), dict):
            token, seconds = Hidden(given.reveal().get("client_token")), given.reveal().get("lease_duration")
            if isinstance(token.reveal(), str) and isinstance(seconds, int):
                # 0: it does not end.
                return _LoggedIn(token, float("inf") if seconds == 0 else float(seconds))
        raise ConsumerProblem("NO_ANSWER", f"{self._client.name} answered a login with something else than a token")
