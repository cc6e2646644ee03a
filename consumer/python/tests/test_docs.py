from __future__ import annotations

import contextlib
import io
import os
import re
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from harness import FakeKeybaton

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


class Docs(unittest.TestCase):
    """The examples of the README, as they stand there."""

    def example(self, n: int) -> str:
        return re.findall(r"```python\n(.*?)```", README, re.DOTALL)[n]  # type: ignore[no-any-return]

    def run_example(self, n: int, names: "dict[str, Any]") -> str:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(self.example(n), "README.md", "exec"), names)
        return said.getvalue()

    def test_the_first_example_uses_and_proves(self) -> None:
        given: list[str] = []

        def client(api_key: str) -> Any:
            given.append(api_key)
            return SimpleNamespace(models=SimpleNamespace(list=lambda: ["one"]))

        with FakeKeybaton("openai/prod/support-bot") as fake:
            version = fake.rotate()
            names: dict[str, Any] = {"OpenAI": client}
            with mock.patch.dict(os.environ, KEYBATON_URL=fake.url, KEYBATON_TOKEN=fake.token("web")):
                self.run_example(0, names)
            fake.wait_for_proof(20)
            names["keys"].leave()
        self.assertEqual((given, names["models"]), ([version.value], ["one"]))

    def test_the_example_of_the_fake_server_prints_what_the_page_says(self) -> None:
        said = self.run_example(1, {}).strip()
        self.assertIn("not proved", said)
        self.assertIn(f"It prints `{said}`", README)


if __name__ == "__main__":
    unittest.main()
