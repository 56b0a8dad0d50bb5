#!/usr/bin/env python3
"""A plan of branches, with a step that probes, is killed at its records and as requests arrive."""
import os
import random
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, check_journal, plan_text, support  # noqa: E402
from seed import SEED  # noqa: E402

TREE = plan_text("all", """
    local safe = { effect = "idempotent", timeout = "20s",
      retry = { max = 50, first = 0.02, cap = 0.1, jitter = 0 } }
    local function post(c, id, path, opts)
      return c:http(id, { method = "POST", url = "@URL" .. path, body = ctx.run }, opts).body
    end
    local both = ctx:par {
      look = function(c)
        local first = post(c, "a", "/a", safe)
        c:sleep(0.05)
        local deep = c:par {
          x = function(d) return post(d, "x", "/x", safe) end,
          y = function(d) d:sleep(0.02) return "y" end,
        }
        return { first, deep.x, deep.y }
      end,
      page = function(c)
        local ok = pcall(post, c, "once", "/once", { timeout = "20s" })
        return ok and "done" or "not done"
      end,
    }
    local value, winner = ctx:par({
      nap = function(c) c:sleep(0.05) return 5 end,
      person = function(c) return c:ask("sure", { text = "nobody answers" }) end,
      slow = function(c) c:sleep("1h") post(c, "never", "/never", safe) end,
    }, { mode = "any" })
    local items = ctx:each({ "p", "q", "r" }, function(c, item, i)
      local done = post(c, "item", "/item", { effect = "idempotent", timeout = "20s",
        retry = { max = 50, first = 0.02, cap = 0.1, jitter = 0 },
        undo = { "http.request", { method = "POST", url = "@URL/undo", body = item }, safe } })
      return done .. item .. i
    end, { limit = 2 })
    local moved = ctx:http("move", { method = "POST", url = "@URL/move", body = ctx.run }, {
      timeout = "20s", retry = { max = 9, first = 0.02, cap = 0.05 },
      probe = { action = "http.request", args = { url = "@URL/moved", method = "GET" },
                want = { status = 200 } },
    })
    local fact = ctx:fact("fact", function() return { n = #items } end)
    local back = ctx:rollback("a drill").rolled_back
    return { both = both, value = value, winner = winner, items = items, moved = moved ~= nil,
      fact = fact, back = back }""")

# In the order of their branch; the journal mixes branches.
CALLS = {
    "": ["par#1", "par#2", "each#1", "move#1", "log#1", "undo#1", "undo#2", "undo#3"],
    "look": ["look/a#1", "look/sleep#1", "look/par#1"],
    "look/x": ["look/x/x#1"],
    "look/y": ["look/y/sleep#1"],
    "page": ["page/once#1"],
    "1": ["1/item#1"], "2": ["2/item#1"], "3": ["3/item#1"],
}


class CrashBranches(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(SEED)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.world = World(folder.name, {"tree/1": TREE}, ["all"])
        self.addCleanup(self.world.close)
        self.fires = 0

    def begin(self):
        """The probe asks about the latest run: each one moves by itself."""
        who = "w%d" % self.fires
        self.fires += 1
        receiver = self.world.receiver
        receiver.behave("/moved", 404)
        receiver.behave("/move", lambda: receiver.behave("/moved", 200))
        self.world.fire("all", who)
        return who, self.world.run("tree", who, is_durable=False)["id"]

    def settle_doubt(self, run, said):
        step = run["waiting_for"].split(":")[0]
        self.assertEqual(step, "page/once#1")
        self.assertNotIn(step, said, "a person was asked twice")
        happened = self.world.receiver.count("/once", run["id"]) > 0
        code, _, error = self.world.command("plan", "approve" if happened else "reject", run["id"],
                                            step)
        self.assertEqual(code, 0, error)
        said[step] = "done" if happened else "not done"

    def look(self, run_id, said):
        run = self.world.runs(id=run_id)[0]
        if run["state"] == "in_doubt":
            self.settle_doubt(run, said)
        return run

    def finish(self, run_id, said):
        def ended():
            return self.look(run_id, said)["state"] in ("done", "failed", "cancelled", "blocked")
        try:
            support.wait_until(ended, 30, "run %s to end" % run_id)
        except AssertionError as late:
            raise AssertionError("%s: %s" % (late, self.world.show(run_id))) from late
        return self.world.show(run_id)

    def check(self, run, said):
        run_id, receiver = run["id"], self.world.receiver
        self.assertEqual(run["state"], "done", run)
        outcomes = check_journal(run["journal"])
        for scope, calls in CALLS.items():
            found = [r["step"] for r in run["journal"] if r.get("scope", "") == scope
                     and r["type"] in ("StepScheduled", "TimerSet", "AskOpened", "BranchesOpened")]
            self.assertEqual(found, calls)
            self.assertEqual([step for step in calls if step not in outcomes], [])
        for key, path in (("look/a", "/a"), ("look/x/x", "/x"), ("1/item", "/item"),
                          ("2/item", "/item"), ("3/item", "/item")):
            self.assertGreaterEqual(receiver.count(path, "%s/%s#1" % (run_id, key)), 1, key)
        self.assertEqual(receiver.count("/never", run_id), 0)
        self.assertEqual(receiver.count("/move", run_id), 1, "a probed step happened twice")
        once = said.get("page/once#1", "done")
        self.assertEqual(receiver.count("/once", run_id), 1 if once == "done" else 0)
        page = "done" if once == "done" else "not done"
        self.assertEqual(run["journal"][-1]["result"], {
            "both": {"look": ["ok", "ok", "y"], "page": page}, "value": 5, "winner": "nap",
            "items": ["okp1", "okq2", "okr3"], "moved": True,
            "fact": {"n": 3}, "back": 3})
        self.assertEqual([set(receiver.bodies("%s/undo#%d" % (run_id, n))) for n in (1, 2, 3)],
                         [{"r"}, {"q"}, {"p"}], "the way back is not in reverse")

    def kill_at(self, who, run_id, count, said):
        deadline = time.monotonic() + 60
        while True:
            run = self.look(run_id, said)
            if run["records"] >= count or run["state"] == "done":
                break
            self.assertLess(time.monotonic(), deadline, "run %s hangs" % run_id)
        if self.random.random() < 0.7:
            time.sleep(self.random.random() * 0.006)
        is_ended = self.world.runs(id=run_id)[0]["state"] == "done"
        self.world.restart()
        if not self.world.runs(id=run_id):
            self.assertEqual(count, 1, "a run with durable records is gone")
            run_id = self.world.run("tree", who)["id"]
        return run_id, is_ended

    def test_uncrashed_run_and_one_killed_again_and_again(self):
        _, run_id = self.begin()
        run, said = self.finish(run_id, {}), {}
        self.check(run, {})
        who, run_id = self.begin()
        stride = 1 if support.IS_LONG else 6
        for count in range(1 + self.random.randrange(stride), len(run["journal"]) + 1, stride):
            run_id, is_ended = self.kill_at(who, run_id, count, said)
            if is_ended:
                break
        self.check(self.finish(run_id, said), said)

    @unittest.skipUnless(support.IS_LONG, "long variant")
    def test_killed_once_at_each_record(self):
        _, run_id = self.begin()
        total = len(self.finish(run_id, {})["journal"])
        for count in range(1, total + 1):
            for _ in range(2):
                who, run_id = self.begin()
                said = {}
                run_id, _ = self.kill_at(who, run_id, count, said)
                self.check(self.finish(run_id, said), said)

    def test_killed_at_the_moment_a_request_arrives(self):
        kill = self.world.daemon
        for path in ("/a", "/x", "/once", "/item", "/move"):
            who, said = "w%d" % self.fires, {}
            self.fires += 1
            receiver = self.world.receiver
            receiver.behave("/moved", 404)

            def moved_and_killed(path=path):
                receiver.behave("/moved", 200)
                if path == "/move":
                    kill.process.kill()
            receiver.behave("/move", moved_and_killed)
            if path != "/move":
                receiver.behave(path, kill.process.kill, 200)
            self.world.fire("all", who)
            kill.process.wait(30)
            kill.start()
            run_id = self.world.run("tree", who)["id"]
            self.check(self.finish(run_id, said), said)
            self.assertEqual(said.get("page/once#1"), "done" if path == "/once" else
                             said.get("page/once#1"))


if __name__ == "__main__":
    print("seed %d" % SEED, file=sys.stderr)
    unittest.main()
