from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import pprint
import traceback
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import harness  # noqa: F401  (makes the package importable from a clone)
from keybaton_consumer import Secret, is_refused
from keybaton_consumer.hidden import Hidden
from keybaton_consumer.proof import possession_proof

VECTORS = Path(__file__).resolve().parents[3] / "test" / "vectors" / "proofs.json"
VALUE = "canary-7b2d"
SECRET = Secret({"username": "someone", "password": VALUE}, "kb" + "a" * 30, 3)


class ASecret(unittest.TestCase):
    def test_a_field_by_its_name_is_the_plain_value_and_fields_can_be_spread(self) -> None:
        self.assertEqual(SECRET.fields["password"], VALUE)
        self.assertEqual({**SECRET.fields}, {"username": "someone", "password": VALUE})
        with self.assertRaises(KeyError):
            SECRET.fields["passwort"]

    def test_printing_shows_no_value(self) -> None:
        log = io.StringIO()
        logger = logging.Logger("a test")
        logger.addHandler(logging.StreamHandler(log))
        logger.warning("%s %r", SECRET, SECRET.fields)
        ways: dict[str, Callable[[], str]] = {
            "str": lambda: f"{SECRET} {SECRET.fields}",
            "repr": lambda: repr([SECRET, {"fields": SECRET.fields}]),
            "views": lambda: f"{SECRET.fields.items()!r} {SECRET.fields.values()!r}",
            "pprint": lambda: pprint.pformat({"inside": [SECRET, SECRET.fields, vars(SimpleNamespace(f=SECRET))]}),
            "logging": log.getvalue,
            "a slot": lambda: repr([SECRET.fields, SECRET.fields._fields, SECRET.fields._fields.reveal]) + "[secret",
        }
        for how, shown in ways.items():
            with self.subTest(how):
                self.assertIn("[secret", shown())
                self.assertNotIn(VALUE, shown())

    def test_json_and_pickle_refuse_a_secret_and_its_fields(self) -> None:
        for thing in (SECRET, SECRET.fields, Hidden(VALUE)):
            for write in (json.dumps, pickle.dumps):
                with self.subTest(f"{write.__module__} of {thing}"), self.assertRaises(TypeError) as caught:
                    write(thing)  # type: ignore[operator]
                self.assertNotIn(VALUE, str(caught.exception))

    def test_a_copy_is_the_secret_itself_and_nothing_of_it_changes(self) -> None:
        self.assertIs(copy.deepcopy(SECRET), SECRET)
        with self.assertRaises(AttributeError):
            SECRET.version = "kb"

    def test_locals_that_a_traceback_shows_hold_no_value(self) -> None:
        def work(fields: Any) -> None:
            secret = SECRET  # noqa: F841
            raise ValueError("mine")

        try:
            work(SECRET.fields)
        except ValueError as error:
            shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        self.assertIn("[secret]", shown)
        self.assertNotIn(VALUE, shown)


class Proofs(unittest.TestCase):
    @unittest.skipUnless(VECTORS.exists(), "the vectors lie in keybaton's repository, which this is not a part of")
    def test_agree_with_the_vectors_that_every_sdk_and_the_api_are_held_to(self) -> None:
        vectors = json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]
        self.assertGreaterEqual(len(vectors), 5)
        for vector in vectors:
            with self.subTest(vector["about"]):
                parts = {name: vector[name] for name in ("credential", "version", "epoch", "consumer", "instance")}
                self.assertEqual(possession_proof(vector["value"], **parts), vector["proof"])

    def test_half_a_character_counts_as_the_replacement_character_as_it_does_for_the_api(self) -> None:
        parts: Any = {"credential": "p/e/a", "version": "kb", "epoch": 1, "consumer": "c", "instance": "i"}
        self.assertEqual(possession_proof("a\ud800b", **parts), possession_proof("a\ufffdb", **parts))


class Refusals(unittest.TestCase):
    def test_what_is_a_refusal_of_the_credential_and_what_is_not(self) -> None:
        def error(**attributes: Any) -> Exception:
            made = Exception("401")
            for name, what in attributes.items():
                setattr(made, name, what)
            return made

        libpq = type("OperationalError", (Exception,), {"__module__": "psycopg", "sqlstate": None})
        cases: list[tuple[BaseException, bool]] = [
            (error(status=401), True),
            (error(status_code=401), True),
            (error(code=401), True),
            (error(response=SimpleNamespace(status_code=401)), True),
            (error(response=SimpleNamespace(status=401)), True),
            (error(sqlstate="28P01"), True),
            (error(pgcode="28000"), True),
            (error(orig=error(pgcode="28P01")), True),
            (libpq('FATAL:  password authentication failed for user "app"'), True),
            (libpq('FATAL:  role "app" is not permitted to log in'), True),
            (libpq("connection timed out"), False),
            (error(status=403), False),
            (error(status_code=429), False),
            (error(sqlstate="42501"), False),
            (error(response=None), False),
            (Exception("password authentication failed"), False),
        ]
        for case, expected in cases:
            with self.subTest(f"{vars(case)} {case}"):
                self.assertEqual(is_refused(case), expected)


if __name__ == "__main__":
    unittest.main()
