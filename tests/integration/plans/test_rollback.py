#!/usr/bin/env python3
"""`plan cancel --rollback`: what a run did is undone in reverse, over a kill of the daemon."""
import json
import os
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, check_journal, support  # noqa: E402
from seed import SEED  # noqa: E402,F401

PLAN = """return plan {
  api = 1, owner = "test", params = { stop = "" },
  run = function(ctx, params)
    local function back(name)
      return { "http.request", { method = "PUT", url = "@URL/back", body = name },
        { effect = "idempotent", on_fail = params.stop == name and "wait" or nil } }
    end
    local function go(c, name)
      c:http(name, { method = "PUT", url = "@URL/go", body = name },
        { effect = "idempotent", undo = back(name) })
    end
    go(ctx, "one")
    go(ctx, "gone")
    ctx:undo("http.request", back("by hand")[2], { effect = "idempotent" })
    ctx:par {
      a = function(c)
        go(c, "a1")
        go(c, "a2")
        c:rollback("only this branch")
        go(c, "a3")
        c:ask("a", { text = "a?" })
      end,
      b = function(c)
        go(c, "b1")
        c:sleep("1h")
        go(c, "never")
      end,
    }
    go(ctx, "never")
  end,
}
"""

OUTER = """return plan {
  api = 1, owner = "test",
  run = function(ctx)
    ctx:http("one", { method = "PUT", url = "@URL/go", body = "one" }, { effect = "idempotent",
      undo = { "http.request", { method = "PUT", url = "@URL/back", body = "one" },
        { effect = "idempotent" } } })
    ctx:call("inner")
  end,
}
"""

INNER = OUTER.replace('ctx:call("inner")', 'ctx:sleep("1h")').replace('"one"', '"inner"')

# Branches in the order of their names, the last first; a1 and a2 are undone already.
BACK = ["b1", "a3", "by hand", "gone", "one"]


class Rollback(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        plans = {"tree/1": PLAN, "outer/1": OUTER, "inner/1": INNER}
        self.world = World(folder.name, plans, ["all"])
        self.addCleanup(self.world.close)

    def plan(self, *words, is_refused=False):
        got, out, error = self.world.command("plan", *words)
        self.assertEqual(got != 0, is_refused, out + error)
        return error if is_refused else out

    def start(self, stop=""):
        run = json.loads(self.plan("run", "tree", "--params", json.dumps({"stop": stop}),
                                   "--json"))["id"]
        self.world.wait_state(run, "asking")
        self.world.receiver.wait("/go", 6)
        self.assertEqual(self.backs(), ["a2", "a1"])
        return run

    def backs(self):
        return [request["body"] for request in self.world.receiver.of("/back")]

    def undone(self):
        """What was undone after the branch's own rollback; a step sent twice counts once."""
        kept = []
        for body in self.backs()[2:]:
            if body not in kept:
                kept.append(body)
        return kept

    def forget(self):
        receiver = self.world.receiver
        with receiver.lock:
            receiver.requests.clear()
            receiver.behaviour.clear()

    def test_in_reverse(self):
        run = self.start()
        self.plan("cancel", run, "--rollback", "--as", "ann", "--reason", "too hot")
        self.world.wait_state(run, "rolled_back")
        self.assertEqual(self.backs()[2:], BACK)
        journal = self.world.show(run)["journal"]
        check_journal(journal)
        self.assertEqual(journal[-1]["result"], {"rolled_back": 5, "why": "ann: too hot"})
        self.assertIn("has ended: rolled_back", self.plan("pause", run, is_refused=True))
        self.assertIn("rollback", self.plan("show", run))

    def test_a_plan_that_was_called_too(self):
        world = self.world
        outer = json.loads(self.plan("run", "outer", "--json"))["id"]
        world.receiver.wait("/go", 2)
        inner = support.wait_until(lambda: world.runs(plan="inner", state="sleeping"), 30,
                                   "the run of the inner plan")[0]["id"]
        self.plan("cancel", outer, "--rollback", "--as", "ann")
        world.daemon.kill()
        world.daemon.start()
        world.wait_state(outer, "rolled_back")
        world.wait_state(inner, "rolled_back")
        self.assertEqual(set(self.backs()), {"inner", "one"})
        self.assertEqual(world.show(inner)["journal"][-1]["result"]["why"],
                         "run %s: it is rolled back" % outer)

    def test_over_a_kill_at_each_undo(self):
        for place, name in enumerate(BACK):
            gate = threading.Event()
            with self.subTest(killed_in=name):
                run = self.start()
                before = len(self.backs())
                self.world.receiver.behave("/back", *([200] * place + [gate]))
                self.plan("cancel", run, "--rollback")
                self.world.receiver.wait("/back", before + place + 1)
                self.world.daemon.kill()
                gate.set()
                self.world.daemon.start()
                self.world.wait_state(run, "rolled_back")
                self.assertEqual(self.undone(), BACK)
                check_journal(self.world.show(run)["journal"])
            self.forget()

    def test_an_undo_that_fails_stops_it_or_waits(self):
        run = self.start()
        self.world.receiver.behave("/back", 200, 400)
        self.plan("cancel", run, "--rollback")
        error = self.world.wait_state(run, "rollback_failed")["error"]
        self.assertIn("the rollback has stopped: undo 2 of 5 failed: ", error)
        self.assertEqual(self.backs()[2:], BACK[:2])
        self.forget()
        run = self.start("gone")
        self.world.receiver.behave("/back", 200, 200, 200, 400, 200)
        self.plan("cancel", run, "--rollback")
        self.world.wait_state(run, "in_doubt")
        self.world.restart()
        self.world.wait_state(run, "in_doubt")
        self.plan("retry", run)
        self.world.wait_state(run, "rolled_back")
        self.assertEqual(self.undone(), BACK)


if __name__ == "__main__":
    unittest.main()
