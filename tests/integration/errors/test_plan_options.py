#!/usr/bin/env python3
"""A wrong call of a step ends that run and names file, line and what is allowed."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import Daemon, Site, wait_until  # noqa: E402

CONFIG = """
  sources = { pay = { from = { { file = "%s/*.jsonl" } }, idle = "100ms", lateness = "0s" } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
  exec = { allow = { "/usr/bin/true" } },
"""
RULE = 'return rule.count { source = "pay", window = "5s", threshold = ">= 1", output = "alerts" }'
PLAN = """return plan {
  on = { incident = "opened" },
  run = function(ctx)
    local before = 1
    %s
  end,
}"""
LINE = 6  # of the wrong call: Site.plan() puts one line before the text
TRUE = '{ "/usr/bin/true" }'
# name: (the call, what the run's error must say)
WRONG = {
    "retry_max_text": ('ctx:exec("x", %s, { retry = { max = "many" } })' % TRUE,
                       "retry.max must be a number from 1 to 100, found \"many\""),
    "retry_max_zero": ('ctx:exec("x", %s, { retry = { max = 0 } })' % TRUE,
                       "from 1 to 100, found 0"),
    "retry_number": ('ctx:exec("x", %s, { retry = 3 })' % TRUE, "retry must be a table"),
    "retry_key": ('ctx:exec("x", %s, { retry = { maximum = 3 } })' % TRUE, "maximum"),
    "effect": ('ctx:exec("x", %s, { effect = "twice" })' % TRUE,
               "\"probe\" or \"once\", found twice"),
    "timeout": ('ctx:exec("x", %s, { timeout = "soon" })' % TRUE, "found \"soon\""),
    "option": ('ctx:exec("x", %s, { tiemout = "5s" })' % TRUE, "tiemout"),
    "program": ('ctx:exec("x", { "/usr/bin/false" })', "/usr/bin/false"),
    "output": ('ctx:notify("x", { to = "pager", text = "help" })', "pager"),
    "host": ('ctx:http("x", { url = "http://192.0.2.1/" })', "192.0.2.1"),
    "sleep": ('ctx:sleep("soon")', "found soon"),
    "method": ('ctx:email("x", {})', "email"),
}


class PlanOptions(unittest.TestCase):
    def test_each_wrong_call_ends_its_run_with_file_line_and_reason(self):
        with tempfile.TemporaryDirectory() as root:
            logs = os.path.join(root, "logs")
            os.mkdir(logs)
            with open(os.path.join(logs, "pay.jsonl"), "w", encoding="utf-8") as out:
                out.write('{"time":"2026-11-22T06:00:01Z"}\n{"time":"2026-11-22T06:00:11Z"}\n')
            plans = {name + "/1": PLAN % call for name, (call, _) in WRONG.items()}
            plans["right/1"] = PLAN % ('ctx:exec("x", %s, { retry = { max = 2 } })' % TRUE)
            site = Site(os.path.join(root, "site"), CONFIG % logs, {"any/1": RULE}, plans)
            with Daemon(site) as daemon:
                def ended():
                    runs = {run["plan"]: run for run in daemon.call("plan.runs")}
                    is_over = all(run["ended"] for run in runs.values())
                    return runs if len(runs) == len(plans) and is_over else None
                runs = wait_until(ended, 30, "all runs to end")
            self.assertEqual(runs.pop("right")["state"], "done")
            for name, run in runs.items():
                with self.subTest(plan=name):
                    self.assertEqual(run["state"], "failed", run)
                    self.assertIn("plans/%s/1.lua:%d: " % (name, LINE), run["error"])
                    self.assertIn(WRONG[name][1], run["error"])


if __name__ == "__main__":
    unittest.main()
