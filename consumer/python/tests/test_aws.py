from __future__ import annotations

import datetime
import json
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Callable, Mapping
from urllib.parse import urlsplit

import harness  # noqa: F401  (makes the package importable from a clone)
from keybaton_consumer import ConsumerProblem
from keybaton_consumer.hidden import Hidden
from keybaton_consumer.sources.aws_credentials import FindCredentials
from keybaton_consumer.sources.aws_signature import AwsCredentials, signed

VECTORS = Path(__file__).resolve().parents[3] / "test" / "vectors" / "aws-signatures.json"


class Signatures(unittest.TestCase):
    @unittest.skipUnless(VECTORS.exists(), "the vectors lie in keybaton's repository, which this is not a part of")
    def test_agree_with_the_examples_that_aws_published(self) -> None:
        told = json.loads(VECTORS.read_text(encoding="utf-8"))
        self.assertGreaterEqual(len(told["vectors"]), 6)
        at = datetime.datetime.fromisoformat(told["at"].replace("Z", "+00:00")).timestamp()
        for vector in told["vectors"]:
            credentials = AwsCredentials(told["accessKeyId"], told["exampleKey"], vector.get("session"))
            with self.subTest(vector["about"]):
                sent = signed(
                    vector["method"],
                    urlsplit(told["url"]).netloc,
                    "/",
                    vector["headers"],
                    Hidden(vector["body"].encode()),
                    region=told["region"],
                    service=told["service"],
                    credentials=credentials,
                    at=at,
                )
                self.assertEqual(sent.reveal()["authorization"], vector["authorization"])

    def test_credentials_are_not_printed(self) -> None:
        self.assertEqual(repr(AwsCredentials("ASIA1", "canary-7b2d")), "[credentials ASIA1]")


class Credentials(unittest.TestCase):
    def serve(self, answer: Callable[[], str]) -> str:
        """Answers what it is told to, and remembers what it was asked."""
        self.asked: "list[str]" = []
        asked = self.asked

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                asked.append(f"{self.command} {self.path} {self.headers.get('authorization') or ''} {body}")
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answer().encode())

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Tests have output of their own."""

        server = HTTPServer(("127.0.0.1", 0), Answers)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}"

    def file(self, text: str) -> str:
        folder = tempfile.TemporaryDirectory(prefix="keybaton-aws-")
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "token"
        path.write_text(text, encoding="utf-8")
        return str(path)

    @staticmethod
    def expiry(seconds: float) -> str:
        ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        return ends.strftime("%Y-%m-%dT%H:%M:%SZ")

    def of_container(self, seconds: float) -> str:
        return json.dumps({"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "Token": "t", "Expiration": self.expiry(seconds)})

    def test_come_from_the_endpoint_of_the_container_with_its_token_from_a_file_once_for_however_many_ask(self) -> None:
        url = self.serve(lambda: self.of_container(3_600))
        environment = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": self.file("pod-token\n"),
        }
        finding = FindCredentials("eu-west-1", environment)
        self.assertEqual([finding(20).access_key_id, finding(20).access_key_id], ["ASIA1", "ASIA1"])
        self.assertEqual(self.asked, ["GET /v1/credentials pod-token "])

    def test_are_asked_for_again_shortly_before_they_end(self) -> None:
        url = self.serve(lambda: self.of_container(60))
        finding = FindCredentials("eu-west-1", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url})
        finding(20)
        finding(20)
        self.assertEqual(len(self.asked), 2)

    def test_come_from_a_web_identity_which_is_shown_to_sts(self) -> None:
        fields = {"AccessKeyId": "ASIA2", "SecretAccessKey": "s/+=", "SessionToken": "t", "Expiration": self.expiry(3_600)}
        inner = "".join(f"<{name}>{text}</{name}>" for name, text in fields.items())
        url = self.serve(lambda: f"<R><Credentials>{inner}</Credentials></R>")
        environment = {
            "AWS_WEB_IDENTITY_TOKEN_FILE": self.file("web-token"),
            "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/bot",
        }
        found = FindCredentials("eu-west-1", environment, url)(20)
        told = (found.access_key_id, found.secret_access_key.reveal(), found.session_token.reveal())
        self.assertEqual(told, ("ASIA2", "s/+=", "t"))
        self.assertRegex(self.asked[0], r"^POST /  Action=AssumeRoleWithWebIdentity&.*WebIdentityToken=web-token$")

    def test_that_are_nowhere_or_at_a_strange_host_are_a_mistake_that_is_told(self) -> None:
        strange = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/x"}
        cases: "list[Mapping[str, str]]" = [{}, strange]
        for environment in cases:
            with self.subTest(str(environment)), self.assertRaises(ConsumerProblem) as caught:
                FindCredentials("eu-west-1", environment)(20)
            self.assertEqual(caught.exception.code, "INVALID_CONFIG")


if __name__ == "__main__":
    unittest.main()
