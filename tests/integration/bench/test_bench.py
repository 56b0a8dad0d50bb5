#!/usr/bin/env python3
"""bench/run.py --quick: our answers are right in every job; no assertion about time."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import IS_LONG, ROOT, TOCSIN  # noqa: E402
from seed import SEED  # noqa: E402

LINES = "200000" if IS_LONG else "60000"
PEERS = "wc,grep,duckdb1,mawk"  # the others take long, whatever the number of lines
# A program that answers all of a job exactly. Others may be wrong, and the table says so.
EXACT = {"wc -l", "grep -c", "DuckDB, 1 thread"}


class Bench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        figures = os.path.join(cls.directory.name, "figures.json")
        cls.done = cls.bench("--quick", "--lines", LINES, "--dir", cls.directory.name,
                             "--seed", str(SEED), "--gen", "--merchants 300 --merchant-skew 0.9",
                             "--peers", PEERS, "--json", figures)
        with open(figures, encoding="utf-8") as text:
            cls.figures = json.load(text)

    @staticmethod
    def bench(*arguments):
        return subprocess.run(
            [sys.executable, os.path.join(ROOT, "bench/run.py"), "--build",
             os.path.dirname(TOCSIN), *arguments], text=True, capture_output=True, check=False)

    def test_every_answer_of_ours_is_right(self):
        self.assertEqual(self.done.returncode, 0, self.done.stdout + self.done.stderr)
        ours = [row for row in self.figures["rows"] if row["is_ours"]]
        self.assertGreater(len(ours), 10)
        for row in ours:
            self.assertEqual(row["wrong"], [], row["job"] + " " + row["program"])
            self.assertTrue(row["runs"] or row["skipped"], row)

    def test_exact_programs_agree_with_the_reference(self):
        rows = [row for row in self.figures["rows"] if row["program"] in EXACT and row["runs"]]
        self.assertGreater(len(rows), 2)
        for row in rows:
            self.assertEqual(row["wrong"], [], row["job"] + " " + row["program"])

    def test_the_table_says_what_differs(self):
        """awk cuts at quotation marks: lines of other shapes make its answer wrong."""
        wrong = [row for row in self.figures["rows"]
                 if row["job"] == "J6" and row["program"] == "mawk" and row["runs"]]
        for row in wrong:
            self.assertTrue(row["wrong"])
            self.assertIn("WRONG ANSWER", self.done.stdout)

    def test_a_wrong_job_is_a_fault_of_usage(self):
        done = self.bench("--jobs", "J99")
        self.assertEqual(done.returncode, 2)
        self.assertIn("there is no job J99; there are: J1,", done.stderr)


if __name__ == "__main__":
    unittest.main()
