from __future__ import annotations

import contextlib
import http.client
import io
import logging
import os
import socket
import threading
import time
import traceback
import unittest
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any
from unittest import mock

from harness import Scenario, succeeds
from keybaton_consumer import ConsumerProblem, connect


def shown(error: BaseException) -> str:
    """All that a careless tool prints of an exception: locals, causes and contexts among it."""
    found = [repr(error), str(error), repr(vars(error))]
    known: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or one in known:
            continue
        known.append(one)
        waiting += [one.__cause__, one.__context__]
        found.append("".join(traceback.TracebackException.from_exception(one, capture_locals=True).format()))
    return "\n".join(found)


class Outages(Scenario):
    def test_while_keybaton_is_down_the_version_held_is_used_on_and_the_proof_follows(self) -> None:
        version = self.rotate()
        connection = self.start(lifetime=0)
        connection.secret()
        with self.fake.down():
            for _ in range(10):
                self.assertEqual(connection.use(self.work), version.value)
        self.until_proved()

    def test_a_version_that_was_not_confirmed_for_too_long_is_not_used_on(self) -> None:
        self.rotate()
        connection = self.start(lifetime=0, max_stale=0.3)
        connection.secret()
        with self.fake.down():
            self.until("it is too old", lambda: not succeeds(connection.secret))
        self.until("it is good again", lambda: succeeds(connection.secret))

    def test_also_not_while_a_newer_one_is_known_of(self) -> None:
        self.rotate()
        connection = self.start(max_stale=0.3)
        connection.secret()
        # Asked once and then, since it was told to wait, not again: all that is left is what it holds.
        with self.fake.answering(503, path="/secret", retry_after="60"):
            self.fake.rotate()
            self.until("it is too old", lambda: not succeeds(connection.secret))

    def test_a_proof_that_met_a_ledger_that_was_down_counts_after_the_retry(self) -> None:
        self.rotate()
        connection = self.start()
        connection.secret()
        with self.fake.answering(503, path="/proofs"):
            connection.use(self.work)
            self.until("it was refused once", lambda: any(getattr(one, "status", 0) == 503 for one in self.problems))
        self.until_proved()

    def test_a_proof_is_sent_again_no_sooner_than_asked(self) -> None:
        self.rotate()
        refused: list[tuple[float, object]] = []
        connection = self.start(
            follow=False,
            on_problem=lambda problem: refused.append((time.monotonic(), getattr(problem, "retry_after", None))),
        )
        connection.secret()
        with self.fake.answering(429, path="/proofs", retry_after="1"):
            connection.use(self.work)
            self.until("it was refused once", lambda: len(refused) > 0)
        self.until_proved()
        at, asked = refused[-1]
        self.assertGreaterEqual(time.monotonic() - at, 1)
        self.assertEqual(asked, 1)

    def test_whoever_holds_nothing_does_not_ask_again_sooner_than_asked(self) -> None:
        later = format_datetime(datetime.now(timezone.utc) + timedelta(minutes=10), usegmt=True)
        connection = self.start(follow=False)
        with self.fake.answering(503, path="/secret", retry_after=later):
            for _ in range(5):
                with self.assertRaises(ConsumerProblem) as caught:
                    connection.secret()
                self.assertEqual(caught.exception.status, 503)
                self.assertGreater(caught.exception.retry_after or 0, 300)
        self.assertEqual([one.path for one in self.fake.asked].count("/secret"), 1)

    def test_the_lease_is_renewed_before_it_lapses(self) -> None:
        self.rotate()
        connection = self.start(lease=1.5, follow=False)
        connection.secret()
        self.until("it was renewed twice", lambda: [one.method for one in self.fake.asked].count("PUT") >= 3)
        connection.use(self.work)
        self.until_proved()
        self.assertEqual(self.problems, [])

    def test_a_restart_under_the_same_name_proves_once_the_lease_of_the_start_before_has_lapsed(self) -> None:
        self.rotate()
        before = self.start(lease=1)
        before.secret()
        before.close()
        after = self.start(lease=1)
        after.use(self.work)
        self.until_proved()

    def test_leave_sends_what_is_not_acknowledged_deregisters_and_closes(self) -> None:
        self.rotate()
        job = self.start(follow=False)
        job.use(self.work)
        job.leave()
        self.assertEqual(self.fake.missing(), [])
        self.assertEqual(self.fake.instances, [])
        with self.assertRaises(ConsumerProblem) as caught:
            job.secret()
        self.assertEqual(caught.exception.code, "CLOSED")

    def test_leave_waits_for_the_proof_that_is_not_acknowledged_yet(self) -> None:
        self.rotate()
        job = self.start(follow=False)
        with self.fake.answering(503, path="/proofs"):
            job.use(self.work)
            self.until("the proof was refused", lambda: len(self.problems) > 0)
            leaving = threading.Thread(target=lambda: job.leave(within=60))
            leaving.start()
            leaving.join(0.3)
            self.assertTrue(leaving.is_alive())
        leaving.join()
        last = [tuple(one) for one in self.fake.asked][-2:]
        self.assertEqual(last, [("POST", "/proofs"), ("DELETE", "/instances/web-0")])

    def test_the_end_of_a_with_leaves_and_keeps_the_exception_of_its_block(self) -> None:
        self.rotate()
        with self.start() as connection:
            connection.use(self.work)
        self.assertEqual((self.fake.instances, self.fake.missing()), ([], []))
        with self.assertRaisesRegex(ValueError, "mine"), self.start(instance="web-1"), self.fake.answering(503):
            raise ValueError("mine")

    def test_a_deregistration_that_fails_is_raised_and_the_connection_closed_all_the_same(self) -> None:
        self.rotate()
        connection = self.start()
        connection.secret()
        with self.fake.answering(503), self.assertRaises(ConsumerProblem):
            connection.leave(within=0)
        self.assertFalse(succeeds(connection.secret))
        connection.leave()

    def test_closing_ends_what_waits_and_leaves_no_thread_behind(self) -> None:
        self.rotate()
        connection = self.start(timeout=30)
        connection.secret()
        with self.fake.holding("/secret"):
            waiting = threading.Thread(target=lambda: succeeds(connection.previous))
            waiting.start()
            self.until("it waits", lambda: [one.path for one in self.fake.asked].count("/secret") == 2)
            began = time.monotonic()
            connection.close()
            waiting.join()
        self.assertLess(time.monotonic() - began, 15)
        names = [one.name for one in threading.enumerate()]
        self.assertEqual([name for name in names if name.startswith("keybaton-")], [])

    def test_an_answer_that_trickles_is_cut_off_in_time(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        stop = threading.Event()

        def trickle(sock: socket.socket) -> None:
            try:
                # Read, so that the end is an orderly one.
                sock.recv(65_536)
                sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
                for _ in range(200):
                    if stop.wait(0.05):
                        return
                    sock.sendall(b" ")
            except OSError:
                pass
            finally:
                sock.close()

        def serve() -> None:
            while True:
                try:
                    sock, _address = listener.accept()
                except OSError:
                    return
                threading.Thread(target=trickle, args=(sock,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        connection = self.start(url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.5, follow=False)
        with self.assertRaises(ConsumerProblem) as caught:
            connection.secret()
        stop.set()
        self.assertEqual(str(caught.exception), "keybaton did not answer")

    def test_a_redirect_is_not_followed(self) -> None:
        connection = self.start(follow=False)
        with self.fake.answering(307, path="/secret"), self.assertRaises(ConsumerProblem) as caught:
            connection.secret()
        self.assertEqual(caught.exception.status, 307)

    @unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
    def test_in_a_forked_process_it_says_so_instead_of_standing_still_and_leaves_the_parent_alone(self) -> None:
        self.rotate()
        connection = self.start()
        connection.secret()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                connection.leave()
                connection.close()
                connection.secret()
            except ConsumerProblem as problem:
                code = 7 if problem.code == "CLOSED" else 2
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 7)
        self.assertEqual(self.fake.instances, [("web", "web-0")])
        self.assertEqual(connection.use(self.work), connection.secret().fields["api_key"])


class Leaks(Scenario):
    def test_no_value_proof_or_token_is_in_a_problem_a_traceback_a_log_line_or_a_connection(self) -> None:
        version = self.rotate()
        wrong = "kbc_" + "x" * 43
        log = io.StringIO()
        handler = logging.StreamHandler(log)
        logging.getLogger("keybaton_consumer").addHandler(handler)
        self.addCleanup(logging.getLogger("keybaton_consumer").removeHandler, handler)
        caught: list[BaseException] = []

        def collect(call: Any) -> None:
            try:
                call()
            except Exception as error:
                caught.append(error)

        def fail(_fields: Any) -> None:
            raise ValueError("mine")

        collect(self.start(token=wrong, on_problem=None).secret)
        # A header that cannot be sent: http.client quotes it.
        collect(self.start(token=wrong + "\r\nx: y", instance="web-2").secret)
        collect(self.start(proof_value=fail, instance="web-3", follow=False).secret)
        good = self.start(instance="web-1")
        good.use(self.work)
        collect(lambda: good.use(fail))
        with self.fake.answering(503):
            collect(good.previous)
        with self.fake.down():
            collect(good.previous)
            self.until("there are problems", lambda: len(self.problems) > 3)
        # An answer that is no secret, but holds one.
        odd = self.fake.rotate({"other": version.value, "api_key": "fake-other"})
        odd.value_field = "nothing"
        collect(good.previous)
        collect(lambda: self.start(instance="web-4", follow=False).secret())
        self.assertGreaterEqual(len(caught), 6)
        searched = [shown(error) for error in [*caught, *self.problems]] + [log.getvalue(), repr(good)]
        searched.append(repr({name: what for name, what in vars(good).items()}))
        for part in vars(good).values():
            searched.append(repr(getattr(part, "__dict__", part)))
        self.assertIn("ConsumerProblem", searched[0])
        for secret in (version.value, self.token, "x" * 43):
            self.assertNotIn(secret, "\n".join(searched))

    def test_nor_is_it_printed_where_http_client_prints_what_it_sends(self) -> None:
        version = self.rotate()
        printed = io.StringIO()
        with mock.patch.object(http.client.HTTPConnection, "debuglevel", 1), contextlib.redirect_stdout(printed):
            self.start().use(self.work)
            self.until_proved()
        self.assertNotIn(self.token, printed.getvalue())
        self.assertNotIn(version.value, printed.getvalue())

    def test_the_control_value_of_this_search_is_found(self) -> None:
        def raises(value: str) -> None:
            raise ValueError

        try:
            raises("canary-control")
        except ValueError as error:
            self.assertIn("canary-control", shown(error))

    def test_a_url_that_is_none_and_a_credential_that_is_none_are_refused(self) -> None:
        for url, credential in (
            ("ftp://127.0.0.1", "a/b/c"),
            ("http://name:word@127.0.0.1", "a/b/c"),
            ("http://127.0.0.1", "a/../c"),
            ("http://127.0.0.1", "a/b/c/secret?which=previous"),
        ):
            with self.subTest(f"{url} {credential}"), self.assertRaises(ValueError):
                connect(url, self.token, credential, "web", "web-0")


if __name__ == "__main__":
    unittest.main()
