from __future__ import annotations

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

from harness import Scenario

HERE = Path(__file__).resolve().parent


class Exit(Scenario):
    def run_job(self, ending: str) -> "tuple[str, str, int]":
        given = {"ending": ending, "url": self.fake.url, "token": self.token, "credential": self.fake.credential}
        ended = subprocess.run(
            [sys.executable, "-W", "error", str(HERE / "short_job.py")],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        )
        return ended.stdout, ended.stderr, ended.returncode

    def test_a_process_exits_by_itself_however_it_ends(self) -> None:
        version = self.rotate()
        for ending in ("leave", "nothing"):
            with self.subTest(ending):
                self.assertEqual(self.run_job(ending), (f"used {len(version.value)} characters\n", "", 0))

    def test_also_one_that_closes(self) -> None:
        version = self.rotate()
        self.assertEqual(self.run_job("close"), (f"used {len(version.value)} characters\n", "", 0))

    def test_a_job_that_leaves_has_proved_what_it_used(self) -> None:
        self.rotate()
        self.run_job("leave")
        self.assertEqual((self.fake.missing(), self.fake.instances), ([], []))
        self.assertIn("/proofs", [one.path for one in self.fake.asked])


if __name__ == "__main__":
    unittest.main()
