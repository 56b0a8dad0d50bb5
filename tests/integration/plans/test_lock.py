#!/usr/bin/env python3
"""ctx:lock between runs of a daemon: one at a time, in order; errors pass through it."""
import json
import os
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, check_journal, plan_text, support  # noqa: E402
from seed import SEED  # noqa: E402

ALONE = plan_text("alone", """
    local function post(c, path, fence)
      return c:http(path, { method = "POST", url = "@URL/" .. path, body = { fence = fence,
        run = ctx.run } }, { effect = "idempotent", timeout = "20s" }).body
    end
    local first, second = ctx:lock("door", { wait = "1m" }, function(c, fence)
      post(c, "in", fence)
      post(c, "out", fence)
      return fence, "two"
    end)
    return { fence = first, second = second }""")

FAILS = plan_text("fails", """
    local is_ok, sentence = pcall(ctx.lock, ctx, "door", function() error("broken") end)
    local late, told = pcall(ctx.lock, ctx, "door", { ttl = "1s" }, function(c)
      c:sleep(1.5)
      c:http("never", { method = "POST", url = "@URL/never" })
    end)
    ctx:lock("door", { wait = 0 }, function() end)
    return { is_ok = is_ok, sentence = sentence, late = late, told = told }""")


class Lock(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.world = World(folder.name, {"alone/1": ALONE, "fails/1": FAILS}, ["alone", "fails"])
        self.addCleanup(self.world.close)

    def test_runs_are_alone_and_their_fences_rise(self):
        gate = threading.Event()
        receiver = self.world.receiver
        receiver.behave("/in", gate, 200)
        for who in ("a", "b", "c"):
            self.world.fire("alone", who)
        ids = [self.world.run("alone", who)["id"] for who in ("a", "b", "c")]
        receiver.wait("/in")
        states = sorted(run["state"] for run in self.world.runs())
        self.assertEqual(states, ["running", "waiting", "waiting"])
        self.world.restart()
        gate.set()
        for run_id in ids:
            self.world.wait_state(run_id, "done")
            check_journal(self.world.show(run_id)["journal"])
        seen = []
        for request in receiver.requests:
            path, body = request["path"], request["body"]
            if not seen or seen[-1] != (path, body):
                seen.append((path, body))
        runs, fences = [], []
        for entered, left in zip(seen[::2], seen[1::2]):
            self.assertEqual((entered[0], left[0], entered[1]), ("/in", "/out", left[1]))
            runs.append(json.loads(left[1])["run"])
            fences.append(json.loads(left[1])["fence"])
        self.assertEqual(sorted(runs), sorted(ids))
        self.assertEqual(fences, sorted(set(fences)))
        results = [self.world.show(run_id)["journal"][-1]["result"] for run_id in runs]
        self.assertEqual(results, [{"fence": fence, "second": "two"} for fence in fences])

    def test_errors_pass_through_and_the_lock_is_free_afterwards(self):
        self.world.fire("fails", "x")
        run_id = self.world.run("fails", "x")["id"]
        self.world.wait_state(run_id, "done")
        result = self.world.show(run_id)["journal"][-1]["result"]
        self.assertEqual((result["is_ok"], result["late"]), (False, False))
        self.assertRegex(result["sentence"], r"plans/fails/1\.lua:\d+: broken$")
        self.assertRegex(result["told"], r"http 'never' failed: the lease of lock door is over")
        self.assertEqual(self.world.receiver.count("/never"), 0)
        code, out, error = self.world.command("plan", "show", run_id)
        self.assertEqual(code, 0, error)
        self.assertIn("holds the lock door, fence ", out)


if __name__ == "__main__":
    print("seed %d" % SEED, file=sys.stderr)
    unittest.main()
