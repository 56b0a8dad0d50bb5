#!/usr/bin/env python3
"""Hot reload in each state of a run: runs that have begun stay on their version, new ones take the
new one, a broken file is refused and changes nothing."""
import json
import os
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, check_journal, plan_text, support  # noqa: E402

# What leads into each state, and what leads out of it.
BODY = """
    local who = ctx.incident.dimension.who:gsub("%%d+$", "")
    local function undo(path)
      ctx:undo("http.request", { method = "POST", url = "@URL/" .. path,
        body = { version = %(version)d } },
        { effect = "idempotent", retry = { first = "30m", cap = "30m" } })
      ctx:ask("go", { text = "go?" })
    end
    ctx:http("first", { method = "POST", url = "@URL/first", body = { version = %(version)d } })
    local act = {
      running = function()
        ctx:http("held", { method = "POST", url = "@URL/held" }, { timeout = "60s" })
      end,
      sleeping = function() ctx:sleep("30m") end,
      asking = function() ctx:ask("go", { text = "go?" }) end,
      waiting = function() ctx:signal("go") end,
      paused = function() ctx:ask("go", { text = "go?" }) end,
      in_doubt = function() ctx:http("lost", { method = "POST", url = "@URL/lost" }) end,
      retrying = function()
        ctx:http("busy", { method = "POST", url = "@URL/busy" },
          { effect = "idempotent", retry = { first = "30m", cap = "30m" } })
      end,
      branches = function()
        ctx:par({ a = function(c) c:ask("go", { text = "go?" }) end,
          b = function(c) c:sleep("30m") end }, { mode = "any" })
      end,
      done = function() end,
      failed = function() error("boom") end,
      cancelled = function() ctx:ask("go", { text = "go?" }) end,
      rolling_back = function() undo("busy") end,
      rolled_back = function() undo("undone") end,
      rollback_failed = function() undo("refused") end,
    }
    act[who]()
    ctx:http("last", { method = "POST", url = "@URL/last", body = { version = %(version)d } })
    return %(version)d"""
STATES = ["running", "sleeping", "asking", "waiting", "paused", "in_doubt", "retrying", "branches",
          "done", "failed", "cancelled", "rolling_back", "rolled_back", "rollback_failed"]
REACHED = {"retrying": "running", "branches": "asking"}
ROLLED = ("rolling_back", "rolled_back", "rollback_failed")
STOPPED = ("failed", "cancelled") + ROLLED
ENDED = ("done", "failed", "cancelled", "rolled_back", "rollback_failed")


def version_of(number):
    return plan_text("all", BODY % {"version": number}).replace('"10m"', '"5h"')


def lined(number):
    """One at a time: the others are queued."""
    return plan_text("lined", '    ctx:ask("go", { text = "go?" })\n    return %d' % number,
                     'concurrency = { key = "global", limit = 1, on_conflict = "queue" },')


class Reload(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.world = World(folder.name, {"all/1": version_of(1), "lined/1": lined(1)},
                           ["all", "lined"])
        self.addCleanup(self.world.close)
        self.gate = threading.Event()
        self.addCleanup(self.gate.set)
        self.world.receiver.behave("/held", self.gate)
        self.world.receiver.behave("/lost", "drop")
        self.world.receiver.behave("/busy", 503)
        self.world.receiver.behave("/refused", 404)

    def plan(self, command, *words):
        code, out, error = self.world.command("plan", command, *words)
        self.assertEqual(code, 0, out + error)

    def start(self, state, who):
        self.world.fire("all", state + who)
        run_id = self.world.run("all", state + who)["id"]
        if state in ("paused", "cancelled") + ROLLED:
            self.world.wait_state(run_id, "asking")
            self.plan("pause" if state == "paused" else "cancel", run_id,
                      *(["--rollback"] if state in ROLLED else []))
        self.world.wait_state(run_id, REACHED.get(state, state))
        if state in ("retrying", "rolling_back"):
            support.wait_until(lambda: "StepFailed" in self.types(run_id), 30, "a failed try")
        if state == "running":
            support.wait_until(lambda: self.world.receiver.count("/held", run_id), 30, "a request")
        return run_id

    def start_lined(self, who):
        self.world.fire("lined", who)
        return self.world.run("lined", who)["id"]

    def types(self, run_id):
        return [record["type"] for record in self.world.show(run_id)["journal"]]

    def reload(self, is_good):
        code, out, error = self.world.command("reload", "--wait")
        self.assertEqual(code, 0 if is_good else 5, out + error)
        return out + error

    def lead_out(self, state, run_id):
        """Whatever it waits for comes."""
        if state == "paused":
            self.plan("resume", run_id)
        if state in ("sleeping", "retrying"):
            self.plan("skip", run_id)
        elif state == "rolling_back":
            self.plan("retry", run_id)
        elif state == "waiting":
            self.plan("signal", run_id, "go")
        elif state == "branches":
            self.plan("approve", run_id, "a/go#1")
        elif state not in ("running",) + ENDED:
            self.plan("approve", run_id)

    def check_run(self, state, run_id, version):
        self.world.wait_state(run_id, state if state in ENDED else
                              "rolled_back" if state in ROLLED else "done")
        run = self.world.show(run_id)
        self.assertEqual(run["version"], version, state)
        check_journal(run["journal"], state not in ("cancelled",) + ROLLED)
        for step in ("first", "last"):
            bodies = self.world.receiver.bodies(run_id + "/%s#1" % step)
            is_sent = step == "first" or state not in STOPPED
            self.assertEqual([json.loads(body) for body in bodies],
                             [{"version": version}] if is_sent else [], state)
        if state in ROLLED:
            bodies = [request["body"] for request in self.world.receiver.requests
                      if run_id + "/#rollback/" in request["headers"].get("Idempotency-Key", "")]
            self.assertEqual({json.loads(body)["version"] for body in bodies}, {version})
        if state not in STOPPED:
            self.assertEqual(run["journal"][-1]["result"], version)

    def test_in_each_state(self):
        world = self.world
        old = {state: self.start(state, "1") for state in STATES}
        lined_old = [self.start_lined("l1"), self.start_lined("l2")]
        world.wait_state(lined_old[0], "asking")
        world.wait_state(lined_old[1], "queued")
        before = {run_id: world.show(run_id) for run_id in list(old.values()) + lined_old}

        # a broken file: refused, and nothing is another
        broken = world.site.plan("all/2", version_of(2).replace("local act", "local local"))
        self.assertIn("all/2.lua", self.reload(False))
        self.assertEqual({run_id: world.show(run_id) for run_id in before}, before)
        between = self.start("asking", "5")

        # a good one
        os.unlink(broken)
        world.site.plan("all/2", world.fill(version_of(2)))
        world.site.plan("lined/2", lined(2))
        self.reload(True)
        self.assertEqual({run_id: world.show(run_id) for run_id in before}, before)
        new = {state: self.start(state, "2") for state in STATES if state != "running"}
        lined_new = self.start_lined("l3")
        world.wait_state(lined_new, "queued")

        self.gate.set()  # before the restart: a `once` step on its way would be in doubt
        self.check_run("running", old["running"], 1)
        world.restart()
        world.receiver.behave("/busy", 200)
        for state, run_id in list(old.items()) + list(new.items()) + [("asking", between)]:
            if state != "running":
                world.wait_state(run_id, REACHED.get(state, state))
                self.lead_out(state, run_id)
        for state, run_id in old.items():
            self.check_run(state, run_id, 1)
        for state, run_id in new.items():
            self.check_run(state, run_id, 2)
        self.check_run("asking", between, 1)
        # a queued run keeps the version that it was queued with
        for run_id, version in zip(lined_old + [lined_new], (1, 1, 2)):
            world.wait_state(run_id, "asking")
            self.plan("approve", run_id)
            world.wait_state(run_id, "done")
            self.assertEqual(world.show(run_id)["journal"][-1]["result"], version)

    def test_a_file_that_is_gone_stops_no_run(self):
        world = self.world
        old = self.start("asking", "1")
        os.unlink(os.path.join(world.site.directory, "plans/all/1.lua"))
        self.reload(True)
        world.restart()
        world.wait_state(old, "asking")
        self.lead_out("asking", old)
        self.check_run("asking", old, 1)


if __name__ == "__main__":
    unittest.main()
