#!/usr/bin/env python3
"""tocsin repl: expressions by standard input, counts against Python's own."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import TOCSIN, Site, tocsin  # noqa: E402

CONFIG = """
  sources = {
    pay = { fields = { merchantId = "string", amount = "float", ok = "bool" } },
    open = {},
    csv = { format = "csv", columns = { "time", "merchantId", "amount" },
            fields = { amount = "float" } },
  },
  outputs = { alerts = { file = "alerts.jsonl" } },
"""


class Repl(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.site = Site(os.path.join(directory.name, "site"), CONFIG)
        self.rows = [{"time": "2026-01-05T00:00:%02dZ" % (i % 60), "merchantId": "m%d" % (i % 7),
                      "amount": i / 2, "ok": i % 3 == 0} for i in range(5000)]
        self.input = self.write("pay.jsonl", [json.dumps(row) for row in self.rows]
                                + ["", "nonsense", "x" * 70000])

    def write(self, name, lines):
        path = os.path.join(os.path.dirname(self.site.directory), name)
        with open(path, "w", encoding="utf-8") as out:
            out.write("\n".join(lines))
        return path

    def ask(self, *lines, path=None, source="pay"):
        return subprocess.run(
            [TOCSIN, "repl", "--site", self.site.directory, "--source", source, "--input",
             path or self.input], input="\n".join(lines), text=True, check=False, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_counts_are_those_of_python(self):
        for text, matches in [
                ("amount > 100 and not ok", lambda row: row["amount"] > 100 and not row["ok"]),
                ("merchantId:in_('m1', 'm2')", lambda row: row["merchantId"] in ("m1", "m2")),
                ("amount % 5 == 0 or ok", lambda row: row["amount"] % 5 == 0 or row["ok"]),
                ("ok == nil", lambda row: False)]:
            with self.subTest(text=text):
                done = self.ask(text)
                wanted = [row for row in self.rows if matches(row)]
                lines = done.stdout.splitlines()
                self.assertEqual(lines[0], "%d of 5000 readings match (2 lines are malformed)"
                                 % len(wanted))
                self.assertEqual([json.loads(line) for line in lines[1:]], wanted[:3])
                self.assertEqual(done.returncode, 0)

    def test_a_faulty_expression_does_not_end_it(self):
        done = self.ask("amount >", "", "nope == 1", ".what", "ok", ".quit", "not ok")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 2)
        self.assertIn('no field "nope"', done.stderr)
        self.assertEqual(done.stdout.count("readings match"), 1)

    def test_fields_and_csv(self):
        self.assertEqual(self.ask(".fields").stdout,
                         "time is the time\namount float\nmerchantId string\nok bool\n")
        self.assertIn("any other", self.ask(".fields", source="open").stdout)
        path = self.write("pay.csv", ["2026-01-05T00:00:00Z,m1,5", "2026-01-05T00:00:00Z,m2,50"])
        done = self.ask("amount > 10", path=path, source="csv")
        self.assertEqual(done.stdout, "1 of 2 readings match\n  2026-01-05T00:00:00Z,m2,50\n")

    def test_wrong_use(self):
        site = ("--site", self.site.directory)
        for arguments, code in [((), 2), (("--input", "-"), 2), (("--input", self.input), 2),
                                (("--input", "/no/where", "--source", "pay"), 1),
                                (("--input", self.input, "--source", "no"), 2)]:
            done = tocsin("repl", *site, *arguments, stdin=subprocess.DEVNULL)
            self.assertEqual((done.returncode, done.stderr != ""), (code, True), arguments)


if __name__ == "__main__":
    unittest.main()
