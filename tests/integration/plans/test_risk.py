#!/usr/bin/env python3
"""`risk` of the site: a plan of high risk asks before its first step, one of medium risk tells."""
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, check_journal  # noqa: E402

PLAN = """return plan {
  api = 1, owner = "test", risk = "%s",
  run = function(ctx)
    ctx:http("send", { method = "POST", url = "@URL/first" })
  end,
}
"""

RISK = 'risk = { to = { "ops" }, expires = "10m" },'


class Risk(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        plans = {risk + "/1": PLAN % risk for risk in ("low", "medium", "high")}
        self.world = World(folder.name, plans, ["all"], extra=RISK)
        self.addCleanup(self.world.close)

    def plan(self, *words, is_refused=False):
        got, out, error = self.world.command("plan", *words)
        self.assertEqual(got != 0, is_refused, out + error)
        return error if is_refused else out

    def run_plan(self, name):
        return json.loads(self.plan("run", name, "--as", "ann", "--json"))["id"]

    def told(self):
        return [request["body"] for request in self.world.receiver.of("/ops")]

    def test_low_runs_and_medium_tells(self):
        world = self.world
        for name in ("low", "medium"):
            world.wait_state(self.run_plan(name), "done")
        world.receiver.wait("/ops")
        self.assertEqual(len(self.told()), 1)
        self.assertIn("starts: plan medium (medium risk), by ann: by hand", self.told()[0])

    def test_high_asks(self):
        world = self.world
        run = self.run_plan("high")
        world.wait_state(run, "asking")
        world.receiver.wait("/ops")
        self.assertIn("asks before it starts: plan high (high risk), by ann", self.told()[0])
        world.restart()
        world.wait_state(run, "asking")
        self.assertEqual(world.receiver.count("/first"), 0)
        self.assertIn("who started the run may not",
                      self.plan("approve", run, "--as", "ann", is_refused=True))
        self.plan("approve", run, "--as", "bob")
        world.wait_state(run, "done")
        self.assertEqual(world.receiver.count("/first"), 1)
        check_journal(world.show(run)["journal"])
        again = self.run_plan("high")
        self.plan("reject", again, "--as", "bob", "--reason", "not now")
        ended = world.wait_state(again, "cancelled")
        self.assertEqual(ended["error"], "it was not approved, says bob: not now")
        world.restart()
        self.assertEqual(world.receiver.count("/first"), 1)


if __name__ == "__main__":
    unittest.main()
