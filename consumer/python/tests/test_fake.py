from __future__ import annotations

import http.client
import json
import unittest
from typing import Any

from harness import Scenario
from keybaton_consumer.proof import possession_proof


class TheFake(Scenario):
    """Held to what the real API answers, by the requests of somebody who has no SDK."""

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> "tuple[int, Any]":
        connection = http.client.HTTPConnection("127.0.0.1", int(self.fake.url.rsplit(":", 1)[1]), timeout=10)
        headers = {"authorization": f"Bearer {token or self.token}", "content-type": "application/json"}
        content = None if body is None else json.dumps(body)
        connection.request(method, f"/v1/credentials/{self.fake.credential}{path}", content, headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, json.loads(text) if text else None

    def test_a_wrong_token_another_credential_and_a_missing_version_are_refused(self) -> None:
        self.assertEqual(self.ask("GET", "/secret", token="kbc_wrong")[0], 403)
        self.assertEqual(self.ask("GET", "/secret")[1]["code"], "NOT_FOUND")
        self.assertEqual(self.ask("GET", "/nothing")[0], 404)
        self.assertEqual(self.ask("POST", "/proofs", {})[0], 400)

    def test_proofs_are_judged(self) -> None:
        version = self.rotate()
        parts: Any = {"credential": self.fake.credential, "version": version.version, "epoch": 1, "consumer": "web"}
        good = possession_proof(version.value, instance="i", **parts)
        body = {"version": version.version, "epoch": 1, "instance": "i", "boot": "b", "proof": good}
        self.assertEqual(self.ask("POST", "/proofs", body)[0], 409)
        self.assertEqual(self.ask("PUT", "/instances/i", {"boot": "b", "lease": 60_000})[0], 200)
        self.assertEqual(self.ask("PUT", "/instances/i", {"boot": "c", "lease": 60_000})[0], 409)
        for change in ({"proof": "0" * 64}, {"instance": "j"}, {"version": "kb" + "0" * 30}):
            with self.subTest(str(change)):
                self.assertEqual(self.ask("POST", "/proofs", {**body, **change})[0], 422)
        self.assertEqual(self.ask("POST", "/proofs", {**body, "epoch": 2})[0], 409)
        self.assertEqual(self.ask("POST", "/proofs", {**body, "boot": "c"})[0], 409)
        self.assertEqual(self.ask("POST", "/proofs", body)[1]["missing"], 0)
        self.rotate()
        self.assertEqual(self.ask("POST", "/proofs", body)[0], 409)
        self.assertEqual(self.ask("DELETE", "/instances/i?boot=b")[0], 204)


if __name__ == "__main__":
    unittest.main()
