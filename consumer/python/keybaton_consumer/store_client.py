from __future__ import annotations

import http.client
from typing import Any, Mapping, Optional
from urllib.parse import urlsplit

from .api import retry_after_in
from .hidden import Hidden
from .problem import ConsumerProblem
from .wire import Wires, deadline

_largest_answer = 4_000_000
_codes = {401: "ACCESS_DENIED", 403: "ACCESS_DENIED", 404: "NOT_FOUND", 429: "RATE_LIMITED"}


class StoreAnswer:
    def __init__(self, status: int, content: Hidden, retry_after: Optional[float]) -> None:
        self.status = status
        self.content = content
        self.retry_after = retry_after


class StoreClient:
    """Calls to one address. What it raises, and the frames it raises from, hold neither what was sent nor what came back."""

    def __init__(self, address: str, name: str, ssl_context: Optional[Any] = None) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or parts.hostname is None or parts.username is not None:
            raise ConsumerProblem("INVALID_CONFIG", f"the address of {name} must be such as https://example.com:8200")
        is_tls = parts.scheme == "https"
        if is_tls and ssl_context is None:
            import ssl

            ssl_context = ssl.create_default_context()
        self.name = name
        self.host_header = parts.netloc
        self._base = parts.path.rstrip("/")
        self._host = parts.hostname
        self._port = parts.port or (443 if is_tls else 80)
        self._wires = Wires(self._host, self._port, ssl_context if is_tls else None)

    def call(
        self, method: str, path: str, headers: Hidden, timeout: float, body: Optional[Hidden] = None
    ) -> StoreAnswer:
        """`headers` hides a mapping, `body` bytes."""
        remaining = deadline(timeout)
        wire = None
        answer: Optional[http.client.HTTPResponse] = None
        content = Hidden(b"")
        self._wires.refuse_if_cut()
        try:
            wire = self._wires.connect(remaining)
            connection = http.client.HTTPConnection(self._host, self._port)
            # Who switches this on for all of http.client would have our token and secret printed.
            connection.set_debuglevel(0)
            connection.sock = wire  # type: ignore[assignment]
            sent = Hidden({"host": self.host_header, "connection": "close", **headers.reveal()})
            connection.request(method, self._base + path, None if body is None else body.reveal(), sent.reveal())
            # Redirects are not followed: one would carry a token to a host that nobody named.
            answer = connection.getresponse()
            content = Hidden(answer.read(_largest_answer))
        except Exception:
            answer = None
        finally:
            if wire is not None:
                self._wires.close(wire)
        # Raised out here: what was caught may quote the request, and would hang on to this as its context.
        if answer is None:
            self._wires.refuse_if_cut()
            raise ConsumerProblem("NO_ANSWER", f"{self.name} did not answer")
        return StoreAnswer(answer.status, content, retry_after_in(answer))

    def refusal(self, answer: StoreAnswer, why: str = "") -> ConsumerProblem:
        """Of an answer that is none of the good ones."""
        code = _codes.get(answer.status, "UNAVAILABLE" if answer.status >= 500 else "INVALID_CONFIG")
        text = f"{self.name} answered {answer.status}{f' ({why})' if why else ''}"
        return ConsumerProblem(code, text, answer.status, answer.retry_after)

    def cut(self) -> None:
        self._wires.cut()


def read_token_file(path: str) -> Hidden:
    """What a platform mounts and keeps fresh: read at each use."""
    try:
        with open(path, encoding="utf-8") as file:
            return Hidden(file.read().strip())
    except (OSError, UnicodeDecodeError) as error:
        said = type(error).__name__
    raise ConsumerProblem("INVALID_CONFIG", f"the token file {path} cannot be read ({said})")


def merged(headers: Hidden, more: Mapping[str, str]) -> Hidden:
    return Hidden({**headers.reveal(), **more})
