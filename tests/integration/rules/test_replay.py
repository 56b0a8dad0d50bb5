#!/usr/bin/env python3
"""tocsin replay as a command: order, exit codes, versions, several files, CSV, malformed lines."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import GEN, TOCSIN, Site, tocsin  # noqa: E402

CONFIG = """
  sources = {
    pay = { lateness = "2s" },
    pay_csv = {
      format = "csv", lateness = "2s",
      columns = { "time", "paymentId", "merchantId", "customerId", "amount", "success" },
    },
  },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
"""
MERCHANT = """return rule.group {
  source = "%s", filter = "success == false", by = { "merchantId" },
  window = "30s", threshold = ">= %d", output = "alerts",
}"""
TOTAL = """return rule.field {
  source = "%s", field = "amount", statistic = "sum",
  window = "1m", threshold = ">= 200000", output = "alerts",
}"""
SCRIPT = """return rule.script {
  source = "pay", window = "1m", output = "alerts",
  on_window = function(ctx, w) %s end,
}"""


class Replay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.root = cls.directory.name
        cls.input = os.path.join(cls.root, "pay.jsonl")
        cls.csv = os.path.join(cls.root, "pay.csv")
        subprocess.run([GEN, "--json", cls.input, "--csv", cls.csv, "--lines", "20000", "--span",
                        "300", "--merchants", "20", "--break", "m0002", "--break-from", "100",
                        "--break-to", "200", "--seed", "5"], check=True)
        cls.site = Site(os.path.join(cls.root, "site"), CONFIG, {
            "merchant/1": MERCHANT % ("pay", 5), "merchant/2": MERCHANT % ("pay", 40),
            "total/1": TOTAL % "pay",
            "merchant_csv/1": MERCHANT % ("pay_csv", 40), "total_csv/1": TOTAL % "pay_csv",
        })

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def replay(self, *arguments, code=0, site=None, **options):
        done = tocsin("replay", "--site", (site or self.site).directory, *arguments, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    def facts(self, documents):
        return [(d["window_end"], d["rule"].replace("_csv", ""), d["dimension"], d["state"],
                 d["value"]) for d in documents]

    def test_stdout_is_in_the_order_of_windows(self):
        documents, _ = self.replay("--source", "pay", "--input", self.input)
        ends = [document["window_end"] for document in documents]
        self.assertGreater(len(ends), 2)
        self.assertEqual({d["rule"] for d in documents}, {"merchant", "total"})
        self.assertEqual(ends, sorted(ends))

    def test_two_runs_print_the_same_bytes(self):
        runs = [tocsin("replay", "--site", self.site.directory, "--source", "pay", "--input",
                       self.input).stdout for _ in range(2)]
        self.assertEqual(runs[0], runs[1])

    def test_the_newest_version_runs_unless_another_is_named(self):
        newest, _ = self.replay("--rule", "merchant", "--input", self.input)
        second, _ = self.replay("--rule", "merchant@2", "--input", self.input)
        first, _ = self.replay("--rule", "merchant@1", "--input", self.input)
        self.assertEqual(newest, second)
        self.assertEqual({d["version"] for d in second}, {2})
        self.assertEqual({d["version"] for d in first}, {1})
        self.assertEqual({d["threshold"] for d in first}, {">=5"})
        self.assertGreater(len(first), len(second))

    def test_several_rules_can_be_named(self):
        both, _ = self.replay("--rule", "merchant@2", "--rule", "total", "--input", self.input)
        everything, _ = self.replay("--source", "pay", "--input", self.input)
        self.assertEqual(both, everything)

    def test_the_csv_stream_gives_the_same_alerts(self):
        from_json, _ = self.replay("--source", "pay", "--input", self.input)
        from_csv, _ = self.replay("--source", "pay_csv", "--input", self.csv)
        self.assertEqual(self.facts(from_csv), self.facts(from_json))

    def test_files_that_cover_the_same_hours_are_read_side_by_side(self):
        with open(self.input, encoding="utf-8") as lines:
            rows = lines.readlines()
        parts = []
        for part in range(3):
            parts.append(os.path.join(self.root, "part%d.jsonl" % part))
            with open(parts[-1], "w", encoding="utf-8") as out:
                out.writelines(rows[part::3])
        whole, _ = self.replay("--source", "pay", "--input", self.input)
        split, _ = self.replay("--source", "pay", "--input", *parts)
        self.assertEqual(split, whole)
        split, _ = self.replay("--source", "pay", "--input", parts[2], "--input", parts[0],
                               "--input", parts[1])
        self.assertEqual(split, whole)

    def test_consecutive_files_are_one_stream_in_any_order(self):
        with open(self.input, encoding="utf-8") as lines:
            rows = lines.readlines()
        parts = [os.path.join(self.root, name) for name in ("early.jsonl", "later.jsonl")]
        for path, some in zip(parts, (rows[:9000], rows[9000:])):
            with open(path, "w", encoding="utf-8") as out:
                out.writelines(some)
        whole, _ = self.replay("--source", "pay", "--input", self.input)
        self.assertEqual(self.replay("--source", "pay", "--input", *parts)[0], whole)
        self.assertEqual(self.replay("--source", "pay", "--input", *parts[::-1])[0], whole)

    def test_standard_input_is_read(self):
        whole, _ = self.replay("--source", "pay", "--input", self.input)
        with open(self.input, encoding="utf-8") as pay:
            found, _ = self.replay("--source", "pay", "--input", "-", stdin=pay)
        self.assertEqual(found, whole)

    def test_malformed_lines_are_counted_and_change_nothing(self):
        path = os.path.join(self.root, "broken.jsonl")
        broken = ["{", "[1,2]", "no json", '{"time":"yesterday"}', '{"amount":5}', '"text"']
        with open(self.input, encoding="utf-8") as lines, open(path, "w", encoding="utf-8") as out:
            for number, row in enumerate(lines):
                out.write(row)
                if number % 1000 == 0:
                    out.write(broken[number // 1000 % len(broken)] + "\n")
        whole, _ = self.replay("--source", "pay", "--input", self.input)
        found, stderr = self.replay("--source", "pay", "--input", path)
        self.assertEqual(found, whole)
        self.assertRegex(stderr, r"\b20000 readings, 20 malformed, %d alerts\b" % len(whole))

    def test_a_time_of_the_future_is_told(self):
        path = os.path.join(self.root, "future.jsonl")
        for year, is_told in ((2025, False), (9998, True)):
            with open(path, "w", encoding="ascii") as out:
                for time in ("2024-01-05T00:00:00Z", "%d-01-05T00:00:00Z" % year,
                             "2024-01-05T00:00:01Z"):
                    out.write('{"time":"%s"}\n' % time)
            done = tocsin("replay", "--site", self.site.directory, "--source", "pay", "--input",
                          path)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("1 readings came too late", done.stderr)
            self.assertEqual("hint: the input has times of the future, up to 9998-01-0"
                             in done.stderr, is_told, done.stderr)

    def test_nothing_but_alerts_is_on_stdout_and_no_state_is_left(self):
        before = sorted(os.listdir(self.site.directory))
        with tempfile.TemporaryDirectory() as empty:
            done = subprocess.run([TOCSIN, "replay", "--site", self.site.directory, "--source",
                                   "pay", "--input", self.input], cwd=empty, check=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertEqual(os.listdir(empty), [])
        self.assertTrue(all(line.startswith('{"name":') for line in done.stdout.splitlines()))
        self.assertEqual(sorted(os.listdir(self.site.directory)), before)

    # ---- exit codes ----

    def test_wrong_use_ends_with_2(self):
        for arguments, text in [
                ([], "--input"),
                (["--input", self.input], "pay, pay_csv"),
                (["--input", self.input, "--source", "nope"], "pay, pay_csv"),
                (["--input", self.input, "--rule", "merchant@0"], "NAME@VERSION"),
                (["--input", self.input, "--rule", "merchant@x"], "NAME@VERSION"),
                (["--input", self.input, "--rule", "merchant@1", "--rule", "merchant@2"], "twice"),
                (["--input", self.input, "--bogus"], "--help")]:
            documents, stderr = self.replay(*arguments, code=2)
            self.assertEqual(documents, [])
            self.assertIn(text, stderr, arguments)

    def test_what_cannot_be_read_ends_with_1(self):
        nothing = os.path.join(self.root, "not.json")
        with open(nothing, "w", encoding="utf-8") as out:
            out.write("no\njson\n")
        for arguments, text in [
                (["--input", "/nonexistent.jsonl", "--source", "pay"], "/nonexistent.jsonl"),
                (["--input", self.root, "--source", "pay"], self.root),
                (["--input", nothing, "--source", "pay"], "2 malformed"),
                (["--input", self.input, "--rule", "nope"], "no rule nope"),
                (["--input", self.input, "--rule", "merchant@7"], "no rule merchant@7")]:
            documents, stderr = self.replay(*arguments, code=1)
            self.assertEqual(documents, [])
            self.assertIn(text, stderr, arguments)

    def test_a_faulty_site_is_not_replayed(self):
        site = Site(os.path.join(self.root, "faulty"), CONFIG, {
            "bad/1": "return rule.count {\n  source = 'pay', output = 'alerts', window = '7s',\n"
                     "  threshold = 'many',\n}",
            "good/1": MERCHANT % ("pay", 40)})
        bad = os.path.join(site.directory, "rules/bad/1.lua")
        for more in ([], ["--rule", "bad"]):
            documents, stderr = self.replay("--source", "pay", "--input", self.input, *more,
                                            code=1, site=site)
            self.assertEqual(documents, [])
            self.assertRegex(stderr, re.escape(bad) + ":3: .*7s")
            self.assertRegex(stderr, re.escape(bad) + ":4: .*many")
            self.assertNotIn(":3: 3:", stderr)
        documents, _ = self.replay("--input", self.input, "--rule", "good", site=site)
        self.assertGreater(len(documents), 0)

    def test_a_script_that_fails_is_named_and_the_others_go_on(self):
        site = Site(os.path.join(self.root, "scripts"), CONFIG, {
            "endless/1": SCRIPT % "while true do end", "good/1": MERCHANT % ("pay", 40),
            "raises/1": SCRIPT % "return w.nothing.there"})
        documents, stderr = self.replay("--source", "pay", "--input", self.input, code=1,
                                        site=site)
        good, _ = self.replay("--input", self.input, "--rule", "good", site=site)
        self.assertEqual(documents, good)
        self.assertIn("endless@1", stderr)
        self.assertIn("raises@1", stderr)

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([TOCSIN, "replay", "--site", self.site.directory, "--source",
                                   "pay", "--input", self.input], stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write", done.stderr)


if __name__ == "__main__":
    unittest.main()
