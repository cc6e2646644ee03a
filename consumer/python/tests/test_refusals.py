from __future__ import annotations

import asyncio
import unittest
from typing import Any

from harness import Refused, Scenario
from keybaton_consumer import ConsumerProblem


class RefusalsOfTheProvider(Scenario):
    def test_a_refused_credential_is_asked_for_again_and_the_newer_one_used_at_once(self) -> None:
        first = self.rotate()
        connection = self.start(follow=False)
        connection.use(self.work)
        second = self.rotate()
        self.accepts.discard(first.value)
        self.assertEqual(connection.use(self.work), second.value)
        self.until_proved()
        self.assertEqual(self.fake.reports, [])

    def test_when_the_current_one_is_refused_the_previous_one_is_used_and_keybaton_is_told(self) -> None:
        first = self.rotate()
        connection = self.start()
        second = self.rotate()
        self.until_held(connection, second)
        connection.use(self.work)
        self.until_proved()
        self.accepts.discard(second.value)
        self.assertEqual(connection.use(self.work), first.value)
        self.assertEqual([tuple(one) for one in self.fake.missing()], [("web", "web-0", "withdrawn")])
        for _ in range(5):
            self.assertEqual(connection.use(self.work), first.value)
        self.assertEqual(
            [tuple(one) for one in self.fake.reports], [("web", "web-0", "fell-back", first.version, 2)]
        )

    def test_when_the_current_one_works_again_it_is_used_and_proved_again(self) -> None:
        self.rotate()
        connection = self.start()
        second = self.rotate()
        self.until_held(connection, second)
        connection.use(self.work)
        self.until_proved()
        self.accepts.discard(second.value)
        connection.use(self.work)
        self.assertEqual([one.why for one in self.fake.missing()], ["withdrawn"])
        self.accepts.add(second.value)
        self.assertEqual(connection.use(self.work), second.value)
        self.until_proved()

    def test_a_previous_version_is_used_on_for_a_while_instead_of_trying_the_refused_one_at_every_use(self) -> None:
        first = self.rotate()
        connection = self.start(avoid_refused=60)
        second = self.rotate()
        self.until_held(connection, second)
        self.accepts.discard(second.value)
        connection.use(self.work)
        tried: list[str] = []
        connection.use(lambda fields: (tried.append(fields["api_key"]), self.work(fields)))
        self.assertEqual(tried, [first.value])
        third = self.rotate()
        self.until("a new epoch ends it", lambda: connection.use(self.work) == third.value)

    def test_a_compromised_version_is_never_fallen_back_to(self) -> None:
        first = self.rotate()
        connection = self.start()
        second = self.rotate()
        self.until_held(connection, second)
        self.fake.compromise(first)
        self.accepts.discard(second.value)
        tried: list[str] = []
        with self.assertRaises(Refused):
            connection.use(lambda fields: (tried.append(fields["api_key"]), self.work(fields)))
        self.assertEqual(tried, [second.value])
        with self.assertRaises(ConsumerProblem) as caught:
            connection.previous()
        self.assertEqual(caught.exception.code, "NOT_FOUND")
        self.assertEqual([one.what for one in self.fake.reports], ["refused"])

    def test_a_version_that_is_only_remembered_is_never_fallen_back_to(self) -> None:
        first = self.rotate()
        connection = self.start()
        connection.use(self.work)
        self.until_proved()
        second = self.rotate()
        self.until_held(connection, second)
        self.accepts.discard(second.value)
        tried: list[str] = []
        with self.fake.answering(503, path="/secret"), self.assertRaises(Refused):
            connection.use(lambda fields: (tried.append(fields["api_key"]), self.work(fields)))
        self.assertEqual(tried, [second.value])
        self.assertIn(first.value, self.accepts)

    def test_an_exception_that_is_no_refusal_comes_back_as_it_is_and_is_not_tried_again(self) -> None:
        # There is a previous version, which it must not be tried with.
        self.rotate()
        second = self.rotate()
        mine = ValueError("too many")
        tried: list[str] = []

        def fail(fields: Any) -> None:
            tried.append(fields["api_key"])
            raise mine

        with self.assertRaises(ValueError) as caught:
            self.start().use(fail)
        self.assertIs(caught.exception, mine)
        self.assertEqual((tried, self.fake.reports), ([second.value], []))

    def test_what_counts_as_a_refusal_can_be_said(self) -> None:
        first = self.rotate()
        connection = self.start(follow=False, is_refused=lambda error: isinstance(error, PermissionError))
        connection.use(self.work)
        second = self.rotate()

        def work(fields: Any) -> str:
            if fields["api_key"] == first.value:
                raise PermissionError
            return str(fields["api_key"])

        self.assertEqual(connection.use(work), second.value)

    def test_a_function_that_has_not_run_yet_is_refused_and_proves_nothing(self) -> None:
        self.rotate()
        connection = self.start()

        async def later(fields: Any) -> None:
            self.work(fields)

        def lazily(fields: Any) -> Any:
            yield self.work(fields)

        for work in (later, lazily):
            with self.assertRaisesRegex(TypeError, "to_thread"):
                connection.use(work)
        connection.leave()
        self.assertNotIn("/proofs", [one.path for one in self.fake.asked])

    def test_from_asyncio_by_a_thread(self) -> None:
        version = self.rotate()
        connection = self.start()

        async def main() -> list[str]:
            return await asyncio.gather(*(asyncio.to_thread(connection.use, self.work) for _ in range(4)))

        self.assertEqual(asyncio.run(main()), [version.value] * 4)
        self.until_proved()


if __name__ == "__main__":
    unittest.main()
