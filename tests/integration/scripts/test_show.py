#!/usr/bin/env python3
"""tocsin rule show: every statistic of the rule's window, and what scripts keep, safe to print."""
import json
import math
import os
import re
import statistics
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../support"))
from daemon import Daemon, Site, tocsin  # noqa: E402

CONFIG = """
  sources = {
    log = {
      fields = { key = "string", n = "float", kind = "string" },
      from = { { file = "%s" } }, lateness = "2s", idle = "1h",
    },
  },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
"""
RULES = {
    "all/1": """local rule = require "tocsin.rule"
return rule.group {
  source = "log", by = { "key" }, window = "1h", output = "alerts", all = {
    { statistic = "p99.9", field = "n", threshold = ">= 1e9" },
    { statistic = "stddev", field = "n", threshold = ">= 0" },
    { statistic = "first", field = "n", threshold = ">= 0" },
    { statistic = "last", field = "n", threshold = ">= 0" },
    { statistic = "distinct", field = "kind", threshold = ">= 0" },
  },
}
""",
    "counted/1": """local rule = require "tocsin.rule"
return rule.count { source = "log", window = "1h", threshold = ">= 1000000", output = "alerts" }
""",
    "kept/1": """local rule = require "tocsin.rule"
return rule.script {
  source = "log", by = { "key" }, window = "1h", output = "alerts",
  on_reading = function(ctx, r)
    ctx.state.n = (ctx.state.n or 0) + 1
    ctx.state.seen = { r.kind, [r.kind] = true, long = ctx.state.n == 6 and ("é"):rep(1500) or 1 }
    ctx.timer("ca\\27[31mlm", "10m")
  end,
  on_timer = function() end,
}
""",
    "run/1": """local rule = require "tocsin.rule"
return rule.continuous {
  source = "log", by = { "key" }, field = "kind", streak = 9, window = "1h", output = "alerts",
}
""",
}
START = 1_700_000_000
NUMBERS = [3.5, 8, 1, 1, 20]
HOSTILE = "\x1b[2J\u202ex"


class Show(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = os.path.join(directory.name, "log.jsonl")
        readings = [{"time": START + i, "key": "a", "n": n, "kind": "ab"[i % 2] + HOSTILE}
                    for i, n in enumerate(NUMBERS)]
        readings += [{"time": START + 6, "key": "k%02d\n" % i, "n": 1, "kind": "c"}
                     for i in range(30)]
        readings += [{"time": START + 300, "key": "a", "n": 2, "kind": "a" + HOSTILE}]
        with open(path, "w", encoding="utf-8") as out:
            out.writelines(json.dumps(r) + "\n" for r in readings)
        self.daemon = Daemon(Site(os.path.join(directory.name, "site"), CONFIG % path, RULES))
        self.daemon.start()
        self.addCleanup(self.daemon.stop)
        self.daemon.wait_readings("log", len(readings))

    def show(self, rule):
        done = tocsin("rule", "show", rule, "--state", self.daemon.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIsNone(re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", done.stdout))
        return self.daemon.call("rule.show", {"name": rule}), done.stdout

    def test_every_statistic_of_the_window_is_there(self):
        document, text = self.show("all")
        row = next(row for row in document["values"] if row["key"] == "a")
        expected = {
            "sum(n)": math.fsum(NUMBERS), "min(n)": 1, "max(n)": 20,
            "avg(n)": statistics.fmean(NUMBERS), "stddev(n)": statistics.pstdev(NUMBERS),
            "first(n)": 3.5, "last(n)": 20, "distinct(kind)": 2, "p50(n)": 3.5, "p95(n)": 20,
            "p99(n)": 20, "p99.9(n)": 20, "rate": len(NUMBERS) / 3600,
        }
        self.assertEqual(row["count"], len(NUMBERS))
        for name, value in expected.items():
            self.assertIn(name, document["statistics"])
            self.assertAlmostEqual(row[name], value, delta=abs(value) * 0.011, msg=name)
            self.assertIn(name, text)
        self.assertEqual(set(expected), set(document["statistics"]) - {"sum(kind)", "min(kind)",
                                                                      "max(kind)", "avg(kind)"})
        self.assertEqual((document["kept"], document["kept_keys"]), ([], 0))

    def test_a_count_has_a_rate(self):
        document, _ = self.show("counted")
        self.assertEqual(document["statistics"], ["rate"])
        self.assertAlmostEqual(document["values"][0]["rate"], 35 / 3600)

    def test_what_a_script_keeps_is_shown_bounded(self):
        document, text = self.show("kept")
        self.assertEqual((document["kept_keys"], len(document["kept"])), (31, 20))
        self.assertIn("kept for 31 keys, 20 of them", text)
        rows = {row["key"]: row for row in document["kept"]}
        self.assertEqual(rows["k00\n"]["state"], '{"n": 1, "seen": {1: "c", "c": true, "long": 1}}')
        self.assertRegex(rows["k00\n"]["timers"], r"^ca\x1b\[31mlm 2023-11-14T22:23:26")
        self.assertLess(len(rows["a"]["state"]), 510)
        self.assertIn("\\u001b[2J", rows["a"]["state"])

    def test_a_streak_shows_its_run(self):
        document, text = self.show("run")
        rows = {row["key"]: row for row in document["kept"]}
        self.assertEqual(rows["a"]["state"], "2 in a row: a" + HOSTILE)
        self.assertIn("1 in a row: c", text)


if __name__ == "__main__":
    unittest.main()
