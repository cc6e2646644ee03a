from __future__ import annotations

import http.client
import json
import re
import time
from email.utils import parsedate_to_datetime
from typing import Any, Callable, Iterator, Optional, Union
from urllib.parse import urlsplit

from .hidden import Hidden
from .problem import ConsumerProblem
from .wire import Wire, Wires, deadline

Token = Union[str, Callable[[], str]]

_part = "[a-z0-9][a-z0-9-]{0,62}"
_credential = re.compile(f"{_part}/{_part}/{_part}")
_longest_answer = 4_000_000
_longest_line = 65_536
#: Who asks us to wait longer than this, in seconds, is asked again all the same.
_longest_wait = 3_600.0


class Api:
    """The routes of one credential. What it raises and the frames it raises from hold no token, secret or proof."""

    def __init__(self, url: str, token: Token, credential: str, timeout: float, ssl_context: Optional[Any]) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None or parts.username is not None:
            raise ValueError("url must be such as http://127.0.0.1:7270")
        if _credential.fullmatch(credential) is None:
            raise ValueError("credential must be provider/environment/application")
        is_tls = parts.scheme == "https"
        if is_tls and ssl_context is None:
            import ssl

            ssl_context = ssl.create_default_context()
        self._host = parts.hostname
        self._port = parts.port or (443 if is_tls else 80)
        self._host_header = parts.netloc
        self._base = f"{parts.path.rstrip('/')}/v1/credentials/{credential}"
        self._token = Hidden(token)
        self._wires = Wires(self._host, self._port, ssl_context if is_tls else None)
        self.timeout = timeout

    def ask(self, method: str, path: str, body: Optional[Hidden] = None, timeout: Optional[float] = None) -> Hidden:
        """The JSON of a good answer, hidden; None in it when there is none to read."""
        remaining = deadline(self.timeout if timeout is None else timeout)
        wire = None
        answer: Optional[http.client.HTTPResponse] = None
        content = Hidden(b"")
        bearer = self._bearer()
        try:
            wire = self._wires.connect(remaining)
            answer = self._send(wire, method, path, bearer, body)
            content = Hidden(answer.read(_longest_answer))
        except Exception:
            answer = None
        finally:
            if wire is not None:
                self._wires.close(wire)
        # Raised out here: what was caught may quote the request, and would hang on to this as its context.
        if answer is None:
            raise self._no_answer()
        if not 200 <= answer.status < 300:
            raise _problem_from(answer, content)
        return _parsed(content)

    def lines(self, path: str, silence: float) -> Iterator[str]:
        """The lines of an event stream as they arrive, until it ends; none for `silence` seconds is an end as well."""
        wire = None
        answer: Optional[http.client.HTTPResponse] = None
        bearer = self._bearer()
        try:
            try:
                wire = self._wires.connect(deadline(self.timeout))
                answer = self._send(wire, "GET", path, bearer, None, accept="text/event-stream")
            except Exception:
                answer = None
            if answer is None or wire is None:
                raise self._no_answer()
            kind = answer.headers.get("content-type") or ""
            if answer.status != 200 or not kind.startswith("text/event-stream"):
                raise _no_stream(answer)
            wire.remaining = lambda: silence
            while True:
                try:
                    line = answer.readline(_longest_line)
                except Exception:
                    return
                if not line.endswith(b"\n"):
                    return
                yield line.decode("utf-8", "replace").rstrip("\r\n")
        finally:
            if wire is not None:
                self._wires.close(wire)

    def cut(self) -> None:
        """Ends every call under way, and lets none begin."""
        self._wires.cut()

    def _bearer(self) -> Hidden:
        self._wires.refuse_if_cut()
        token = self._token.reveal
        return Hidden(token()() if callable(token()) else token())

    def _send(
        self,
        wire: Wire,
        method: str,
        path: str,
        bearer: Hidden,
        body: Optional[Hidden],
        accept: str = "application/json",
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self._host, self._port)
        # Who switches this on for all of http.client would have our token and secret printed.
        connection.set_debuglevel(0)
        connection.sock = wire  # type: ignore[assignment]
        headers = {
            "host": self._host_header,
            "authorization": f"Bearer {bearer.reveal()}",
            "accept": accept,
            "connection": "close",
        }
        if body is None:
            connection.request(method, self._base + path, headers=headers)
        else:
            headers["content-type"] = "application/json"
            connection.request(method, self._base + path, json.dumps(body.reveal()).encode("utf-8"), headers)
        # Redirects are not followed: one would carry the token to a host that nobody named.
        return connection.getresponse()

    def _no_answer(self) -> ConsumerProblem:
        self._wires.refuse_if_cut()
        return ConsumerProblem("NO_ANSWER", "keybaton did not answer")


def _no_stream(answer: http.client.HTTPResponse) -> ConsumerProblem:
    return ConsumerProblem("NO_ANSWER", "keybaton opened no event stream", answer.status, retry_after_in(answer))


def _problem_from(answer: http.client.HTTPResponse, content: Hidden) -> ConsumerProblem:
    code, detail = "UNAVAILABLE", f"keybaton answered {answer.status}"
    if (answer.headers.get("content-type") or "").startswith("application/problem+json"):
        try:
            told = json.loads(content.reveal())
        except Exception:
            told = None
        if isinstance(told, dict):
            code = told["code"] if isinstance(told.get("code"), str) else code
            detail = told["detail"] if isinstance(told.get("detail"), str) else detail
    return ConsumerProblem(code, detail, answer.status, retry_after_in(answer))


def retry_after_in(answer: http.client.HTTPResponse) -> Optional[float]:
    """Seconds, from either of its two forms: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after"""
    said = (answer.headers.get("retry-after") or "").strip()
    try:
        if re.fullmatch(r"[0-9.]+", said):
            seconds = float(said)
        else:
            seconds = parsedate_to_datetime(said).timestamp() - time.time()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return min(max(seconds, 0.0), _longest_wait)


def _parsed(content: Hidden) -> Hidden:
    if content.reveal() == b"":
        return Hidden(None)
    try:
        return Hidden(json.loads(content.reveal()))
    except Exception:
        # The parser's error quotes what it was given: it must not become the context of ours.
        pass
    raise ConsumerProblem("NO_ANSWER", "keybaton answered something that is not JSON")
