#!/usr/bin/env python3
"""tocsin plan drill: steps reach drill targets, a real one gets nothing; how ready a plan is."""
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import Daemon, Site, tocsin, wait_until  # noqa: E402
from web import WebServer  # noqa: E402

CONFIG = """
  sources = { pay = { lateness = "1s", idle = "1s", from = { { http = true } } } },
  outputs = { alerts = { file = "alerts.jsonl" }, ops = { webhook = "%(real)s/ops" },
    boss = { webhook = "%(real)s/boss" }, training = { webhook = "%(drill)s/training" } },
  listen = { http = false },
  exec = { allow = { "%(dir)s/switch", "%(dir)s/switch-drill" } },
  http = { allow = { "%(real_host)s", "%(drill_host)s" } },
  drill = {
    outputs = { ops = "training" },
    http = { ["%(real_host)s"] = "%(drill_host)s" },
    exec = { ["%(dir)s/switch"] = "%(dir)s/switch-drill" },
  },
"""
PLAN = """return plan {
  on = { incident = "opened", rule = "down" },
  run = function(ctx)
    local merchant = ctx.incident.dimension.merchantId
    ctx:notify("tell", { to = "ops", text = merchant .. " is down" })
    ctx:http("switch", { method = "PUT", url = "%(real)s/switch?to=2", body = { to = 2 } },
      { effect = "idempotent", undo = { "http.request", { method = "PUT",
        url = "%(real)s/switch?to=1" }, { effect = "idempotent" } } })
    ctx:exec("run", { "%(dir)s/switch", merchant })
    ctx:ask("sure", { text = "Sure?" })
    return ctx:rollback("it was a drill")
  end,
}"""
RULE = """return rule.group { source = "pay", by = { "merchantId" }, window = "10s",
  threshold = ">= 1000", output = "alerts" }"""


class Drill(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        self.real, self.drill = WebServer(), WebServer()
        self.addCleanup(self.real.close)
        self.addCleanup(self.drill.close)
        self.names = {"dir": self.root, "real": self.real.url(""), "drill": self.drill.url(""),
                      "real_host": "127.0.0.1:%d" % self.real.port,
                      "drill_host": "127.0.0.1:%d" % self.drill.port}
        for name in ("switch", "switch-drill"):
            path = os.path.join(self.root, name)
            with open(path, "w", encoding="utf-8") as out:
                out.write("#!/bin/sh\necho \"$1\" >> %s.out\n" % path)
            os.chmod(path, 0o755)
        self.site = Site(os.path.join(self.root, "site"), CONFIG % self.names, {"down/1": RULE},
                         {"switch/1": PLAN % self.names,
                          "bad/1": """return plan { on = { incident = "opened" },
                            run = function(ctx) ctx:notify("tell", { to = "boss", text = "x" })
                            end }"""})
        self.daemon = Daemon(self.site, os.path.join(self.root, "state"))
        self.daemon.start()
        self.addCleanup(lambda: self.daemon.stop())

    def plan(self, *arguments, code=0):
        done = tocsin("plan", *arguments, "--state", self.daemon.state, "--json")
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout) if code == 0 else done.stderr

    def run_state(self, run):
        return self.daemon.call("plan.show", {"run": run})["state"]

    def listed(self, name):
        return [row for row in self.daemon.call("plan.list") if row["name"] == name][0]

    def test_steps_reach_drill_targets_and_nothing_else(self):
        run = self.plan("drill", "switch", "--value", '{"dimension": {"merchantId": "m7"}}')
        self.assertTrue(run["drill"])
        wait_until(lambda: self.run_state(run["id"]) == "asking", 30, "the question")
        self.daemon.kill()  # a drill goes on as a drill
        self.daemon = Daemon(self.site, os.path.join(self.root, "state"))
        self.daemon.start()
        self.plan("approve", run["id"])
        wait_until(lambda: self.run_state(run["id"]) == "done", 30, "the end")
        wait_until(lambda: self.drill.of("/training"), 30, "the message")
        self.assertEqual(self.real.requests, [])
        self.assertIn("[drill] m7 is down", self.drill.of("/training")[0]["body"])
        self.assertEqual([request["path"] for request in self.drill.of("/switch")],
                         ["/switch?to=2", "/switch?to=1"])
        self.assertFalse(os.path.exists(os.path.join(self.root, "switch.out")))
        with open(os.path.join(self.root, "switch-drill.out"), encoding="utf-8") as out:
            self.assertEqual(out.read(), "m7\n")
        incident = self.daemon.call("incident.show", {"number": run["incident"]})
        self.assertTrue(incident["drill"])
        self.assertEqual((incident["firing_count"], incident["state"]), (0, "RESOLVED"))
        # No other plan was started, though its trigger fits.
        self.assertEqual({one["plan"] for one in self.daemon.call("plan.runs")}, {"switch"})
        row = self.listed("switch")
        self.assertEqual(row["drilled"], row["drill_done"])
        self.assertEqual(row["done"], None)
        listed = tocsin("plan", "list", "--state", self.daemon.state).stdout
        self.assertIn(row["drilled"][:4], listed)
        self.assertRegex(listed, r"(?m)^switch +1 .* opened, rule down  ")
        figures = self.daemon.call("incident.stats")
        self.assertEqual(figures["incidents"] if "incidents" in figures else 0, 0)

    def test_what_has_no_target_is_refused(self):
        run = self.plan("drill", "bad")
        wait_until(lambda: self.run_state(run["id"]) == "failed", 30, "the end")
        error = self.daemon.call("plan.show", {"run": run["id"]})["error"]
        self.assertIn('notify.send: "boss" has no target in a drill (drill.outputs of the site)',
                      error)
        self.assertEqual(self.real.requests + self.drill.requests, [])
        row = self.listed("bad")
        self.assertNotEqual(row["drilled"], None)
        self.assertEqual(row["drill_done"], None)
        state = self.daemon.call("incident.show", {"number": run["incident"]})
        self.assertEqual(state["firing_count"], 0)

    def test_the_example_has_the_fields_of_the_rule(self):
        run = self.plan("drill", "switch")
        wait_until(lambda: self.run_state(run["id"]) == "asking", 30, "the question")
        incident = self.daemon.call("incident.show", {"number": run["incident"]})
        self.assertEqual(incident["dimension"], {"merchantId": "example"})
        # Two drills do not meet: each has an incident of its own.
        other = self.plan("drill", "switch")
        self.assertNotEqual(other["incident"], run["incident"])

    def test_wrong_use(self):
        self.assertIn("no active plan", self.plan("drill", "none", code=5))
        self.assertIn("an object like", self.plan("drill", "switch", "--value", "x", code=5))
        self.assertIn("sevrity", self.plan("drill", "switch", "--value", '{"sevrity": "x"}',
                                           code=5))


if __name__ == "__main__":
    unittest.main()
