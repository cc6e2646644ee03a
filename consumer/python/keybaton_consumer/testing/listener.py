from __future__ import annotations

import contextlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Iterator, Optional
from urllib.parse import parse_qs, unquote, urlsplit

from ..hidden import Hidden
from .standing import Refusal, Standing

_ping_every = 0.2
_longest_poll = 30.0


class Trouble:
    """What goes wrong on purpose, and what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.are_streams_cut = False
        self._answers: Optional[tuple[str, int, Optional[str]]] = None
        self._held: Optional[tuple[str, threading.Event]] = None

    def cut_streams(self) -> None:
        self.are_streams_cut = True

    def answer(self, path: str, status: int, retry_after: Optional[str]) -> None:
        self._answers = (path, status, retry_after)

    def hold(self, path: str, release: threading.Event) -> None:
        self._held = (path, release)

    def let_go(self) -> None:
        if self._held is not None:
            self._held[1].set()

    @contextlib.contextmanager
    def while_(self, begin: Callable[[], None]) -> Iterator[None]:
        before = (self.are_streams_cut, self._answers, self._held)
        begin()
        try:
            yield
        finally:
            self.are_streams_cut, self._answers, self._held = before

    def answer_to(self, path: str) -> Optional["tuple[int, Optional[str]]"]:
        if self._answers is None or not path.startswith(self._answers[0]):
            return None
        return self._answers[1:]

    def wait_for_release(self, path: str) -> None:
        if self._held is not None and path.startswith(self._held[0]):
            self._held[1].wait(_longest_poll)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    # Many consumers may come at one instant.
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A consumer that hung up is no news."""


class Listener:
    """The routes on a port of 127.0.0.1, until `stop`."""

    def __init__(self, credential: str, standing: Standing, trouble: Trouble, port: int = 0) -> None:
        self._stopping = threading.Event()
        self._standing = standing
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", port), self._handler(f"/v1/credentials/{credential}", trouble))
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="fake-keybaton", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with self._standing.changed:
            self._standing.changed.notify_all()
        with self._lock:
            for sock in self._sockets:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _handler(self, base: str, trouble: Trouble) -> "type[BaseHTTPRequestHandler]":
        standing, stopping, lock, sockets = self._standing, self._stopping, self._lock, self._sockets

        class Answers(BaseHTTPRequestHandler):
            timeout = 60
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                with lock:
                    sockets.add(self.connection)

            def finish(self) -> None:
                with lock:
                    sockets.discard(self.connection)
                super().finish()

            def log_message(self, format: str, *args: Any) -> None:
                """Tests have output of their own."""

            def do_GET(self) -> None:
                self._answer()

            def do_PUT(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self._answer()

            def do_DELETE(self) -> None:
                self._answer()

            def _answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length)) if length > 0 else {}
                parts = urlsplit(self.path)
                path = parts.path[len(base) :] if parts.path.startswith(f"{base}/") else ""
                trouble.asked.append((self.command, path))
                planned = trouble.answer_to(path)
                if planned is not None:
                    status, retry_after = planned
                    self._problem(Refusal(status, "UNAVAILABLE", "this is on purpose"), retry_after)
                    return
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                try:
                    consumer = standing.consumer_of(self.headers.get("authorization") or "")
                    if path == "/events" and "wait" not in query:
                        self._stream()
                        return
                    answer = self._route(consumer, path, query, body)
                except Refusal as refusal:
                    self._problem(refusal, None)
                    return
                except (KeyError, TypeError, ValueError):
                    self._problem(Refusal(400, "INVALID_CONFIG", "the request is not well-formed"), None)
                    return
                trouble.wait_for_release(path)
                self._json(200 if answer is not None else 204, "application/json", answer)

            def _route(self, consumer: str, path: str, query: "dict[str, str]", body: Any) -> Any:
                if path.startswith("/instances/"):
                    name = unquote(path[len("/instances/") :])
                    if self.command == "PUT":
                        return standing.beat(consumer, name, body["boot"], int(body["lease"]))
                    if self.command == "DELETE":
                        return standing.leave(consumer, name)
                if (self.command, path) == ("GET", "/secret"):
                    return standing.secret(consumer, query.get("which", "current"))
                if (self.command, path) == ("GET", "/previous"):
                    return standing.previous()
                if (self.command, path) == ("GET", "/events"):
                    return self._poll(float(query["wait"]) / 1000, int(query.get("epoch", "0")))
                if (self.command, path) == ("POST", "/proofs"):
                    return standing.prove(consumer, body)
                if (self.command, path) == ("POST", "/reports"):
                    return standing.report(consumer, body)
                raise Refusal(404, "NOT_FOUND", "there is no such route")

            def _poll(self, wait: float, epoch: int) -> Any:
                with standing.changed:
                    until = min(wait, _longest_poll)
                    standing.changed.wait_for(lambda: standing.epoch > epoch or stopping.is_set(), until)
                    return standing.events_of()

            def _stream(self) -> None:
                if trouble.are_streams_cut:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                self.close_connection = True
                told = -1
                while not stopping.is_set():
                    with standing.changed:
                        now = standing.events_of()
                    news = f"event: version\nid: {now['epoch']}\ndata: {json.dumps(now)}\n\n"
                    self._chunk((": still here\n\n" if now["epoch"] == told else news).encode())
                    told = now["epoch"]
                    self._wait_for_epoch_after(told)
                self._chunk(b"")

            def _chunk(self, content: bytes) -> None:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
                self.wfile.flush()

            def _wait_for_epoch_after(self, told: int) -> None:
                with standing.changed:
                    standing.changed.wait_for(lambda: standing.epoch > told or stopping.is_set(), _ping_every)

            def _problem(self, refusal: Refusal, retry_after: Optional[str]) -> None:
                told = {"status": refusal.status, "code": refusal.code, "detail": refusal.detail}
                self._json(refusal.status, "application/problem+json", told, retry_after)

            def _json(self, status: int, kind: str, answer: Any, retry_after: Optional[str] = None) -> None:
                text = b"" if answer is None else json.dumps(answer, default=_reveal).encode()
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(text)))
                if retry_after is not None:
                    self.send_header("retry-after", retry_after)
                self.end_headers()
                self.wfile.write(text)

        return Answers


def _reveal(hidden: object) -> Any:
    if isinstance(hidden, Hidden):
        return hidden.reveal()
    raise TypeError

