#!/usr/bin/env python3
"""The wall clock is set by an hour, forward and back, while a timer of each kind is pending."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, check_journal, plan_text, support  # noqa: E402

STEP = os.path.join(os.path.dirname(support.TOCSIN), "tests", "libclock_step.so")
HOUR_MS = 3600 * 1000
KINDS = {
    "sleep": 'ctx:sleep("30m")',
    "ask": 'ctx:ask("go", { text = "go?", expires = "30m", on_expire = "approve" })',
    "signal": 'ctx:signal("go", { timeout = "30m" })',
    "retry": """ctx:http("try", { method = "POST", url = "@URL/try" },
      { effect = "idempotent", retry = { first = "30m", cap = "30m", jitter = 0 } })""",
    "until": """local n = 0
    ctx:wait_until("up", function() n = n + 1 return n == 2 end,
      { every = "30m", timeout = "5h" })""",
    "branch": """ctx:par({ a = function(c) c:sleep("30m") end,
      b = function(c) c:signal("never", { timeout = "31m" }) end })""",
}
BODY = '    %s\n    ctx:http("after", { method = "POST", url = "@URL/after" })'
WAITS = ("sleeping", "asking", "waiting", "running")


@unittest.skipUnless(os.path.exists(STEP), "built with a sanitizer")
class Clock(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "clock_ms")
        self.now_ms = 0
        self.step(0)
        plans = {kind + "/1": plan_text(kind, BODY % text, "").replace('"10m"', '"9h"')
                 for kind, text in KINDS.items()}
        environment = dict(os.environ, LD_PRELOAD=STEP, CLOCK_STEP=self.file)
        self.world = World(folder.name, plans, list(KINDS), environment=environment)
        self.addCleanup(self.world.close)
        self.world.receiver.behave("/try", 503, 200)

    def step(self, by_ms):
        self.now_ms += by_ms
        with open(self.file + ".new", "w", encoding="utf-8") as out:
            out.write("%d" % self.now_ms)
        os.rename(self.file + ".new", self.file)

    def start(self, who):
        runs = {}
        for kind in KINDS:
            self.world.fire(kind, kind + who)
            runs[kind] = self.world.run(kind, kind + who)["id"]
        self.wait_pending(runs)
        return runs

    def wait_pending(self, runs):
        """Each run waits for its timer."""
        def types(run_id):
            return [record["type"] for record in self.world.show(run_id)["journal"]]
        for kind, run_id in runs.items():
            last = "StepFailed" if kind == "retry" else None
            support.wait_until(lambda: not last or last in types(run_id), 30, kind)
            self.world.wait_state(run_id, *WAITS)

    def expect_pending(self, runs):
        for kind, run_id in runs.items():
            self.assertIn(self.world.runs(id=run_id)[0]["state"], WAITS, kind)
            self.assertEqual(self.world.receiver.count("/after", run_id), 0, kind)

    def look(self, runs, restarts):
        """The daemon looks at its clock: at its next start, or when a run goes on (else within a
        minute)."""
        if restarts:
            self.world.restart()
        for run_id in runs.values():
            self.world.daemon.call("plan.pause", {"run": run_id})
            self.world.daemon.call("plan.resume", {"run": run_id})

    def check(self, restarts):
        runs = self.start("1")
        for by_ms in (-HOUR_MS, HOUR_MS, -HOUR_MS, HOUR_MS):
            self.step(by_ms)
            self.look(runs, restarts)
            self.expect_pending(runs)
        self.step(HOUR_MS)
        if restarts:
            self.world.restart()
        else:
            self.look(runs, False)
        for kind, run_id in runs.items():
            self.world.wait_state(run_id, "done")
            check_journal(self.world.show(run_id)["journal"])
        before = {run_id: len(self.world.show(run_id)["journal"]) for run_id in runs.values()}
        self.step(-HOUR_MS)
        self.world.restart()
        self.step(2 * HOUR_MS)
        self.world.restart()
        for kind, run_id in runs.items():
            self.assertEqual(self.world.receiver.count("/after", run_id), 1, kind)
            self.assertEqual(len(self.world.show(run_id)["journal"]), before[run_id], kind)
        self.assertEqual(self.world.receiver.count("/try"), 2)

    def test_nothing_happens_twice_and_nothing_is_lost(self):
        self.check(False)

    def test_nor_over_restarts(self):
        self.check(True)

    @unittest.skipUnless(support.IS_LONG, "takes a minute")
    def test_a_step_is_noticed_within_a_minute(self):
        runs = self.start("1")
        self.step(HOUR_MS)
        for run_id in runs.values():
            self.world.wait_state(run_id, "done", seconds=70)


if __name__ == "__main__":
    unittest.main()
