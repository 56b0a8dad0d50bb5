#!/usr/bin/env python3
"""ctx:call: plans that call plans, in a daemon that is killed on the way."""
import os
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, check_journal, plan_text, support  # noqa: E402
from seed import SEED  # noqa: E402

CALLED = """return plan {
  api = 1, owner = "test", params = { dc = "none", fails = false },
  concurrency = { key = "incident", limit = 2, on_conflict = "queue" },
  run = function(ctx, params)
    if params.fails then error("no " .. params.dc) end
    ctx:http("drain", { method = "POST", url = "@URL/drain", body = params },
      { effect = "idempotent", timeout = "20s" })
    return { dc = params.dc, of = ctx.incident.number }
  end,
}
"""

CALLER = plan_text("all", """
    local drained = ctx:each({ "dc1", "dc2", "dc3" }, function(c, dc)
      return c:call("called", { dc = dc }).result
    end)
    local is_ok, sentence = pcall(ctx.call, ctx, "called", { fails = true }, { id = "broken" })
    local none, reason = ctx:call("called", { fails = true }, { on_fail = "continue" })
    local far = ctx:call("called", { dc = "far" }, { detach = true })
    ctx:call("called", { dc = "back" }, { undo = { "http.request",
      { method = "POST", url = "@URL/undo", body = "back" }, { effect = "idempotent" } } })
    return { drained = drained, is_ok = is_ok, sentence = sentence, none = none == nil,
      reason = reason, far = far, back = ctx:rollback("a drill").rolled_back }""")


class Call(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.world = World(folder.name, {"called/1": CALLED, "caller/1": CALLER}, ["all"])
        self.addCleanup(self.world.close)

    def check(self, run_id):
        run = self.world.show(run_id)
        self.assertEqual(run["state"], "done", run)
        check_journal(run["journal"])
        result = run["journal"][-1]["result"]
        number = run["incident"]
        self.assertEqual(result["drained"],
                         [{"dc": dc, "of": number} for dc in ("dc1", "dc2", "dc3")])
        self.assertEqual((result["is_ok"], result["none"], result["back"]), (False, True, 1))
        for sentence in (result["sentence"], result["reason"]):
            self.assertRegex(sentence, r"run called-\d+-[0-9a-f]+ is failed: .*: no none$")
        self.assertEqual(result["far"]["state"], "started")
        self.world.wait_state(result["far"]["run"], "done")
        called = self.world.runs(plan="called", incident=number)
        self.assertEqual(sorted(run["state"] for run in called), ["done"] * 5 + ["failed"] * 2)
        for child in called:
            check_journal(self.world.show(child["id"])["journal"])
        bodies = [request["body"] for request in self.world.receiver.of("/drain")]
        self.assertEqual(len(set(bodies)), 5, bodies)

    def test_results_failures_detached_and_undone(self):
        self.world.fire("all", "x")
        run_id = self.world.run("caller", "x")["id"]
        self.world.wait_state(run_id, "done")
        self.check(run_id)
        code, out, error = self.world.command("plan", "show", run_id)
        self.assertEqual(code, 0, error)
        self.assertIn("calls plan called: run called-", out)

    def test_dry_run_lists_what_the_called_plans_would_do(self):
        done = support.tocsin("plan", "dry-run", "caller", "--site", self.world.site.directory)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("/drain"), 5, done.stdout)
        self.assertEqual(done.stdout.count("/undo"), 1, done.stdout)
        self.assertEqual(self.world.receiver.requests, [])

    def test_killed_while_two_of_three_run(self):
        gate = threading.Event()
        self.world.receiver.behave("/drain", gate, gate, 200)
        self.world.fire("all", "x")
        run_id = self.world.run("caller", "x")["id"]
        self.world.receiver.wait("/drain", 2)
        states = sorted(run["state"] for run in self.world.runs(plan="called"))
        self.assertEqual(states, ["queued", "running", "running"])
        self.world.restart()
        gate.set()
        self.world.wait_state(run_id, "done")
        self.check(run_id)

    def test_cancel_of_the_caller_ends_what_it_called(self):
        gate = threading.Event()
        self.world.receiver.behave("/drain", gate)
        self.world.fire("all", "x")
        run_id = self.world.run("caller", "x")["id"]
        self.world.receiver.wait("/drain", 2)
        self.world.restart()
        code, _, error = self.world.command("plan", "cancel", run_id)
        self.assertEqual(code, 0, error)
        gate.set()
        self.assertEqual([run["state"] for run in self.world.runs()], ["cancelled"] * 4)
        shown = self.world.daemon.call("incident.show", {"number": 1})
        kinds = [record["kind"] for record in shown["timeline"]]
        self.assertEqual(kinds.count("run_started"), 3, "the queued one never began")


if __name__ == "__main__":
    print("seed %d" % SEED, file=sys.stderr)
    unittest.main()
