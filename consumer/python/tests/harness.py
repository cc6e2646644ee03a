from __future__ import annotations

import sys
import time
import unittest
from pathlib import Path
from typing import Any, Callable

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from keybaton_consumer import Connection, connect  # noqa: E402
from keybaton_consumer.testing import FakeKeybaton, Version  # noqa: E402


class Refused(Exception):
    """What the pretended provider answers to a credential it does not accept."""

    status = 401


class Scenario(unittest.TestCase):
    """The package against its fake, with a provider that refuses what it does not accept."""

    def setUp(self) -> None:
        self.fake = FakeKeybaton("in-memory/dev/app", consumers=["web"])
        self.addCleanup(self.fake.close)
        self.token = self.fake.token("web")
        self.accepts: set[str] = set()
        self.problems: list[BaseException] = []
        self.changes: list[int] = []

    def start(self, **options: Any) -> Connection:
        given: dict[str, Any] = {
            "url": self.fake.url,
            "token": self.token,
            "credential": self.fake.credential,
            "consumer": "web",
            "instance": "web-0",
            "avoid_refused": 0,
            # Long: the machine may be busy, and none of these tests waits for it but those that say so.
            "timeout": 20,
            "on_change": lambda version, epoch: self.changes.append(epoch),
            "on_problem": self.problems.append,
        }
        connection = connect(**{**given, **options})
        self.addCleanup(connection.close)
        return connection

    def work(self, fields: Any) -> str:
        """What the application does with the credential."""
        if fields["api_key"] in self.accepts:
            return str(fields["api_key"])
        raise Refused("refused")

    def rotate(self) -> Version:
        version = self.fake.rotate()
        self.accepts.add(version.value)
        return version

    def until(self, what: str, holds: Callable[[], bool], within: float = 20.0) -> None:
        """Polls until it holds; a noisy machine only takes longer."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if holds():
                return
            time.sleep(0.01)
        self.fail(f"it did not come true in time: {what}")

    def until_proved(self) -> None:
        self.fake.wait_for_proof(20)

    def until_held(self, connection: Connection, version: Version) -> None:
        self.until("it is held", lambda: connection.secret().version == version.version)


def succeeds(call: Callable[[], object]) -> bool:
    try:
        call()
    except Exception:
        return False
    return True
