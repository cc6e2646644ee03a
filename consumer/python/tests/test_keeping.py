from __future__ import annotations

import threading
import traceback
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Mapping, Optional

from harness import Connection, Scenario, succeeds
from keybaton_consumer import ConsumerProblem, connect
from keybaton_consumer.source import Source


def stored_as(epoch: int) -> "dict[str, str]":
    return {"api_key": f"key {epoch}", "keybaton_version": "kb" + str(epoch) * 30, "keybaton_epoch": str(epoch)}


class CountingStore(Source):
    """A store in memory that counts how often it is read, and can be away."""

    name = "a store in memory"

    def __init__(self) -> None:
        self.reads = 0
        self.away = False
        self.held: Optional[threading.Event] = None
        self.stored: "dict[str, str]" = stored_as(1)

    def current(self, timeout: float) -> Mapping[str, str]:
        self.reads += 1
        stored = self.stored
        if self.held is not None:
            self.held.wait(20)
        if self.away:
            raise OSError("canary-7b2d")
        return stored


class Keeping(Scenario):
    """How long what was read is kept, whatever store it came from."""

    def setUp(self) -> None:
        super().setUp()
        self.store = CountingStore()

    def begin(self, **options: Any) -> Connection:
        return self.start(**{"url": None, "token": None, "source": self.store, **options})

    @staticmethod
    def key(fields: Mapping[str, str]) -> str:
        return fields["api_key"]

    def test_one_reading_serves_however_many_threads_wait_for_it_and_the_next_ones_come_from_memory(self) -> None:
        self.store.held = threading.Event()
        connection = self.begin()
        with ThreadPoolExecutor(20) as pool:
            waiting = [pool.submit(connection.use, self.key) for _ in range(20)]
            self.until("it is read", lambda: self.store.reads == 1)
            self.store.held.set()
            self.assertEqual({one.result() for one in waiting}, {"key 1"})
        connection.use(self.key)
        self.assertEqual(self.store.reads, 1)

    def test_at_three_quarters_of_its_lifetime_it_is_read_again_while_nobody_waits_and_who_listens_hears_of_it(self) -> None:
        connection = self.begin(lifetime=0.4)
        connection.secret()
        self.store.stored = stored_as(2)
        self.until("it is read again by itself", lambda: self.store.reads >= 2)
        self.until("the change is told", lambda: self.changes[-1] == 2)
        self.assertEqual(connection.use(self.key), "key 2")

    def test_between_three_quarters_and_the_end_of_a_lifetime_nobody_waits_for_the_reading(self) -> None:
        connection = self.begin(lifetime=60, follow=False)
        connection.secret()
        self.store.held = threading.Event()
        keeper = connection._keeper
        keeper._heard_at -= 55
        self.store.stored = stored_as(2)
        self.assertEqual(connection.use(self.key), "key 1")
        self.until("it is read meanwhile", lambda: self.store.reads == 2)
        self.store.held.set()
        self.until("the newer one is held", lambda: connection.secret().epoch == 2)

    def test_while_the_store_is_away_the_version_held_is_used_on_for_a_bounded_time(self) -> None:
        connection = self.begin(lifetime=0.01, max_stale=0.4)
        connection.secret()
        self.store.away = True
        for _ in range(5):
            self.assertEqual(connection.use(self.key), "key 1")
        self.until("it is too old", lambda: not succeeds(connection.secret))
        self.store.away = False
        self.until("it is good again", lambda: succeeds(connection.secret))
        self.assertNotIn("canary", "".join(map(str, self.problems)))

    def test_a_lower_epoch_never_replaces_a_higher_one(self) -> None:
        self.store.stored = stored_as(2)
        connection = self.begin(lifetime=0, follow=False)
        connection.secret()
        self.store.stored = stored_as(1)
        self.assertEqual(connection.secret().epoch, 2)

    def test_what_nobody_promoted_is_refused_says_what_is_missing_and_shows_no_value(self) -> None:
        self.store.stored = {"api_key": "canary-7b2d"}
        with self.assertRaises(ConsumerProblem) as caught:
            self.begin(follow=False).secret()
        self.assertEqual(caught.exception.code, "INVALID_CONFIG")
        self.assertIn("keybaton_version", str(caught.exception))
        shown = traceback.TracebackException.from_exception(caught.exception, capture_locals=True)
        self.assertNotIn("canary", "".join(shown.format()))

    def test_of_several_fields_nobody_guesses_which_is_proved_and_that_is_said_once(self) -> None:
        version = self.rotate()
        self.store.stored = {**stored_as(1), "keybaton_version": version.version, "more": "x"}
        connection = self.begin(url=self.fake.url, token=self.token)
        connection.use(self.key)
        connection.use(self.key)
        said = [str(one) for one in self.problems]
        self.assertEqual(len(said), 1)
        self.assertIn("api_key, more", said[0])
        self.assertEqual(len(self.fake.missing()), 1)

    def test_neither_a_source_nor_keybaton_or_half_an_address_is_refused_at_once(self) -> None:
        cases: "list[tuple[Any, ...]]" = [(None, None, None), ("http://127.0.0.1:1", None, self.store), (None, "kbc_x", self.store)]
        for url, token, source in cases:
            with self.subTest(f"{url} {token}"), self.assertRaises(ConsumerProblem) as caught:
                connect(url, token, "in-memory/dev/app", "web", "web-0", source=source)
            self.assertEqual(caught.exception.code, "INVALID_CONFIG")

    def test_close_leaves_no_thread_behind(self) -> None:
        before = set(threading.enumerate())
        connection = self.begin(lifetime=60)
        connection.secret()
        connection.close()
        self.until("they have ended", lambda: not set(threading.enumerate()) - before)


if __name__ == "__main__":
    unittest.main()
