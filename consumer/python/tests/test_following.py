from __future__ import annotations

import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from harness import Scenario, succeeds


class Following(Scenario):
    def test_threads_that_ask_at_once_share_one_question_and_the_answer_stays_in_memory(self) -> None:
        version = self.rotate()
        connection = self.start()
        with ThreadPoolExecutor(20) as pool:
            secrets = list(pool.map(lambda _: connection.secret(), range(20)))
        self.assertEqual({(one.version, one.epoch) for one in secrets}, {(version.version, 1)})
        self.assertEqual({one.fields["api_key"] for one in secrets}, {version.value})
        connection.secret()
        self.assertEqual(self.fake.reads, [("web", version.version)])

    def test_the_instance_is_registered_before_the_first_secret_is_read(self) -> None:
        self.rotate()
        with self.fake.holding("/instances") as release:
            connection = self.start(follow=False)
            reading = threading.Thread(target=connection.secret)
            reading.start()
            self.until("it registers", lambda: len(self.fake.asked) > 0)
            reading.join(0.3)
            self.assertEqual([one.path for one in self.fake.asked], ["/instances/web-0"])
            release.set()
            reading.join()
        self.assertEqual([one.path for one in self.fake.asked], ["/instances/web-0", "/secret"])
        self.assertEqual(self.fake.instances, [("web", "web-0")])

    def test_reading_proves_nothing_and_the_first_successful_use_does_once(self) -> None:
        self.rotate()
        connection = self.start()
        connection.secret()

        def fail(_fields: object) -> None:
            raise OSError("disk full")

        with self.assertRaisesRegex(OSError, "disk full"):
            connection.use(fail)
        self.assertEqual([tuple(one) for one in self.fake.missing()], [("web", "web-0", "not proved")])
        connection.use(self.work)
        self.until_proved()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: connection.use(self.work), range(40)))
        connection.leave()
        self.assertEqual([one.path for one in self.fake.asked].count("/proofs"), 1)
        self.assertEqual(self.problems, [])

    def test_threads_whose_first_uses_succeed_at_once_prove_once(self) -> None:
        self.rotate()
        connection = self.start()
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda _: connection.use(self.work), range(64)))
        self.until_proved()
        connection.leave()
        self.assertEqual([one.path for one in self.fake.asked].count("/proofs"), 1)

    def test_a_new_version_is_pushed_used_and_proved_without_anybody_asking(self) -> None:
        self.rotate()
        connection = self.start()
        connection.use(self.work)
        self.until_proved()
        second = self.rotate()
        self.until_held(connection, second)
        self.assertEqual(len(self.fake.missing()), 1)
        self.assertEqual(connection.use(self.work), second.value)
        self.until_proved()
        self.assertEqual(self.changes, [1, 2])
        # One stream told all of it.
        self.assertEqual([one.path for one in self.fake.asked].count("/events"), 1)

    def test_where_streams_are_cut_long_polls_bring_the_news(self) -> None:
        self.rotate()
        with self.fake.without_streams():
            connection = self.start()
            connection.secret()
            self.until_held(connection, self.rotate())

    def test_after_an_outage_the_news_come_again(self) -> None:
        self.rotate()
        connection = self.start()
        connection.secret()
        with self.fake.down():
            self.assertFalse(succeeds(connection.previous))
        self.until_held(connection, self.rotate())

    def test_the_highest_epoch_is_followed_whatever_version_it_names(self) -> None:
        first = self.rotate()
        connection = self.start()
        self.until_held(connection, self.rotate())
        epoch = self.fake.roll_back(first)
        self.until("the first is held again", lambda: connection.secret().epoch == epoch)
        self.assertEqual(connection.secret().version, first.version)
        connection.use(self.work)
        self.until_proved()

    def test_an_answer_of_a_lower_epoch_never_replaces_a_higher_one(self) -> None:
        self.rotate()
        connection = self.start(follow=False, lifetime=0)
        connection.secret()
        second = self.rotate()
        self.until_held(connection, second)
        # Shown again under its old epoch, as a replica that lags behind would.
        self.fake._standing._shown = self.fake._standing._before
        reads = len(self.fake.reads)
        self.assertEqual(connection.secret().version, second.version)
        self.assertEqual(connection.use(self.work), second.value)
        self.assertGreater(len(self.fake.reads), reads)
        self.assertEqual(self.changes, [1, 2])

    def test_between_the_decision_and_the_vault_the_version_held_is_used_on(self) -> None:
        first = self.rotate()
        connection = self.start()
        connection.use(self.work)
        second = self.fake.issue()
        self.accepts.add(second.value)
        self.fake.decide(second)
        self.until("it heard of it and asks", lambda: len(self.fake.reads) > 2)
        self.assertEqual(connection.use(self.work), first.value)
        self.fake.show()
        self.until_held(connection, second)

    def test_without_following_a_version_is_asked_for_again_after_a_while(self) -> None:
        self.rotate()
        connection = self.start(follow=False, lifetime=0.05)
        connection.secret()
        self.until_held(connection, self.rotate())
        self.assertNotIn("/events", [one.path for one in self.fake.asked])

    def test_two_instances_are_proved_each_by_itself(self) -> None:
        self.rotate()
        one, two = self.start(), self.start(instance="web-1")
        one.secret()
        two.secret()
        one.use(self.work)
        self.until("one is proved", lambda: len(self.fake.missing()) == 1)
        self.assertEqual(self.fake.missing()[0].instance, "web-1")
        two.use(self.work)
        self.until_proved()

    def test_a_token_that_was_replaced_is_taken_with_the_next_call(self) -> None:
        self.rotate()
        tokens = ["kbc_wrong"]
        connection = self.start(token=lambda: tokens[-1], follow=False)
        with self.assertRaises(Exception) as caught:
            connection.secret()
        self.assertEqual(getattr(caught.exception, "code", None), "ACCESS_DENIED")
        tokens.append(self.token)
        connection.use(self.work)
        self.until_proved()


if __name__ == "__main__":
    unittest.main()
