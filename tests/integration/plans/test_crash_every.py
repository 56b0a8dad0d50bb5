#!/usr/bin/env python3
"""A plan with every kind of call, killed before and after each write of its journal.

The daemon is killed (SIGKILL) inside the write itself: before it, the records are lost; after it,
they are there, and nothing that follows has been done: after StepAttempt that is between write and
dispatch. TOCSIN_LONG=1 goes through all points, else a sample of them.
"""
import collections
import os
import random
import re
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, check_journal, plan_text, support  # noqa: E402
from seed import SEED  # noqa: E402

KILL = os.path.join(os.path.dirname(support.TOCSIN), "tests", "libkill_point.so")
PERSON = {"actor": "ann"}

CALLED = """return plan {
  api = 1, owner = "test", params = { dc = "none" },
  concurrency = { key = "incident", limit = 2, on_conflict = "queue" },
  run = function(ctx, params)
    return ctx:lock("door", function(c)
      c:http("drain", { method = "POST", url = "@URL/drain", body = params.dc },
        { effect = "idempotent", timeout = "20s", retry = { max = 50, first = 0.02, cap = 0.1 } })
      local is_done = pcall(c.http, c, "strike", { method = "POST", url = "@URL/strike" },
        { timeout = "20s" })
      return { dc = params.dc, strike = is_done and "done" or "not done" }
    end)
  end,
}
"""

EVERY = plan_text("all", """
    local safe = { effect = "idempotent", timeout = "20s",
      retry = { max = 50, first = 0.02, cap = 0.1, jitter = 0 } }
    local function post(c, id, path, opts, headers)
      return c:http(id, { method = "POST", url = "@URL" .. path, body = ctx.run,
        headers = headers }, opts).body
    end
    local function done(...) return (pcall(...)) and "done" or "not done" end
    local out = { seen = { ctx:now(), ctx:random(), ctx:uuid() }, once = {} }
    ctx:notify("tell", { to = "ops", text = "begin " .. ctx.run })
    out.safe = post(ctx, "safe", "/safe", safe, { Token = ctx:secret("token") })
    out.read = ctx:http("read", { url = "@URL/read" }, safe).status
    out.flaky = post(ctx, "flaky", "/flaky", safe)
    out.refused = done(ctx.http, ctx, "refused", { url = "http://refused.invalid/" })
    out.once.once = done(post, ctx, "once", "/once", { timeout = "20s" })
    out.append = ctx:exec("append", { "@SCRIPT", "append", ctx.run }, safe).output
    ctx:log("between")
    ctx:sleep(0.02)
    out.mended = post(ctx, "mend", "/mend", { effect = "idempotent", timeout = "20s",
      retry = { max = 1 }, on_fail = "wait" })
    out.moved = post(ctx, "move", "/move", { timeout = "20s",
      retry = { max = 9, first = 0.02, cap = 0.05 },
      probe = { action = "http.request", args = { url = "@URL/moved", method = "GET" },
                want = { status = 200 } } }) ~= 5
    out.answer = ctx:ask("sure", { text = "go on?", choices = { "left", "right" } }).value
    local both = ctx:ask("both", { text = "both?", who = { "ann", "bob" }, quorum = 2 })
    out.both = both.answers[1].actor .. both.answers[2].actor
    out.word = ctx:signal("word").value
    out.fact = ctx:fact("fact", function() return { n = 7 } end)
    out.waited = ctx:wait_until("second", function()
      return ctx:incident_now().firing_count == 1
    end, { every = "1s", timeout = "1m" })
    local par = ctx:par {
      look = function(c)
        c:par { x = function(d) post(d, "x", "/x", safe) end, y = function(d) d:sleep(0.02) end }
        return "looked"
      end,
      page = function(c) return done(post, c, "once", "/once", { timeout = "20s" }) end,
    }
    out.look, out.once["page/once"] = par.look, par.page
    out.settled = ctx:par({ bad = function() error("bad") end, good = function() return 1 end },
      { mode = "settle" }).bad.ok
    local _, winner = ctx:par({
      nap = function(c) c:sleep(0.1) end,
      person = function(c) c:ask("nobody", { text = "nobody answers" }) end,
      lost = function(c) c:lock("lost", function(d) d:sleep("1h") end) end,
      slow = function(c) c:sleep("1h") post(c, "never", "/never", safe) end,
    }, { mode = "any" })
    out.winner = winner
    out.items = ctx:each({ "p", "q", "r" }, function(c, item, i)
      return post(c, "item", "/item", { effect = "idempotent", timeout = "20s",
        retry = { max = 50, first = 0.02, cap = 0.1, jitter = 0 },
        undo = { "http.request", { method = "POST", url = "@URL/undo", body = item }, safe } })
        .. item .. i
    end, { limit = 2 })
    out.called = ctx:call("called", { dc = "a" }).result
    out.far = ctx:call("called", { dc = "far" }, { detach = true }).state
    out.locked = ctx:lock("door", { wait = "1m" }, function(c)
      return post(c, "in", "/in", safe)
    end)
    out.back = ctx:rollback("a drill").rolled_back
    return out""")

# Of branches that lose the race: how far they come is not the same in each run.
LOSERS = ("lost", "nap", "person", "slow")
RECORDS = {"RunStarted", "StepScheduled", "StepAttempt", "StepDone", "StepFailed", "StepInDoubt",
           "TimerSet", "TimerFired", "AskOpened", "AskVoted", "AskAnswered", "SignalAwaited",
           "SignalSent", "SignalReceived", "ChildStarted", "ChildEnded", "LockAwaited",
           "LockTaken", "LockFreed", "Value", "BranchesOpened", "Choice", "Operator", "RunEnded"}


class CrashEvery(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(SEED)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.killed = os.path.join(folder.name, "killed")
        token = os.path.join(folder.name, "token")
        with open(token, "w", encoding="utf-8") as out:
            out.write("secret of the test")
        os.chmod(token, 0o600)
        self.world = World(folder.name, {"called/1": CALLED, "every/1": EVERY}, ["all"],
                           extra='secrets = { token = { file = "%s" } },' % token)
        self.addCleanup(self.world.close)
        self.fires = 0
        self.expected_steps = None

    # ---- one run

    def begin(self):
        who = "w%d" % self.fires
        self.fires += 1
        receiver = self.world.receiver
        receiver.behave("/mend", 500)
        receiver.behave("/flaky", 500, 200)
        receiver.behave("/moved", 404)
        receiver.behave("/move", lambda: receiver.behave("/moved", 200))
        self.world.fire("all", who)
        return who

    def run_of(self, who):
        """None while nothing of it is durable."""
        for incident in self.world.incidents():
            if incident["dimension"].get("who") == who:
                runs = self.world.runs(plan="every", incident=incident["number"])
                return runs[0] if runs else None
        return None

    def settle(self, run, said):
        """A person at a step that waits for one."""
        call, step = self.world.daemon.call, run["waiting_for"].split(":")[0]
        if " has failed: " in run["waiting_for"]:
            self.assertEqual(step, "mend#1")
            self.world.receiver.behave("/mend", 200)
            call("plan.retry", {"run": run["id"], "step": step, "reason": "mended"})
            return
        path = "/strike" if run["plan"] == "called" else "/once"
        key = "%s/%s" % (run["id"], step)
        self.assertIn(step, ("once#1", "page/once#1", "strike#1"))
        self.assertNotIn(key, said, "a person was asked twice")
        happened = self.world.receiver.count(path, key) > 0
        call("plan.approve" if happened else "plan.reject", {"run": run["id"], "step": step})
        said[key] = "done" if happened else "not done"

    def serve(self, who, said):
        """Gives what the run and those that it called wait for; the run."""
        run = self.run_of(who)
        if not run:
            return None
        call, text = self.world.daemon.call, run["waiting_for"] or ""
        for each in self.world.runs(incident=run["incident"], state="in_doubt"):
            self.settle(each, said)
        if run["state"] == "asking" and text.startswith("both#1"):
            call("plan.approve", {"run": run["id"], "step": "both#1",
                                  "as": "bob" if "(1 of 2)" in text else "ann"})
        elif run["state"] == "asking" and text.startswith("sure#1"):
            call("plan.approve", {"run": run["id"], "step": "sure#1", "value": "right"})
        elif run["state"] == "waiting" and text.startswith("word#1"):
            call("plan.signal", {"run": run["id"], "name": "word", "value": "now"})
        return run

    def is_over(self, who, said):
        run = self.serve(who, said)
        return run and run["state"] in ("done", "failed", "cancelled", "blocked") and not [
            each for each in self.world.runs(incident=run["incident"])
            if each["state"] not in ("done", "failed", "cancelled", "blocked")] and run

    def finish(self, who, said):
        try:
            run = support.wait_until(lambda: self.is_over(who, said), 30, "the run to end")
        except AssertionError as late:
            raise AssertionError("%s: %s" % (late, self.world.runs()[-3:])) from late
        return self.world.show(run["id"])

    # ---- what must hold

    def check_called(self, run, said):
        called = self.world.runs(plan="called", incident=run["incident"])
        self.assertEqual([each["state"] for each in called], ["done"] * 2, called)
        for each in called:
            check_journal(self.world.show(each["id"])["journal"])
            self.assertGreaterEqual(self.world.receiver.count("/drain", each["id"]), 1)
            wanted = said.get(each["id"] + "/strike#1", "done")
            self.assertEqual(self.world.receiver.count("/strike", each["id"]),
                             1 if wanted == "done" else 0)
        result = run["journal"][-1]["result"]
        own = [record["child"] for record in run["journal"] if record["type"] == "ChildStarted"]
        self.assertEqual(sorted(own), sorted(each["id"] for each in called))
        self.assertEqual(result["called"], {"dc": "a", "strike": said.get(own[0] + "/strike#1",
                                                                          "done")})

    def check(self, run, said):
        self.assertEqual(run["state"], "done", run)
        receiver, run_id = self.world.receiver, run["id"]
        outcomes = check_journal(run["journal"])
        steps = {step for step in outcomes if step.split("/")[0] not in LOSERS}
        if self.expected_steps is None:
            self.expected_steps = steps
        self.assertEqual(steps, self.expected_steps, "a call was skipped or doubled")
        for step, path in (("safe", "/safe"), ("look/x/x", "/x"), ("1/item", "/item"),
                           ("2/item", "/item"), ("3/item", "/item"), ("in", "/in"),
                           ("mend", "/mend")):
            self.assertGreaterEqual(receiver.count(path, "%s/%s#1" % (run_id, step)), 1, step)
        self.assertGreaterEqual(self.world.counted("append", run_id), 1)
        self.assertEqual(receiver.count("/never", run_id), 0)
        self.assertEqual(receiver.count("/move", run_id), 1, "a probed step happened twice")
        once = {}
        for step in ("once", "page/once"):
            once[step] = said.get("%s/%s#1" % (run_id, step), "done")
            self.assertEqual(receiver.count("/once", "%s/%s#1" % (run_id, step)),
                             1 if once[step] == "done" else 0, step)
        result = dict(run["journal"][-1]["result"])
        self.assertEqual(result.pop("seen"), [outcomes[name + "#1"]["result"]
                                              for name in ("now", "random", "uuid")])
        result.pop("called")
        self.assertEqual(result, {
            "once": once, "safe": "ok", "read": 200, "flaky": "ok",
            "refused": "not done", "append": "counted\n", "mended": "ok",
            "moved": True, "answer": "right", "both": "annbob", "word": "now",
            "fact": {"n": 7}, "waited": True, "look": "looked", "settled": False,
            "winner": "nap", "items": ["okp1", "okq2", "okr3"], "far": "started",
            "locked": "ok", "back": 3})
        self.assertEqual([set(receiver.bodies("%s/undo#%d" % (run_id, n))) for n in (1, 2, 3)],
                         [{"r"}, {"q"}, {"p"}], "the way back is not in reverse")
        self.check_called(run, said)

    # ---- the points

    def start_with(self, point, when):
        daemon = self.world.daemon
        daemon.kill()
        daemon.environment = dict(os.environ, LD_PRELOAD=KILL, KILL_AT=str(point), KILL_WHEN=when,
                                  KILL_FILE=self.killed)
        daemon.start()
        daemon.environment = None

    def run_into(self, point, when):
        """A run whose daemon is killed there; the types of the records of that write, or None when
        the run has fewer writes."""
        if os.path.exists(self.killed):
            os.unlink(self.killed)
        self.start_with(point, when)
        who, said = self.begin(), {}

        def is_killed_or_over():
            if self.world.daemon.process.poll() is not None:
                return True
            try:
                return self.is_over(who, said)
            except (OSError, EOFError, ValueError, RuntimeError):
                return self.world.daemon.process.wait(30) is not None
        support.wait_until(is_killed_or_over, 30, "the kill, or the end")
        is_killed = self.world.daemon.process.poll() is not None
        if is_killed:
            self.world.daemon.start()
        self.check(self.finish(who, said), said)
        if not is_killed:
            return None
        with open(self.killed, "rb") as held:
            return [name.decode() for name in re.findall(rb'"type":"([A-Z][A-Za-z]+)"',
                                                         held.read())]

    @unittest.skipUnless(os.path.exists(KILL), "not with a sanitizer")
    def test_ends_as_an_uncrashed_run_wherever_it_is_killed(self):
        who, said = self.begin(), {}
        self.check(self.finish(who, said), said)
        self.assertEqual(said, {})
        hit = {"before": collections.Counter(), "after": collections.Counter()}
        stride, point = (1 if support.IS_LONG else 19), 1
        if not support.IS_LONG:
            point += self.random.randrange(stride)
        count = 0
        while True:
            whens = ("before", "after") if support.IS_LONG else (("before", "after")[count % 2],)
            types = None
            for when in whens:
                types = self.run_into(point, when)
                hit[when].update(set(types or ()))
            if types is None:
                break
            count += 1
            point += stride
        print("\n%d points of %d: %s" % (count, point - stride, {
            when: dict(sorted(types.items())) for when, types in hit.items()}), file=sys.stderr)
        self.assertGreater(point, 50)
        if support.IS_LONG:
            for when, types in hit.items():
                self.assertEqual(RECORDS - set(types), set(), "never killed %s these" % when)


if __name__ == "__main__":
    print("seed %d" % SEED, file=sys.stderr)
    unittest.main()
