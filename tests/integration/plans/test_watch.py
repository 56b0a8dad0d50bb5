#!/usr/bin/env python3
"""`plan show` in words for people, and `plan watch`, which follows a run over a restart."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, plan_text, support  # noqa: E402

EVERY = plan_text("every", """
    ctx:notify("tell", { to = "ops", text = "hi\\27[2J there" })
    local r = ctx:par({
      left = function(c)
        return c:exec("count", { "@SCRIPT", "count", "a" }, { effect = "idempotent" }).exit_code
      end,
      right = function(c) c:fact("n", function() return { 7 } end) end,
    })
    local a = ctx:ask("sure", { text = "Go on?", who = { "ann", "bob" }, schema = "whole" })
    local s = ctx:signal("ready")
    ctx:lock("traffic", { ttl = "5m" }, function(c) c:call("other", { n = 3 }) end)
    ctx:sleep("10m")
    ctx:http("busy", { method = "POST", url = "@URL/busy" }, { on_fail = "wait" })
    ctx:http("set", { method = "POST", url = "@URL/set" })
    return { value = a.value }""")
OTHER = """return plan {
  api = 1, owner = "test", params = { n = 1 },
  run = function(_, params) return params.n end,
}
"""
FAILS = plan_text("fails", """
    ctx:ask("go", { text = "go?", on_expire = "reject" })
    ctx:http("busy", { method = "POST", url = "@URL/busy" }, { on_fail = "wait" })
    error("boom")""")


class Watch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        plans = {"every/1": EVERY, "fails/1": FAILS, "other/1": OTHER}
        self.world = World(folder.name, plans, ["every", "fails"])
        self.addCleanup(self.world.close)

    def start(self, plan):
        self.world.fire(plan, plan)
        return self.world.run(plan, plan)["id"]

    def plan(self, command, *words):
        code, out, error = self.world.command("plan", command, *words)
        self.assertEqual(code, 0, out + error)
        return out

    def watch(self, run_id, *options):
        """The process and where its output is."""
        path = os.path.join(self.folder, "watch%d" % len(os.listdir(self.folder)))
        with open(path, "w", encoding="utf-8") as out:
            process = subprocess.Popen(
                [support.TOCSIN, "plan", "watch", run_id, "--state", self.world.daemon.state]
                + list(options), stdin=subprocess.DEVNULL, stdout=out)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, path

    def wait_text(self, path, text):
        def has():
            with open(path, encoding="utf-8") as lines:
                return text in lines.read()
        support.wait_until(has, 30, "watch to print " + text)

    def drive(self, run_id):
        self.world.wait_state(run_id, "asking")
        self.plan("approve", run_id, "--value", "50", "--as", "ann", "--reason", "looked at it")
        self.plan("signal", run_id, "ready", "--as", "li")
        self.world.wait_state(run_id, "sleeping")

    def test_a_run_in_words(self):
        self.world.receiver.behave("/set", "drop")
        self.world.receiver.behave("/busy", 500, 200)
        run_id = self.start("every")
        self.drive(run_id)
        self.plan("skip", run_id, "--as", "li", "--reason", "no time")
        self.world.wait_state(run_id, "in_doubt")
        self.plan("retry", run_id, "busy#1")
        support.wait_until(lambda: self.world.receiver.count("/set"), 30, "the last step")
        self.world.wait_state(run_id, "in_doubt")
        self.plan("approve", run_id, "--as", "li")
        self.world.wait_state(run_id, "done")
        out = self.plan("show", run_id)
        head, journal = out.split("\njournal\n")
        self.assertRegex(head, r"run +%s\nplan +every\nversion +1\nincident +1\nstate +done\n"
                         % run_id)
        lines = journal.splitlines()
        self.assertRegex(lines[0], r"^\d{4}-\d\d-\d\d$")
        told = [re.sub(r"\d\d:\d\d:\d\d(\.\d+)?", "T", re.sub(" +", " ", line)).strip()
                for line in lines[1:]]
        records = self.world.show(run_id)["journal"]
        self.assertEqual(len(told), len(records))
        child = next(r["child"] for r in records if r["type"] == "ChildStarted")
        for wanted in (
                "T plan every version 1 starts for incident 1",
                "T tell#1 notify ops: hi\\x1b[2J there [idempotent]",
                "T tell#1 try 1", "T tell#1 done",
                'T par#1 branches, all: ["left","right"]',
                "T right/n#1 is [7]",
                "T sure#1 asks: Go on? of [\"ann\",\"bob\"]",
                "T signal ready by li via %s" % self.actor(records),
                "T ready#1 the signal is here",
                "T sure#1 approved with 50 by ann via %s: looked at it" % self.actor(records),
                "T traffic#1 wants the lock traffic, waits until T",
                "T traffic#1 holds the lock traffic, fence 2, until T",
                "T unlock#1 gives back the lock traffic",
                "T other#1 calls plan other: run " + child,
                "T other#1 run %s is done, result 3" % child,
                "T sleep#1 sleeps until T",
                "T sleep#1 skip by li via %s: no time" % self.actor(records),
                "T sleep#1 skipped",
                "T set#1 POST %s [once]" % self.world.receiver.url("/set"),
                "T set#1 it happened by li via %s" % self.actor(records),
                'T the run has ended: done, result {"value":50}'):
            self.assertIn(wanted, told)
        self.assertTrue(any(re.match(r"T set#1 IN DOUBT: .*approve if it happened", line)
                            for line in told), told)
        self.assertTrue(any(re.match(r"T busy#1 FAILED: .*500.*; retry, set or skip it", line)
                            for line in told), told)
        self.assertTrue(any(line.startswith("T left/count#1 ") and "idempotent" in line
                            for line in told), told)
        self.assertIn("    left/count#1", journal)  # a branch is set in by two columns

    def actor(self, records):
        return next(record["via"] for record in records if "via" in record)

    def test_watch_follows_a_run_also_over_a_restart(self):
        run_id = self.start("every")
        process, path = self.watch(run_id)
        second, lines_path = self.watch(run_id, "--json")
        self.wait_text(path, "-- asking: sure#1: Go on?")
        self.wait_text(lines_path, "AskOpened")
        self.world.restart()
        self.drive(run_id)
        self.wait_text(path, "-- sleeping: sleep#1")
        self.assertIsNone(process.poll())
        self.plan("skip", run_id)
        self.assertEqual([process.wait(30), second.wait(30)], [0, 0])
        with open(path, encoding="utf-8") as out:
            text = out.read()
        shown = self.plan("show", run_id).split("\njournal\n")[1]
        kept = [line for line in text.splitlines(True) if not line.startswith("-- ")]
        self.assertEqual("".join(kept), shown)
        with open(lines_path, encoding="utf-8") as out:
            self.assertEqual([json.loads(line) for line in out], self.world.show(run_id)["journal"])

    def test_watch_ends_with_1_when_the_run_fails(self):
        self.world.receiver.behave("/busy", 500, 200)
        run_id = self.start("fails")
        process, path = self.watch(run_id)
        self.wait_text(path, "-- asking: go#1: go?")
        self.plan("approve", run_id)
        self.wait_text(path, "-- in_doubt: busy#1")
        self.plan("retry", run_id)
        self.assertEqual(process.wait(30), 1)
        self.wait_text(path, "boom")
        code, _, error = self.world.command("plan", "watch", "nobody")
        self.assertEqual(code, 5)
        self.assertIn('there is no plan run "nobody"', error)
        code, _, error = self.world.command("plan", "watch")
        self.assertEqual(code, 2)
        self.assertIn("wants one RUN id", error)


if __name__ == "__main__":
    unittest.main()
