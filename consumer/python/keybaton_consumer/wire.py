from __future__ import annotations

import io
import socket
import threading
import time
from typing import Any, Callable, Optional

from .problem import closed

Remaining = Callable[[], float]


def deadline(seconds: float) -> Remaining:
    """What is left of so many seconds from now on. TimeoutError when nothing is."""
    end = time.monotonic() + seconds

    def remaining() -> float:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    return remaining


class Wire(io.RawIOBase):
    """One connection as http.client needs it, on which every byte comes in time: a trickle is cut off as well.

    `remaining` says how long the next reading may take; it may be replaced on the way.
    """

    def __init__(self, sock: socket.socket, remaining: Remaining) -> None:
        super().__init__()
        self._sock = sock
        self.remaining = remaining

    def sendall(self, content: bytes) -> None:
        self._sock.settimeout(self.remaining())
        self._sock.sendall(content)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self.remaining())
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        """Whoever opened the connection closes it: http.client would do so before the answer is read."""


class Wires:
    """The connections to one host that are open now, so that `cut` can end whatever waits on them."""

    def __init__(self, host: str, port: int, tls: Optional[Any]) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._is_cut = False

    def connect(self, remaining: Remaining) -> Wire:
        failure: Optional[OSError] = None
        # How long a name is looked up is decided by the system's resolver.
        for family, kind, protocol, _name, address in socket.getaddrinfo(
            self._host, self._port, type=socket.SOCK_STREAM
        ):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(remaining())
                sock.connect(address)
                if self._tls is not None:
                    sock = self._tls.wrap_socket(sock, server_hostname=self._host)
                self._note(sock)
                return Wire(sock, remaining)
            except OSError as error:
                sock.close()
                failure = error
        raise failure or OSError("no address")

    def _note(self, sock: socket.socket) -> None:
        with self._lock:
            if self._is_cut:
                raise OSError("closed")
            self._open.add(sock)

    def close(self, wire: Wire) -> None:
        sock = wire._sock
        with self._lock:
            self._open.discard(sock)
        sock.close()

    def refuse_if_cut(self) -> None:
        if self._is_cut:
            raise closed()

    def cut(self) -> None:
        """Ends every call under way; none is begun any more."""
        with self._lock:
            self._is_cut = True
            for sock in self._open:
                try:
                    # Past the TLS layer, which another thread is reading through.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
                except OSError:
                    pass
