#!/usr/bin/env python3
"""Many runs wait: a start is quick, they cost little, and all of them go on.

TOCSIN_LONG=1: 10,000 runs that wait for a person, and 1,000 that wake in one second.
"""
import os
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, plan_text, support  # noqa: E402

RUNS = 10000 if support.IS_LONG else 600
WAKING = 1000 if support.IS_LONG else 0
START_S_MAX = 5
KIB_MAX = 32  # of memory after a start, with what the incidents and the awake runs take

HOLD = plan_text("hold", """
    local answer = ctx:ask("sure", { text = "go on?" })
    ctx:http("last", { method = "POST", url = "@URL/last", body = "x" }, { effect = "idempotent" })
    return answer.approved""", "timeout = \"2h\",")
NAP = plan_text("nap", """
    ctx:sleep("40s")
    ctx:log("awake")
    return true""", "timeout = \"2h\",")


class Waiting(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.world = World(folder.name, {"hold/1": HOLD, "nap/1": NAP}, ["hold", "nap"], sync="os")
        self.addCleanup(self.world.close)

    def memory_kib(self):
        with open("/proc/%d/status" % self.world.daemon.process.pid, encoding="utf-8") as status:
            return int([line for line in status if line.startswith("VmRSS")][0].split()[1])

    def count(self, plan, state):
        return len(self.world.runs(plan=plan, state=state))

    def begin(self, kind, count):
        world = self.world
        world.feed_lines(*({"time": world.time_s, "kind": kind, "who": "%s%d" % (kind, i)}
                           for i in range(count)))
        world.time_s += 10
        world.feed_lines({"time": world.time_s, "kind": "tick", "who": "-"})

    def test_waiting_for_people(self):
        before = self.memory_kib()
        self.begin("hold", RUNS)
        support.wait_until(lambda: self.count("hold", "asking") == RUNS, 300, "all to ask")
        peak = self.memory_kib()
        self.world.daemon.kill()
        begin = time.monotonic()
        self.world.daemon.start()
        took = time.monotonic() - begin
        self.assertEqual(self.count("hold", "asking"), RUNS)
        after = self.memory_kib()
        print("\n%d waiting runs: ready after %.2f s; KiB of memory for each: %.1f when they "
              "began, %.1f after the start" % (RUNS, took, (peak - before) / RUNS,
                                               (after - before) / RUNS), file=sys.stderr)
        self.assertLess(took, START_S_MAX)
        if support.IS_LONG:  # with few runs those that are awake weigh most
            self.assertLess((after - before) / RUNS, KIB_MAX)
        runs = self.world.runs(plan="hold")
        for run in runs[:5] + runs[-5:]:
            self.world.daemon.call("plan.approve", {"run": run["id"]})
        for run in runs[:5] + runs[-5:]:
            self.world.wait_state(run["id"], "done")
            self.assertEqual(self.world.receiver.count("/last", run["id"]), 1)
        self.assertEqual(self.count("hold", "asking"), RUNS - 10)

    @unittest.skipUnless(WAKING, "long variant")
    def test_many_that_wake_at_once(self):
        self.begin("nap", WAKING)
        support.wait_until(lambda: self.count("nap", "sleeping") == WAKING, 60, "all to sleep")
        self.world.restart()
        self.assertEqual(self.count("nap", "sleeping"), WAKING)
        support.wait_until(lambda: self.count("nap", "done") > 0, 60, "the first to wake")
        begin = time.monotonic()
        support.wait_until(lambda: self.count("nap", "done") == WAKING, 60, "all to wake")
        print("\n%d runs woke and ended within %.1f s" % (WAKING, time.monotonic() - begin),
              file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
