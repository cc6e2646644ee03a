"""Against a real Vault or OpenBao, named by KEYBATON_TEST_VAULT (an address), KEYBATON_TEST_VAULT_TOKEN (root) and
KEYBATON_TEST_JWT (a file with a token that role `bot` of the auth method `jwt` takes): test/slow brings them."""

from __future__ import annotations

import json
import os
import secrets
import unittest
import urllib.request
from typing import Any, Mapping, Optional

import harness
from keybaton_consumer import ConsumerProblem
from keybaton_consumer.source import Source
from keybaton_consumer.sources.vault import Vault
from keybaton_consumer.sources.vault_login import VaultAuth, by_jwt, by_kubernetes, by_token, by_token_file
from store_scenarios import StoreScenarios

ADDRESS = os.environ["KEYBATON_TEST_VAULT"]
ROOT = os.environ["KEYBATON_TEST_VAULT_TOKEN"]
JWT = os.environ["KEYBATON_TEST_JWT"]


def raw(method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(f"{ADDRESS}/v1/{path}", method=method, headers={"x-vault-token": ROOT})
    content = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(request, content, timeout=20) as answer:
        text = answer.read()
    return json.loads(text) if text else None


class InVault(harness.Scenario):
    """A path of its own for each test."""

    def setUp(self) -> None:
        super().setUp()
        self.path = f"ai/prod/{secrets.token_hex(6)}/keys/bot"

    def write(self, stored: Mapping[str, str]) -> None:
        raw("POST", f"secret/data/{self.path}", {"data": dict(stored)})

    def source(self, auth: Optional[VaultAuth] = None) -> Source:
        return Vault(ADDRESS, self.path, auth=auth or by_jwt("bot", jwt_file=JWT))


class VaultByJwt(InVault, StoreScenarios):
    without_earlier = ""


class SigningIn(InVault):
    def setUp(self) -> None:
        super().setUp()
        raw("POST", f"secret/data/{self.path}", {"data": {"api_key": "canary-7b2d", "port": 5432, "on": True}})

    def test_by_a_token_or_a_file_with_one(self) -> None:
        wanted = {"api_key": "canary-7b2d", "port": "5432", "on": "true"}
        file = JWT + ".sink"
        with open(file, "w", encoding="utf-8") as sink:
            sink.write(f"{ROOT}\n")
        for auth in (by_token(ROOT), by_token(lambda: ROOT), by_token_file(file), by_jwt("bot", jwt_file=JWT)):
            self.assertEqual(dict(self.source(auth).current(20)), wanted)

    def test_again_when_a_token_was_ended_before_its_time(self) -> None:
        source = self.source()
        source.current(20)
        token = source._session._held.token.reveal()  # type: ignore[attr-defined]
        raw("POST", "auth/token/revoke", {"token": token})
        source.current(20)
        self.assertNotEqual(source._session._held.token.reveal(), token)  # type: ignore[attr-defined]

    def test_anew_before_its_end_and_what_is_in_hand_is_used_while_that_is_not_possible(self) -> None:
        source = self.source()
        source.current(20)
        session = source._session  # type: ignore[attr-defined]
        first = session._held
        first.renew_at = 0
        source.current(20)
        self.assertIsNot(session._held, first)
        session._auth.jwt_file = JWT + ".gone"
        session._held.renew_at = 0
        source.current(20)
        session._held.until = 0
        with self.assertRaises(ConsumerProblem) as caught:
            source.current(20)
        self.assertEqual(caught.exception.code, "INVALID_CONFIG")

    def test_that_fails_says_why_and_shows_neither_token_nor_value(self) -> None:
        cases: "list[tuple[VaultAuth, str, str]]" = [
            (by_token("no-such-token"), self.path, "ACCESS_DENIED"),
            (by_jwt("bot", jwt_file=JWT), "ai/prod/nothing", "NOT_FOUND"),
            (by_jwt("bot", jwt_file=JWT), "other", "ACCESS_DENIED"),
            (by_kubernetes("bot", jwt_file=JWT + ".none"), self.path, "INVALID_CONFIG"),
        ]
        for auth, path, code in cases:
            self.path = path
            with self.subTest(code), self.assertRaises(ConsumerProblem) as caught:
                self.source(auth).current(20)
            self.assertEqual(caught.exception.code, code)
            self.assertNotIn("no-such-token", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
