from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
import threading
import time
import unittest
from pathlib import Path
from typing import Mapping

import harness
from keybaton_consumer import ConsumerProblem
from keybaton_consumer.source import Source
from keybaton_consumer.sources.mounted import Mounted
from store_scenarios import StoreScenarios


def swap_in(folder: Path, fields: Mapping[str, str]) -> None:
    """As the kubelet does: files lead through `..data`, which is replaced in one step."""
    fresh = folder / f"..{secrets.token_hex(6)}"
    fresh.mkdir()
    for name, text in fields.items():
        (fresh / name).write_text(text, encoding="utf-8")
    (folder / "..data_tmp").symlink_to(fresh.name)
    os.replace(folder / "..data_tmp", folder / "..data")
    for name in fields:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(Path("..data") / name)


class InFolder(unittest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(prefix="keybaton-mounted-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)


class AFolderAsKubernetesMountsIt(InFolder, StoreScenarios, harness.Scenario):
    def write(self, stored: Mapping[str, str]) -> None:
        swap_in(self.folder, stored)

    def source(self) -> Source:
        return Mounted(str(self.folder), every=0.02)


class AJsonFileThatIsReplaced(InFolder, StoreScenarios, harness.Scenario):
    def write(self, stored: Mapping[str, str]) -> None:
        (self.folder / "secret.new").write_text(json.dumps(stored) + "\n", encoding="utf-8")
        os.replace(self.folder / "secret.new", self.folder / "secret.json")

    def source(self) -> Source:
        return Mounted(str(self.folder / "secret.json"), every=0.02)


class WhatIsMounted(InFolder):
    def read(self) -> Mapping[str, str]:
        return Mounted(str(self.folder)).current(20)

    def test_belongs_to_one_moment_however_often_it_is_swapped_meanwhile(self) -> None:
        swap_in(self.folder, {"one": "0", "two": "0"})
        over = threading.Event()

        def swap() -> None:
            n = 0
            while not over.wait(0.005):
                n += 1
                swap_in(self.folder, {"one": str(n), "two": str(n)})

        swapping = threading.Thread(target=swap)
        swapping.start()
        seen: "set[str]" = set()
        end = time.monotonic() + 20
        try:
            while len(seen) < 4 and time.monotonic() < end:
                try:
                    read = self.read()
                except ConsumerProblem as problem:
                    # Swapped at every look: that is said, and nothing torn is given.
                    self.assertEqual(problem.code, "UNAVAILABLE")
                    continue
                self.assertEqual(read["one"], read["two"])
                seen.add(read["one"])
        finally:
            over.set()
            swapping.join()
        self.assertGreaterEqual(len(seen), 4)

    def test_loses_the_end_of_a_single_line_and_text_of_several_lines_stays_as_it_is(self) -> None:
        pem = "-----BEGIN KEY-----\nabc\n-----END KEY-----\n"
        for name, text in {"api_key": "a key\n", "windows": "a key\r\n", "pem": pem, ".hidden": "x"}.items():
            (self.folder / name).write_bytes(text.encode())
        (self.folder / "a folder").mkdir()
        self.assertEqual(dict(self.read()), {"api_key": "a key", "windows": "a key", "pem": pem})

    def test_is_told_of_when_it_changes_also_in_a_plain_folder(self) -> None:
        (self.folder / "api_key").write_text("one", encoding="utf-8")
        stop, changed = threading.Event(), threading.Event()
        watching = threading.Thread(target=Mounted(str(self.folder), every=0.005).watch, args=(changed.set, stop))
        watching.start()
        n = 0
        while not changed.wait(0.02) and n < 1_000:
            n += 1
            (self.folder / "api_key").write_text(f"another {n}", encoding="utf-8")
        stop.set()
        watching.join()
        self.assertTrue(changed.is_set())

    def test_that_cannot_be_read_says_why_without_its_text(self) -> None:
        path = self.folder / "secret"
        for content, code in ((None, "NOT_FOUND"), ("api_key=canary-7b2d", "INVALID_CONFIG"), ("x" * 4_000_001, "INVALID_CONFIG")):
            if content is not None:
                path.write_text(content, encoding="utf-8")
            with self.subTest(code), self.assertRaises(ConsumerProblem) as caught:
                Mounted(str(path)).current(20)
            self.assertEqual(caught.exception.code, code)
            self.assertNotIn("canary", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
