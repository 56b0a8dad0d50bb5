#!/usr/bin/env python3
"""People take the wheel on the command line: votes, pause, resume, retry, set, skip, signal."""
import json
import os
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, plan_text, support  # noqa: E402
from seed import SEED  # noqa: E402

ALL = plan_text("all", """
    local both = ctx:ask("both", { text = "share?", who = { "ann", "bob" }, quorum = 2,
      schema = { type = "whole", max = 100 } })
    local go = ctx:signal("go")
    ctx:sleep("10m")
    ctx:http("first", { method = "POST", url = "@URL/set" }, { timeout = "20s" })
    local set = ctx:http("set", { method = "POST", url = "@URL/set" }, { timeout = "20s" })
    local again = ctx:http("again", { method = "POST", url = "@URL/again" }, { timeout = "20s" })
    return { both = both.value, go = go.value, set = set, again = again.body }""")


class Wheel(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.world = World(folder.name, {"wheel/1": ALL}, ["all"])
        self.addCleanup(self.world.close)
        self.world.fire("all", "w")
        self.id = self.world.run("wheel", "w")["id"]

    def plan(self, command, *words, is_refused=False):
        got, out, error = self.world.command("plan", command, self.id, *words)
        self.assertEqual(got != 0, is_refused, out + error)
        return error

    def types(self):
        return [record["type"] for record in self.world.show(self.id)["journal"]]

    def test_every_command(self):
        world = self.world
        world.wait_state(self.id, "asking")
        self.assertIn("eve may not answer both#1: it asks ann, bob",
                      self.plan("approve", "--as", "eve", "--value", "1", is_refused=True))
        self.assertIn("must be at most 100",
                      self.plan("approve", "--as", "ann", "--value", "101", is_refused=True))
        self.plan("approve", "--as", "ann", "--value", "50", "--ask", "both#1")
        self.assertIn("ann has answered both#1 already",
                      self.plan("approve", "--as", "ann", "--value", "50", is_refused=True))
        self.plan("pause", "--reason", "lunch", "--as", "li")
        world.restart()
        world.wait_state(self.id, "paused")
        self.plan("approve", "both#1", "--as", "bob", "--value", "50")
        self.plan("signal", "go", "--value", "now")
        world.wait_state(self.id, "paused")
        self.assertIn("is paused already", self.plan("pause", is_refused=True))
        self.plan("resume")
        world.wait_state(self.id, "sleeping")
        self.assertIn("is sleeping, not paused", self.plan("resume", is_refused=True))
        self.assertIn("is not a step", self.plan("set", "--value", "1", is_refused=True))
        gate = threading.Event()
        world.receiver.behave("/set", gate, "drop")
        self.plan("skip", "sleep#1")
        world.receiver.wait("/set")
        self.plan("pause")
        self.assertIn("is being sent: wait for its outcome", self.plan("retry", is_refused=True))
        gate.set()
        support.wait_until(lambda: "StepDone" in self.types(), 30, "the outcome in the pause")
        self.assertEqual(self.types()[-1], "StepDone")
        world.wait_state(self.id, "paused")
        self.plan("resume")
        world.wait_state(self.id, "in_doubt")
        world.receiver.behave("/again", "drop", 200)
        self.plan("set", "--value", '{"by":"hand"}', "--reason", "saw it")
        world.wait_state(self.id, "in_doubt")
        self.assertIn("must be a JSON object", self.plan("retry", "--value", "7", is_refused=True))
        arguments = {"method": "POST", "url": world.receiver.url("/again"), "body": "new"}
        self.plan("retry", "again#1", "--value", json.dumps(arguments))
        world.wait_state(self.id, "done")
        self.assertIn("has ended: done", self.plan("pause", is_refused=True))
        run = world.show(self.id)
        self.assertEqual(run["journal"][-1]["result"],
                         {"both": 50, "go": "now", "set": {"by": "hand"}, "again": "ok"})
        self.assertEqual(world.receiver.bodies(self.id + "/again#1+1"), ["new"])
        said = [(r["text"], r.get("step"), r["actor"]) for r in run["journal"]
                if r["type"] == "Operator"]
        here = said[1][2]
        self.assertEqual(said, [
            ("pause", None, "li"), ("resume", None, here), ("skip", "sleep#1", here),
            ("pause", None, here), ("resume", None, here),
            ("set", "set#1", here), ("retry", "again#1", here)])
        paused = next(r for r in run["journal"] if r.get("text") == "pause")
        self.assertEqual((paused["via"], paused["reason"]), (here, "lunch"))
        timeline = json.dumps(world.daemon.call("incident.show", {"number": run["incident"]}))
        for text in ("pause by li: lunch", "skip sleep#1 by", "go by", "both#1: approved by bob"):
            self.assertIn(text, timeline)


if __name__ == "__main__":
    print("seed %d" % SEED, file=sys.stderr)
    unittest.main()
