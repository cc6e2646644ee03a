"""Against an emulator of AWS Secrets Manager, named by KEYBATON_TEST_AWS (an address): test/slow brings moto."""

from __future__ import annotations

import json
import os
import secrets
import time
import unittest
from typing import Any, Mapping

import harness
from keybaton_consumer import ConsumerProblem
from keybaton_consumer.hidden import Hidden
from keybaton_consumer.source import Source
from keybaton_consumer.sources.aws import AwsSecretsManager
from keybaton_consumer.sources.aws_signature import AwsCredentials, signed
from keybaton_consumer.store_client import StoreClient
from store_scenarios import StoreScenarios

ADDRESS = os.environ["KEYBATON_TEST_AWS"]
REGION = "eu-west-1"


def raw(operation: str, **asked: Any) -> None:
    client = StoreClient(ADDRESS, "moto")
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"secretsmanager.{operation}"}
    body = Hidden(json.dumps(asked).encode())
    keys = AwsCredentials("test", "test")
    common: Any = {"region": REGION, "service": "secretsmanager", "credentials": keys, "at": time.time()}
    answer = client.call("POST", "/", signed("POST", client.host_header, "/", headers, body, **common), 20, body)
    if answer.status != 200:
        raise AssertionError(answer.content.reveal())


class SecretsManager(StoreScenarios, harness.Scenario):
    without_earlier = ""

    def setUp(self) -> None:
        super().setUp()
        self.name = f"ai/prod/{secrets.token_hex(6)}/keys/bot"
        self.is_there = False

    def write(self, stored: Mapping[str, str]) -> None:
        text = json.dumps(dict(stored))
        if self.is_there:
            raw("PutSecretValue", SecretId=self.name, SecretString=text, ClientRequestToken=secrets.token_hex(16))
        else:
            raw("CreateSecret", Name=self.name, SecretString=text, ClientRequestToken=secrets.token_hex(16))
        self.is_there = True

    def source(self) -> Source:
        return AwsSecretsManager(self.name, region=REGION, endpoint=ADDRESS, credentials=lambda: AwsCredentials("test", "test"))

    def test_what_is_not_there_is_not_found(self) -> None:
        with self.assertRaises(ConsumerProblem) as caught:
            self.source().current(20)
        self.assertEqual(caught.exception.code, "NOT_FOUND")


if __name__ == "__main__":
    unittest.main()
