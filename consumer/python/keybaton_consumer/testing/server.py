from __future__ import annotations

import contextlib
import secrets
import threading
from types import TracebackType
from typing import Iterator, Mapping, NamedTuple, Optional, Type

from .listener import Listener, Trouble
from .standing import Missing, Report, Standing, Version


class Asked(NamedTuple):
    method: str
    path: str


class FakeKeybaton:
    """keybaton's consumer API for tests: serves versions, rotates, takes proofs, and judges them as the real one does.

        with FakeKeybaton("openai/test/app", consumers=["web"]) as fake:
            version = fake.rotate()
            keys = connect(fake.url, fake.token("web"), fake.credential, "web", "web-0")
            keys.use(work)
            fake.wait_for_proof()
    """

    def __init__(
        self, credential: str = "in-memory/dev/app", consumers: "tuple[str, ...] | list[str]" = ("web",)
    ) -> None:
        self.credential = credential
        self._standing = Standing(credential, tuple(consumers))
        self._trouble = Trouble()
        self._listener = Listener(credential, self._standing, self._trouble)
        self.url = self._listener.url

    def token(self, consumer: str = "web") -> str:
        return self._standing.token(consumer)

    def rotate(self, fields: Optional[Mapping[str, str]] = None, value_field: str = "api_key") -> Version:
        """A new version is current, as far as a rotation gets before it waits for proofs. No `fields`: random ones."""
        version = self.issue(fields, value_field)
        self.decide(version)
        self.show()
        return version

    def issue(self, fields: Optional[Mapping[str, str]] = None, value_field: str = "api_key") -> Version:
        """Made, and not yet decided."""
        made = fields or {"username": "someone", value_field: "fake-" + secrets.token_hex(18)}
        return self._standing.issue(Version(made, value_field))

    def decide(self, version: Version) -> int:
        """Its epoch stands and is told; the vault shows the one before until `show`."""
        return self._standing.decide(version)

    def show(self) -> None:
        """The vault shows the version that was decided last, and the one before as previous."""
        self._standing.show()

    def roll_back(self, version: Version) -> int:
        """An earlier version is current again, under a new epoch."""
        epoch = self.decide(version)
        self.show()
        return epoch

    def compromise(self, version: Version) -> None:
        """It is never given as previous any more."""
        self._standing.compromise(version)

    def missing(self) -> "list[Missing]":
        """What a rotation still waits for before the version before may die; empty: it may."""
        return self._standing.missing()

    def wait_for_proof(self, within: float = 10.0) -> None:
        """Returns once every registered instance has proved the newest epoch; AssertionError when it takes too long."""
        with self._standing.changed:
            if not self._standing.changed.wait_for(lambda: self._standing.missing() == [], within):
                raise AssertionError(f"not proved in {within} s: {self._standing.missing()}")

    @property
    def reports(self) -> "list[Report]":
        """Fall-backs and refusals that consumers reported."""
        return list(self._standing.reports)

    @property
    def reads(self) -> "list[tuple[str, str]]":
        """Who read which version, oldest first."""
        return list(self._standing.reads)

    @property
    def instances(self) -> "list[tuple[str, str]]":
        """Consumer and instance of those that registered and did not leave."""
        return self._standing.instances()

    @property
    def proofs_refused(self) -> int:
        return self._standing.proofs_refused

    @property
    def asked(self) -> "list[Asked]":
        """Method and path below the credential of every request, oldest first, noted when it arrives."""
        return [Asked(*one) for one in self._trouble.asked]

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Nothing listens meanwhile; open streams are cut."""
        self._listener.stop()
        try:
            yield
        finally:
            self._listener = Listener(self.credential, self._standing, self._trouble, self._listener.port)

    @contextlib.contextmanager
    def answering(self, status: int, *, path: str = "/", retry_after: Optional[str] = None) -> Iterator[None]:
        """Meanwhile requests whose path below the credential begins so are answered with this alone."""
        with self._trouble.while_(lambda: self._trouble.answer(path, status, retry_after)):
            yield

    @contextlib.contextmanager
    def without_streams(self) -> Iterator[None]:
        """Something between us breaks event streams: their connections end without an answer."""
        with self._trouble.while_(self._trouble.cut_streams):
            yield

    @contextlib.contextmanager
    def holding(self, path: str) -> Iterator[threading.Event]:
        """Answers to requests whose path below the credential begins so wait until the event is set."""
        release = threading.Event()
        with self._trouble.while_(lambda: self._trouble.hold(path, release)):
            try:
                yield release
            finally:
                release.set()

    def close(self) -> None:
        self._trouble.let_go()
        self._listener.stop()

    def __enter__(self) -> "FakeKeybaton":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()
