#!/usr/bin/env python3
"""A person starts a plan on the command line, without an event and of an incident."""
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, plan_text  # noqa: E402

HAND = """return plan {
  api = 1, owner = "test", params = { url = "@URL/first", note = "hello", times = 1 },
  run = function(ctx, params)
    for i = 1, params.times do
      ctx:http("send", { method = "POST", url = params.url, body = params.note })
    end
    return { incident = ctx.incident and ctx.incident.number or 0 }
  end,
}
"""

ASKS = plan_text("nothing", """
    local answer = ctx:ask("sure", { text = "sure?", not_starter = true })
    return { by = answer.actor }""")


BREAKS = """return plan {
  api = 1, owner = "test", needs = { "notify" },
  breaker = { fails = 2, cool = "10m", escalate = "ops" },
  run = function(ctx)
    ctx:http("send", { method = "POST", url = "@URL/first" })
  end,
}
"""


class Start(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.world = World(folder.name, {"hand/1": HAND, "asks/1": ASKS, "breaks/1": BREAKS},
                           ["all"])
        self.addCleanup(self.world.close)

    def plan(self, *words, is_refused=False):
        got, out, error = self.world.command("plan", *words)
        self.assertEqual(got != 0, is_refused, out + error)
        return error if is_refused else out

    def result(self, run_id):
        self.world.wait_state(run_id, "done")
        return self.world.show(run_id)["journal"][-1]["result"]

    def test_by_hand(self):
        world = self.world
        run = json.loads(self.plan("run", "hand", "--as", "ann", "--reason", "a look", "--json"))
        self.assertEqual((run["starter"], run["cause"], run["incident"], run["drill"]),
                         ("ann", "a look", 0, False))
        self.assertEqual(self.result(run["id"]), {"incident": 0})
        world.receiver.wait("/first")
        started = world.show(run["id"])["journal"][0]
        self.assertEqual((started["actor"], started["reason"]), ("ann", "a look"))

    def test_of_an_incident_with_params(self):
        world = self.world
        world.fire("all", "w")
        number = str(world.incident("w")["number"])
        text = self.plan("run", "hand", "--incident", number, "--params",
                         '{"note":"again","times":2}')
        self.assertIn("starts for incident " + number, text)
        run = world.runs(plan="hand")[0]
        self.assertEqual(self.result(run["id"]), {"incident": int(number)})
        world.receiver.wait("/first", 2)
        self.assertEqual(world.receiver.bodies(run["id"] + "/send#2"), ["again"])

    def test_who_started_it_may_not_answer(self):
        run = json.loads(self.plan("run", "asks", "--as", "ann", "--json"))
        self.world.wait_state(run["id"], "asking")
        self.world.restart()
        self.assertIn("who started the run may not",
                      self.plan("approve", run["id"], "--as", "ann", is_refused=True))
        self.plan("approve", run["id"], "--as", "bob")
        self.assertEqual(self.result(run["id"]), {"by": "bob"})

    def test_again(self):
        world = self.world
        first = json.loads(self.plan("run", "hand", "--params", '{"note":"x"}', "--json"))
        world.wait_state(first["id"], "done")
        again = json.loads(self.plan("restart", first["id"], "--as", "bob", "--reason", "check",
                                     "--json"))
        world.wait_state(again["id"], "done")
        self.assertEqual((again["starter"], again["cause"]), ("bob", first["id"] + " again: check"))
        self.assertEqual(world.receiver.bodies(again["id"] + "/send#1"), ["x"])
        asking = json.loads(self.plan("run", "asks", "--json"))["id"]
        self.assertIn("only a run that has ended can be started again",
                      self.plan("restart", asking, is_refused=True))

    def test_breaker_and_needs(self):
        world = self.world
        for _ in range(2):
            run = json.loads(self.plan("run", "breaks", "--json"))["id"]
            self.assertIn("http.request is not among what plan breaks needs (notify)",
                          world.wait_state(run, "failed")["error"])
        self.assertIn("its breaker is open until", self.plan("run", "breaks", is_refused=True))
        world.receiver.wait("/ops")
        self.assertIn("plan breaks has failed 2 times in a row",
                      world.receiver.of("/ops")[0]["body"])
        world.restart()
        self.assertIn("its breaker is open until", self.plan("run", "breaks", is_refused=True))
        self.plan("run", "breaks", "--force")
        self.assertEqual(world.receiver.count("/first"), 0)

    def test_refusals(self):
        for words, said in (
                (("run", "halp"), 'there is no active plan "halp"; known: asks, breaks, hand'),
                (("run", "hand", "--incident", "99"), "there is no incident 99"),
                (("run", "hand", "--incident", "x"), "--incident wants a number from 1"),
                (("run", "hand", "--params", "[1]"), "--params must be a JSON object"),
                (("run", "hand", "--params", "{x"), "--params must be a JSON object: "),
                (("run", "hand", "--params", '{"nota":"x"}'),
                 'plan hand has no param "nota"; declared: note, times, url'),
                (("run", "hand", "--params", '{"times":"x"}'),
                 "param times of plan hand must be a number, found a text"),
                (("run",), "wants the name of one PLAN")):
            self.assertIn(said, self.plan(*words, is_refused=True))
        self.assertEqual(self.world.runs(), [])


if __name__ == "__main__":
    unittest.main()
