#!/usr/bin/env python3
"""A plan with every kind of call is killed at each of its records and during its steps."""
import collections
import json
import os
import random
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, at, check_journal, plan_text, support  # noqa: E402
from seed import SEED  # noqa: E402

EVERY_CALL = plan_text("all", """
    local seen = { now = ctx:now(), random = ctx:random(), uuid = ctx:uuid() }
    local safe = { effect = "idempotent", timeout = "20s",
      retry = { max = 50, first = 0.02, cap = 0.1, jitter = 0 } }
    local careful = { timeout = "20s", on_fail = "continue" }
    local out = { seen = seen }
    ctx:notify("tell", { to = "ops", text = "begin " .. ctx.run })
    out.safe = ctx:http("safe", { method = "POST", url = "@URL/safe", body = seen }, safe).body
    out.once = ctx:http("once", { method = "POST", url = "@URL/once", body = seen }, careful)
      and "done" or "not done"
    out.append = ctx:exec("append", { "@SCRIPT", "append", ctx.run }, safe).output
    out.strike = ctx:exec("strike", { "@SCRIPT", "strike", ctx.run }, careful)
      and "done" or "not done"
    ctx:log("between")
    ctx:sleep(0.05)
    local answer = ctx:ask("sure", { text = "go on?", choices = { "left", "right" } })
    out.answer, out.approved = answer.value, answer.approved
    local both = ctx:ask("both", { text = "both?", who = { "ann", "bob" }, quorum = 2 })
    out.both = both.answers[1].actor .. both.answers[2].actor
    out.word = ctx:signal("word").value
    local looks = 0
    out.waited = ctx:wait_until("second", function()
      looks = looks + 1
      return looks == 2 and ctx:incident_now().firing_count == 1
    end, { every = "1s", timeout = "1m" })
    ctx:http("last", { method = "POST", url = "@URL/last", body = out }, safe)
    return out""")

CALLS = ["now#1", "random#1", "uuid#1", "tell#1", "safe#1", "once#1", "append#1", "strike#1",
         "log#1", "sleep#1", "sure#1", "both#1", "word#1", "now#2", "now#3", "second#1",
         "incident#1", "last#1"]


class Crash(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(SEED)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.world = World(folder.name, {"every/1": EVERY_CALL}, ["all"])
        self.addCleanup(self.world.close)
        self.fires = 0
        self.kills = 0
        self.last_types = collections.Counter()  # durable at a kill, nothing after it

    def run_of_new_incident(self):
        who = "w%d" % self.fires
        self.fires += 1
        self.world.fire("all", who)
        return who, self.world.run("every", who, is_durable=False)["id"]

    # ---- the person

    def received(self, run_id, step):
        if step == "once":
            return self.world.receiver.count("/once", run_id)
        return self.world.counted("strike", run_id)

    def settle_doubt(self, run):
        """A person looks whether it happened, and says so on the command line."""
        step = run["waiting_for"].split("#")[0]
        self.assertIn(step, ("once", "strike"))
        happened = self.received(run["id"], step) > 0
        code, _, error = self.world.command("plan", "approve" if happened else "reject", run["id"],
                                            "--reason", "looked")
        self.assertEqual(code, 0, error)
        return step, "done" if happened else "not done"

    def serve(self, run, said):
        """Gives what the run waits for; what was durable is never wanted again."""
        def once(name):
            self.assertNotIn(name, said, "a durable answer was asked for again")
            said[name] = True
        call = self.world.daemon.call
        text = run["waiting_for"] or ""
        if run["state"] == "asking" and text.startswith("both#1"):
            who = "bob" if "(1 of 2)" in text else "ann"
            call("plan.approve", {"run": run["id"], "as": who})
            once(who)
        elif run["state"] == "asking":
            call("plan.approve", {"run": run["id"], "value": "right"})
            once("sure")
        elif run["state"] == "waiting":
            call("plan.signal", {"run": run["id"], "name": "word", "value": "now"})
            once("word")

    def serve_all(self, run_id, said):
        def served():
            self.serve(self.world.runs(id=run_id)[0], said)
            return "word" in said
        support.wait_until(served, 30, "run %s to be served" % run_id)

    def finish(self, run_id, said):
        """Answers what the run asks until it ends."""
        def ended():
            run = self.world.runs(id=run_id)[0]
            if run["state"] == "in_doubt":
                step, answer = self.settle_doubt(run)
                self.assertNotIn(step, said, "a person was asked twice")
                said[step] = answer
            else:
                self.serve(run, said)
            return run["state"] in ("done", "failed", "cancelled", "blocked")
        try:
            support.wait_until(ended, 30, "run %s to end" % run_id)
        except AssertionError as late:
            raise AssertionError("%s: %s" % (late, self.world.show(run_id))) from late
        return self.world.show(run_id)

    # ---- what must hold

    def check(self, run, said):
        run_id = run["id"]
        self.assertEqual(run["state"], "done", run)
        outcomes = check_journal(run["journal"])
        self.assertEqual(list(outcomes), CALLS)
        receiver = self.world.receiver
        for step, path in (("safe", "/safe"), ("last", "/last")):
            bodies = receiver.bodies("%s/%s#1" % (run_id, step))
            self.assertGreaterEqual(len(bodies), 1, step)
            self.assertEqual(len(set(bodies)), 1, "a repeated request differs: %s" % bodies)
            self.assertEqual(receiver.count(path, run_id), len(bodies))
        support.wait_until(lambda: receiver.count("/ops", run_id), 30, "the message to people")
        self.assertGreaterEqual(self.world.counted("append", run_id), 1)
        for step in ("once", "strike"):
            expected = 0 if said.get(step) == "not done" else 1
            self.assertEqual(self.received(run_id, step), expected, step)

        seen = {name: outcomes[name + "#1"]["result"] for name in ("now", "random", "uuid")}
        self.assertEqual(json.loads(receiver.bodies(run_id + "/safe#1")[0]), seen)
        expected = {"seen": seen, "safe": "ok", "append": "counted\n", "answer": "right",
                    "approved": True, "waited": True, "both": "annbob", "word": "now",
                    "once": said.get("once", "done"),
                    "strike": said.get("strike", "done")}
        self.assertEqual(json.loads(receiver.bodies(run_id + "/last#1")[0]), expected)
        self.assertEqual(run["journal"][-1]["result"], expected)
        shown = self.world.daemon.call("incident.show", {"number": run["incident"]})
        kinds = [record["kind"] for record in shown["timeline"]]
        self.assertEqual([kinds.count(kind) for kind in ("opened", "run_started", "run_ended")],
                         [1, 1, 1], kinds)

    def kill_at(self, who, run_id, count, said):
        """Kills as soon as the run has `count` records, or a moment later. The run's id: another
        one if nothing of it was durable; and whether it had ended before."""
        def reached():
            run = self.world.runs(id=run_id)[0]
            if run["state"] == "in_doubt":
                step, answer = self.settle_doubt(run)
                self.assertNotIn(step, said, "a person was asked twice")
                said[step] = answer
            elif run["records"] < count:
                self.serve(run, said)
            return run["records"] >= count or run["state"] == "done"
        deadline = time.monotonic() + 60
        while not reached():
            self.assertLess(time.monotonic(), deadline, "run %s hangs" % run_id)
        if self.random.random() < 0.7:
            time.sleep(self.random.random() * 0.006)
        is_ended = self.world.runs(id=run_id)[0]["state"] == "done"
        self.kills += 1
        self.world.daemon.kill()
        killed = time.time()
        self.world.daemon.start()
        if not self.world.runs(id=run_id):
            self.assertEqual(count, 1, "a run with durable records is gone")
            self.assertEqual(self.world.receiver.count("/ops", run_id), 0)
            run_id = self.world.run("every", who)["id"]
        self.assertEqual(len(self.world.runs(incident=self.world.incident(who)["number"])), 1)
        journal = self.world.show(run_id)["journal"]
        last = [record for record in journal if at(record["time"]) <= killed]
        if last:
            self.last_types[last[-1]["type"]] += 1
        return run_id, is_ended

    # ---- tests

    def test_uncrashed_run_and_one_killed_again_and_again(self):
        _, run_id = self.run_of_new_incident()
        run, said = None, {}
        run = self.finish(run_id, said)
        self.check(run, said)
        self.assertEqual(said, dict.fromkeys(("sure", "ann", "bob", "word"), True))
        total = len(run["journal"])

        who, run_id = self.run_of_new_incident()
        said = {}
        stride = 1 if support.IS_LONG else 7
        for count in range(1 + self.random.randrange(stride), total + 1, stride):
            run_id, is_ended = self.kill_at(who, run_id, count, said)
            if is_ended:
                break
        self.check(self.finish(run_id, said), said)

    @unittest.skipUnless(support.IS_LONG, "long variant")
    def test_killed_once_at_each_record(self):
        _, run_id = self.run_of_new_incident()
        total = len(self.finish(run_id, {})["journal"])
        for count in range(1, total + 1):
            for _ in range(2):
                who, run_id = self.run_of_new_incident()
                said = {}
                run_id, _ = self.kill_at(who, run_id, count, said)
                self.check(self.finish(run_id, said), said)
        print("\n%d kills over %d records, the last durable one being %s"
              % (self.kills, total, dict(self.last_types)), file=sys.stderr)

    def test_killed_while_a_step_is_held(self):
        runs = {}
        for path in ("/ops", "/safe", "/once", "/last"):
            gate = threading.Event()
            self.world.receiver.behave(path, gate, 200)
            _, run_id = self.run_of_new_incident()
            runs[run_id] = {}
            if path == "/last":
                self.serve_all(run_id, runs[run_id])
            self.world.receiver.wait(path, 1, run_id if path != "/ops" else "")
            self.world.restart()
            gate.set()
            self.check(self.finish(run_id, runs[run_id]), runs[run_id])
            if path == "/once":
                self.assertEqual(runs[run_id]["once"], "done")
        for name in ("append", "strike"):
            self.world.hold(name, True)
            _, run_id = self.run_of_new_incident()
            support.wait_until(lambda: self.world.counted(name, run_id), 30, name + " to begin")
            self.world.restart()
            self.world.hold(name, False)
            said = {}
            self.check(self.finish(run_id, said), said)
            self.assertEqual(said.get("strike", "done"), "done")
            self.assertEqual(self.world.counted(name, run_id), 2 if name == "append" else 1)

    def test_killed_at_the_moment_a_request_arrives(self):
        """What has left was durable before: the attempt, and every outcome before it."""
        for path in ("/safe", "/once", "/last") * (15 if support.IS_LONG else 1):
            step = path[1:] + "#1"
            self.world.receiver.behave(path, self.world.daemon.process.kill, 200)
            who, said = "w%d" % self.fires, {}
            self.fires += 1
            self.world.fire("all", who)
            if path == "/last":
                run_id = self.world.run("every", who)["id"]
                self.serve_all(run_id, said)
            self.world.daemon.process.wait(30)
            killed = time.time()
            self.world.daemon.start()
            run_id = self.world.run("every", who)["id"]
            journal = self.world.show(run_id)["journal"]
            last = [record for record in journal if at(record["time"]) <= killed][-1]
            self.assertEqual((last["type"], last["step"]), ("StepAttempt", step))
            self.check(self.finish(run_id, said), said)
            self.assertEqual(said.get("once"), "done" if path == "/once" else None)

    def test_clean_stop_is_no_worse_than_a_kill(self):
        gate = threading.Event()
        self.world.receiver.behave("/safe", gate, 200)
        _, run_id = self.run_of_new_incident()
        self.world.receiver.wait("/safe", 1, run_id)
        self.assertEqual(self.world.daemon.stop(), 0)
        gate.set()
        self.world.daemon.start()
        said = {}
        self.check(self.finish(run_id, said), said)


if __name__ == "__main__":
    print("seed %d" % SEED, file=sys.stderr)
    unittest.main()
