from __future__ import annotations

from typing import Any, Callable, Mapping

from harness import Connection, Refused, Version
from keybaton_consumer import ConsumerProblem
from keybaton_consumer.source import Source


def stored_as(version: Version, epoch: int) -> "dict[str, str]":
    """As keybaton's backends write it."""
    marks = {"keybaton_version": version.version, "keybaton_epoch": str(epoch)}
    return {"username": "someone", "api_key": version.value, **marks}


class StoreScenarios:
    """What a consumer may rely on, whatever store it reads from. Mixed into a Scenario that says which."""

    #: The code of the problem where the store shows no earlier version to who never held it; empty: it does show it.
    without_earlier = "NOT_FOUND"

    def write(self, stored: Mapping[str, str]) -> None:
        """Makes this what the store calls current."""
        raise NotImplementedError

    def source(self) -> Source:
        raise NotImplementedError

    def begin(self: Any, **options: Any) -> Connection:
        return self.start(**{"source": self.source(), "proof_value": "api_key", **options})  # type: ignore[no-any-return]

    def promote(self: Any) -> Version:
        version: Version = self.rotate()
        self.write(stored_as(version, version.epoch))
        return version

    def test_a_version_is_read_used_and_proved_and_so_is_the_next_one(self: Any) -> None:
        first = self.promote()
        connection = self.begin()
        self.assertTrue(connection.proves)
        self.assertEqual(connection.use(self.work), first.value)
        self.until_proved()
        second = self.promote()
        self.until_held(connection, second)
        self.assertEqual(len(self.fake.missing()), 1)
        self.assertEqual(connection.use(self.work), second.value)
        self.until_proved()
        # It came from the store alone.
        self.assertEqual(self.fake.reads, [])
        connection.leave()
        self.assertEqual(self.fake.instances, [])

    def test_fields_that_are_not_of_keybaton_are_there_and_its_own_marks_are_not(self: Any) -> None:
        version = self.promote()
        secret = self.begin().secret()
        told = (sorted(secret.fields), secret.version, secret.epoch)
        self.assertEqual(told, (["api_key", "username"], version.version, 1))

    def test_when_the_current_one_is_refused_the_previous_one_is_used_and_its_evidence_withdrawn(self: Any) -> None:
        first = self.promote()
        connection = self.begin()
        connection.use(self.work)
        second = self.promote()
        self.until("the second is used", lambda: connection.use(self.work) == second.value)
        self.until_proved()
        self.accepts.discard(second.value)
        self.assertEqual(connection.use(self.work), first.value)
        self.assertEqual([one.why for one in self.fake.missing()], ["withdrawn"])
        self.assertEqual([(one.what, one.version) for one in self.fake.reports], [("fell-back", first.version)])

    def test_a_compromised_version_is_never_fallen_back_to(self: Any) -> None:
        first = self.promote()
        connection = self.begin()
        connection.use(self.work)
        second = self.promote()
        self.until_held(connection, second)
        self.fake.compromise(first)
        self.accepts.discard(second.value)
        tried: "list[str]" = []

        def work(fields: Any) -> str:
            tried.append(fields["api_key"])
            return str(self.work(fields))

        with self.assertRaises(Refused):
            connection.use(work)
        self.assertEqual(tried, [second.value])
        self.assert_problem("NOT_FOUND", connection.previous)
        self.assertEqual([one.what for one in self.fake.reports], ["refused"])

    def test_a_process_that_never_held_the_previous_version_finds_it_where_the_store_shows_it(self: Any) -> None:
        first = self.promote()
        self.promote()
        connection = self.begin()
        if self.without_earlier:
            self.assert_problem(self.without_earlier, connection.previous)
        else:
            self.assertEqual(connection.previous().version, first.version)

    def test_without_keybaton_it_reads_and_uses_says_that_nothing_is_proved_and_falls_back_to_nothing(self: Any) -> None:
        first = self.promote()
        connection = self.begin(url=None, token=None)
        self.assertFalse(connection.proves)
        self.assertEqual([getattr(one, "code", "") for one in self.problems], ["UNPROVED"])
        self.assertEqual(connection.use(self.work), first.value)
        second = self.promote()
        self.accepts.discard(first.value)
        self.until("a refusal or a later look finds the second", lambda: connection.use(self.work) == second.value)
        self.accepts.clear()
        self.accepts.add(first.value)
        with self.assertRaises(Refused):
            connection.use(self.work)
        connection.leave()
        self.assertEqual(self.fake.asked, [])

    def assert_problem(self: Any, code: str, call: Callable[[], object]) -> None:
        with self.assertRaises(ConsumerProblem) as caught:
            call()
        self.assertEqual(caught.exception.code, code)

