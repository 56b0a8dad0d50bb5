#!/usr/bin/env python3
"""Chains by black box: kill -9 in a wait, acknowledgement, sweep after a reload, heartbeat."""
import os
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../handling"))
from daemon import TOCSIN  # noqa: E402
from world import World, wait_until  # noqa: E402

STEP = os.path.join(os.path.dirname(TOCSIN), "tests", "libclock_step.so")

SITE = """
  people = { wang = { name = "Wang Wei", reach = { { "hook" } } }, li = { name = "Li Na" } },
  schedules = { payments = { layers = { { people = { "wang" } } } } },
  %s
"""
CHAIN = """chains = { pay = { steps = {
    { notify = { "output:ops" } }, { wait = "%s" },
    { notify = { "output:hook" } }, { raise = 1 }, { wait = "1s" } } } },"""


class Chains(unittest.TestCase):
    def start(self, site):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        world = World(directory.name, SITE % site)
        self.addCleanup(world.close)
        return world

    def start_with_plan(self, site, plan):
        world = self.start("chains = {},")
        world.daemon.stop()
        world.site.plan("help/1", plan)
        world.change("chains = {},", site)
        world.daemon.start()
        return world

    def fire(self, world):
        world.fire(("slow", "m1"))
        wait_until(lambda: world.daemon.call("incident.list"), 30, "an incident")

    def facts(self, world, kind):
        return [row["text"] for row in world.daemon.call("incident.timeline", {"number": 1})
                if row["kind"] == kind]

    def status(self, world):
        return world.daemon.call("status")["escalation"]

    def told(self, world):
        return [(row["event"], row["incident"]["number"])
                for row in world.daemon.output("ops.jsonl")]

    def test_a_chain_goes_on_after_kill_9(self):
        world = self.start(CHAIN % "2s")
        self.fire(world)
        wait_until(lambda: self.told(world), 30, "the first step")
        self.assertEqual(len(world.daemon.call("chain.list")), 1)
        world.daemon.kill()
        world.daemon.start()
        wait_until(lambda: self.status(world)["over"] == 1, 30, "the end of the chain")
        self.assertEqual(self.told(world), [("opened", 1)])
        wait_until(lambda: world.receiver.documents, 30, "the second step")
        self.assertEqual([row["event"] for row in world.receiver.documents], ["escalated"])
        shown = world.daemon.call("incident.show", {"number": 1})
        self.assertEqual(shown["priority"], "P3")  # it was P4
        self.assertEqual(len(self.facts(world, "chain_step")), 2)
        self.assertEqual(len(self.facts(world, "chain_ended")), 1)
        self.assertEqual(len(self.facts(world, "chain_started")), 1)
        self.assertEqual(len(self.facts(world, "first_notified")), 1)

    def test_whoever_is_on_call_is_reached_and_who_has_no_way_is_told(self):
        world = self.start("""chains = { pay = { steps = { { notify = { "person:li",
            "schedule:payments" } }, { wait = "1h" } } } },""")
        self.fire(world)
        wait_until(lambda: world.receiver.documents, 30, "the page")
        self.assertEqual([row["event"] for row in world.receiver.documents], ["opened"])
        self.assertIn("wang, on call in payments", self.facts(world, "chain_step")[0])
        self.assertIn("cannot reach li", self.facts(world, "chain_failed")[0])

    def test_a_step_starts_a_plan_for_the_incident(self):
        world = self.start_with_plan(
            """chains = { pay = { steps = { { notify = { "output:ops" } }, { plan = "help" },
               { plan = "absent" }, { wait = "1h" } } } },""",
            'return plan { run = function(ctx) ctx:sleep("1h") end }')
        self.fire(world)
        runs = wait_until(lambda: world.daemon.call("plan.runs"), 30, "a run")
        self.assertEqual([(run["plan"], run["incident"]) for run in runs], [("help", 1)])
        self.assertIn("starts plan help", self.facts(world, "chain_step")[1])
        self.assertIn("cannot start plan absent", self.facts(world, "chain_failed")[0])
        # The plan is at work, but nobody has answered: the chain goes on.
        self.assertEqual(world.daemon.call("incident.show", {"number": 1})["state"], "HANDLING")
        self.assertEqual(len(world.daemon.call("chain.list")), 1)

    def test_a_row_that_waits_is_dropped_once_somebody_has_it(self):
        world = self.start("""chains = { pay = { steps = { { notify = { "output:hook" } },
                              { wait = "1h" } } } },""")
        world.receiver.behave("/", 503)
        self.fire(world)
        wait_until(lambda: world.receiver.of("/"), 30, "the first try")
        world.daemon.call("incident.ack", {"number": 1})
        world.receiver.behave("/", 200)

        def dropped():
            return [row["dropped"] for row in world.daemon.call("status")["outputs"]
                    if row["name"] == "hook"] == [1]
        wait_until(dropped, 60, "the row to be dropped")

    @unittest.skipUnless(os.path.exists(STEP), "built with a sanitizer")
    def test_a_clock_that_is_set_while_it_waits_neither_doubles_nor_loses(self):
        for by_ms in (3600000, -3600000):
            with self.subTest(by_ms=by_ms):
                world = self.start(CHAIN % "2s")
                world.daemon.stop()
                path = os.path.join(world.site.directory, "clock_ms")

                def put(text, path=path):
                    with open(path + ".new", "w", encoding="utf-8") as out:
                        out.write(text)
                    os.rename(path + ".new", path)
                put("0")
                world.daemon.environment = dict(os.environ, LD_PRELOAD=STEP, CLOCK_STEP=path)
                world.daemon.start()
                self.fire(world)
                wait_until(lambda: self.told(world), 30, "the first step")
                since = time.monotonic()
                put("%d" % by_ms)
                wait_until(lambda: world.receiver.documents, 30, "the second step")
                self.assertGreater(time.monotonic() - since, 1)
                wait_until(lambda: self.status(world)["over"] == 1, 30, "the end of the chain")
                self.assertEqual(len(self.told(world)), 1)
                self.assertEqual(len(world.receiver.documents), 1)
                self.assertEqual(len(self.facts(world, "chain_step")), 2)

    def test_an_acknowledgement_ends_it_for_good(self):
        world = self.start(CHAIN % "1h")
        self.fire(world)
        wait_until(lambda: self.told(world), 30, "the first step")
        world.daemon.call("incident.ack", {"number": 1})
        self.assertEqual(world.daemon.call("chain.list"), [])
        world.daemon.kill()
        world.daemon.start()
        self.assertEqual(world.daemon.call("chain.list"), [])
        world.daemon.call("incident.unack", {"number": 1})
        wait_until(lambda: len(self.told(world)) == 2, 30, "the chain to begin anew")

    def test_the_sweep_finds_what_was_open_before_there_were_chains(self):
        world = self.start("chains = {},")
        self.fire(world)
        world.daemon.stop()
        world.change("chains = {},", CHAIN % "1h")
        world.daemon.start()
        wait_until(lambda: self.told(world), 30, "the first step")
        self.assertEqual(self.told(world), [("escalated", 1)])
        self.assertEqual(self.status(world)["rescued"], 1)
        self.assertEqual(len(self.facts(world, "chain_rescued")), 1)

    def test_the_heartbeat_is_sent_and_its_failure_is_shown(self):
        world = self.start("")
        world.daemon.stop()
        world.receiver.behave("/alive", 500, 200)
        world.change("schedules =", 'heartbeat = { url = "%s", every = "1s" },\n  schedules ='
                     % world.receiver.url("/alive"))
        world.daemon.start()
        wait_until(lambda: self.status(world)["heartbeat"]["failed"] == 1, 30, "a failure")
        wait_until(lambda: self.status(world)["heartbeat"]["sent"] >= 1, 30, "the heartbeat")
        found = world.receiver.of("/alive")
        self.assertEqual({row["method"] for row in found}, {"GET"})
        self.assertIsNone(self.status(world)["heartbeat"]["error"])


if __name__ == "__main__":
    unittest.main()
