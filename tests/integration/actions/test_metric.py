#!/usr/bin/env python3
"""metric.query: a plan sees what the rule sees, and its journal keeps it."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, support  # noqa: E402

PLANS = {
    "sees": """
    local rule = { rule = "sees", key = ctx.incident.dimension }
    local out = { first = ctx:metric("look", rule) }
    ctx:signal("more")
    out.second = ctx:metric("look", rule)
    out.other = ctx:metric("other", { rule = "sees", key = { who = "nobody" } })
    ctx:signal("calm")
    out.third = ctx:metric("look", rule)
    return out""",
    "refused": """
    local out = {}
    local function try(name, args)
      local _, why = ctx:metric(name, args, { on_fail = "continue" })
      out[name] = why
    end
    try("rule", { rule = "elsewhere" })
    try("field", { rule = "refused", key = { who = "w", room = 1 } })
    try("none", { rule = "refused" })
    try("kind", { rule = "refused", key = "w" })
    try("name", { key = {} })
    return out""",
}


class Metric(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.world = World(cls.folder.name, PLANS, "")

    @classmethod
    def tearDownClass(cls):
        cls.world.close()
        cls.folder.cleanup()

    def values(self, who):
        shown = self.world.daemon.call("rule.show", {"name": "sees"})
        return {row["key"]: row["count"] for row in shown["values"]}.get(who)

    def test_a_plan_sees_the_value_of_now(self):
        run_id = self.world.begin("sees")
        who = "sees-w"
        self.world.wait_state(run_id, "waiting")
        at_s = self.world.time_s
        self.world.feed_lines(*[{"time": at_s, "kind": "sees", "who": who}] * 4,
                              {"time": at_s + 20, "kind": "tick", "who": "-"})
        self.world.time_s += 20
        support.wait_until(lambda: self.values(who) == 5, 30, "five readings in the window")
        self.world.daemon.call("plan.signal", {"run": run_id, "name": "more"})
        self.world.wait_state(run_id, "waiting")
        self.world.restart()  # what was seen before is not asked for again
        self.world.wait_state(run_id, "waiting")
        self.world.calm()
        support.wait_until(lambda: not self.values(who), 30, "an empty window")
        self.world.daemon.call("plan.signal", {"run": run_id, "name": "calm"})
        run, result = self.world.end(run_id)
        seen = result["first"]
        self.assertEqual((seen["value"], seen["count"], seen["firing"], seen["stage"],
                          seen["severity"]), (1, 1, True, "firing", "critical"))
        self.assertGreaterEqual(seen["time"], at_s - 10)
        self.assertEqual((result["second"]["value"], result["second"]["count"]), (5, 5))
        self.assertEqual((result["other"]["count"], result["other"]["firing"]), (0, False))
        self.assertEqual((result["third"]["count"], result["third"]["firing"]), (0, False))
        tries = [r for r in run["journal"] if r["type"] == "StepAttempt"]
        self.assertEqual([r["step"] for r in tries], ["look#1", "look#2", "other#1", "look#3"])
        self.assertTrue(any('value of sees {"who":"sees-w"}' in note
                            for note in self.world.notes(run)))

    def test_what_is_no_key_of_the_rule_is_refused(self):
        _, why = self.world.play("refused")
        self.assertIn('there is no rule "elsewhere" that is active', why["rule"])
        self.assertIn('rule refused does not group by "room"', why["field"])
        self.assertIn('the key needs the field "who"', why["none"])
        self.assertIn("key must be a table of the rule's `by` fields", why["kind"])
        self.assertIn('metric.query needs the text argument "rule"', why["name"])


if __name__ == "__main__":
    unittest.main()
