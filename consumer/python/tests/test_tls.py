from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from harness import Scenario
from keybaton_consumer import ConsumerProblem


def pipe(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            content = source.recv(65_536)
            if not content:
                break
            sink.sendall(content)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@unittest.skipIf(shutil.which("openssl") is None, "a certificate is made with openssl, which is not here")
class Tls(Scenario):
    """The fake behind something that speaks TLS, as keybaton's own API stands in production."""

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        key, self.certificate = Path(folder.name, "key.pem"), Path(folder.name, "certificate.pem")
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        names = ["-addext", "subjectAltName=DNS:localhost"]
        subprocess.run(
            [*command, *names, "-keyout", str(key), "-out", str(self.certificate)], check=True, capture_output=True
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        threading.Thread(target=self.serve, daemon=True).start()
        self.url = f"https://localhost:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        behind = int(self.fake.url.rsplit(":", 1)[1])
        while True:
            try:
                raw, _address = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.join, args=(raw, behind), daemon=True).start()

    def join(self, raw: socket.socket, behind: int) -> None:
        try:
            near = self.context.wrap_socket(raw, server_side=True)
        except OSError:
            return
        with near, socket.create_connection(("127.0.0.1", behind)) as far:
            back = threading.Thread(target=pipe, args=(far, near), daemon=True)
            back.start()
            pipe(near, far)
            back.join()

    def test_with_a_certificate_authority_of_ones_own_it_follows_uses_and_proves(self) -> None:
        self.rotate()
        connection = self.start(url=self.url, ssl_context=ssl.create_default_context(cafile=str(self.certificate)))
        connection.use(self.work)
        self.until_proved()
        second = self.rotate()
        self.until_held(connection, second)
        connection.leave()

    def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_token_is_sent(self) -> None:
        self.rotate()
        with self.assertRaises(ConsumerProblem) as caught:
            self.start(url=self.url, follow=False).secret()
        self.assertEqual(caught.exception.code, "NO_ANSWER")
        self.assertEqual(self.fake.asked, [])


if __name__ == "__main__":
    unittest.main()
