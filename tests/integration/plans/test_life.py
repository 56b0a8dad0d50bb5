#!/usr/bin/env python3
"""Which runs are made and how incidents live: limits, reload, hostile plans, states, restart."""
import json
import os
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, check_journal, plan_text, support  # noqa: E402

ASK = '    local answer = ctx:ask("go", { text = "go?" })\n    return "one"'
SLEEP = """
    ctx:sleep(2)
    ctx:http("%s", { method = "POST", url = "@URL/version", body = { version = %d } })
    return %d"""

PLANS = {
    "versioned/1": plan_text("versioned", SLEEP % ("first", 1, 1)),
    "edited/1": plan_text("edited", ASK),
    "attaching/1": plan_text("attaching", ASK, 'concurrency = { key = "global", limit = 1, '
                             'on_conflict = "attach" },'),
    "queueing/1": plan_text("queueing", ASK, 'concurrency = { key = "rule", limit = 1, '
                            'on_conflict = "queue" },'),
    "rejecting/1": plan_text("rejecting", ASK, 'concurrency = { key = "global", limit = 2, '
                             'on_conflict = "reject" },'),
    "rated/1": plan_text("rated", "    return 1", 'rate = { { 2, "1h" } },'),
    "handling/1": plan_text("handling", ASK),
    "good/1": plan_text("hostile", """
    ctx:http("good", { method = "POST", url = "@URL/good" })
    return "good"  """),
}
HOSTILE = {
    "loop": "    while true do end",
    "counted": "    for i = 1, 1e12 do end",
    "bomb": "    local t = {} while true do t[#t + 1] = ('x'):rep(100000) .. #t end",
    "caught": "    while true do pcall(function() while true do end end) end",
    "deep": "    local function f() return 1 + f() end return f()",
    "error": '    error("boom")',
    "later": '    ctx:log("x")\n    while true do end',
    "endless": '    while true do ctx:now() end',
    "yield": '    coroutine.yield("step")',
}
for hostile, text in HOSTILE.items():
    PLANS[hostile + "/1"] = plan_text("hostile", text)
RULES = ["versioned", "edited", "attaching", "queueing", "rejecting", "rated", "handling",
         "hostile", "plain"]


class Life(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.world = World(cls.folder.name, PLANS, RULES)

    @classmethod
    def tearDownClass(cls):
        cls.world.close()
        cls.folder.cleanup()

    def start(self, plan, who):
        self.world.fire(plan, who)
        return self.world.run(plan, who)["id"]

    def result(self, run_id):
        self.world.wait_state(run_id, "done")
        run = self.world.show(run_id)
        check_journal(run["journal"])
        return run["journal"][-1]["result"]

    def approve(self, run_id):
        self.world.wait_state(run_id, "asking")
        self.world.daemon.call("plan.approve", {"run": run_id})

    def timeline(self, who):
        number = self.world.incident(who)["number"]
        return self.world.daemon.call("incident.show", {"number": number})["timeline"]

    def wait_kind(self, who, kind):
        return support.wait_until(
            lambda: [r["text"] for r in self.timeline(who) if r["kind"] == kind], 30,
            "%s on the timeline of %s" % (kind, who))

    # ---- versions

    def test_a_run_ends_on_the_version_it_began_with(self):
        old = self.start("versioned", "v1")
        self.world.wait_state(old, "sleeping")
        self.world.site.plan("versioned/2", self.world.fill(
            plan_text("versioned", SLEEP % ("second", 2, 2))))
        code, output, error = self.world.command("reload", "--wait")
        self.assertEqual(code, 0, output + error)
        new = self.start("versioned", "v2")
        self.assertEqual([self.world.runs(id=run)[0]["version"] for run in (old, new)], [1, 2])
        self.world.wait_state(old, "sleeping")
        self.world.restart()  # version 1 is made again from the source that is kept
        self.assertEqual([self.result(old), self.result(new)], [1, 2])
        self.assertEqual([request["body"] for request in self.world.receiver.of("/version")],
                         ['{"version":1}', '{"version":2}'])

    def test_an_edited_version_is_refused_and_its_runs_keep_their_script(self):
        run_id = self.start("edited", "e1")
        self.world.wait_state(run_id, "asking")
        self.world.site.plan("edited/1", plan_text("edited", '    return "edited"  '))
        code, output, error = self.world.command("reload", "--wait")
        self.assertNotEqual(code, 0)
        self.assertIn("edited/1.lua", output + error)
        self.world.restart()
        self.approve(run_id)
        self.assertEqual(self.result(run_id), "one")

    # ---- how many

    def test_attach_gives_the_second_incident_to_the_run_that_is_there(self):
        run_id = self.start("attaching", "a1")
        self.world.wait_state(run_id, "asking")
        self.world.fire("attaching", "a2")
        self.assertIn(run_id, self.wait_kind("a2", "run_attached")[0])
        self.assertEqual(len(self.world.runs(plan="attaching")), 1)
        self.approve(run_id)
        self.result(run_id)
        self.approve(self.start("attaching", "a3"))

    def test_a_cancelled_run_ends_where_it_stands_also_after_a_restart(self):
        run_id = self.start("edited", "c1")
        self.world.wait_state(run_id, "asking")
        code, output, error = self.world.command("plan", "cancel", run_id, "--reason", "by phone")
        self.assertEqual(code, 0, output + error)
        self.world.restart()
        self.assertEqual(self.world.runs(id=run_id)[0]["state"], "cancelled")
        self.assertEqual(self.world.command("plan", "cancel", run_id)[0], 5)

    def test_queue_starts_them_one_after_the_other_also_after_a_restart(self):
        runs = [self.start("queueing", "q1")]
        self.world.wait_state(runs[0], "asking")
        runs += [self.start("queueing", "q2"), self.start("queueing", "q3")]
        self.assertEqual([self.world.runs(id=run)[0]["state"] for run in runs],
                         ["asking", "queued", "queued"])
        self.world.restart()
        for index, run_id in enumerate(runs):
            self.approve(run_id)
            self.assertEqual(self.result(run_id), "one")
            waiting = [self.world.runs(id=run)[0]["state"] for run in runs[index + 2:]]
            self.assertEqual(waiting, ["queued"] * len(waiting))

    def test_reject_and_rate_refuse_and_say_so(self):
        runs = [self.start("rejecting", "j1"), self.start("rejecting", "j2")]
        self.world.fire("rejecting", "j3")
        self.assertIn("active", self.wait_kind("j3", "run_refused")[0])
        self.assertEqual(len(self.world.runs(plan="rejecting")), 2)
        for run_id in runs:
            self.approve(run_id)
        for who in ("r1", "r2"):
            self.result(self.start("rated", who))
        self.world.restart()  # what was started counts over a restart
        self.world.fire("rated", "r3")
        self.assertIn("rate", self.wait_kind("r3", "run_refused")[0])
        self.assertEqual(len(self.world.runs(plan="rated")), 2)

    # ---- hostile plans

    def test_hostile_plans_fail_and_the_others_go_on(self):
        began = time.monotonic()
        self.world.fire("hostile", "h")
        runs = {name: self.world.run(name, "h")["id"] for name in list(HOSTILE) + ["good"]}
        self.assertEqual(self.result(runs["good"]), "good")
        for name in HOSTILE:
            run = self.world.wait_state(runs[name], "failed", "done", "blocked")
            self.assertEqual(run["state"], "failed", run)
            self.assertTrue(run["error"])
            check_journal(self.world.show(runs[name])["journal"])
        self.assertIn("boom", self.world.runs(id=runs["error"])[0]["error"])
        self.assertIn("1.lua:", self.world.runs(id=runs["error"])[0]["error"])
        self.assertIn("memory", self.world.runs(id=runs["bomb"])[0]["error"])
        self.assertIn("full", self.world.runs(id=runs["endless"])[0]["error"])
        self.assertLess(time.monotonic() - began, 30)
        self.world.restart()  # none of them is tried again
        self.assertEqual({self.world.runs(id=runs[name])[0]["state"] for name in HOSTILE},
                         {"failed"})
        self.assertEqual(self.world.receiver.count("/good"), 1)

    # ---- incidents

    def state(self, who):
        return self.world.incident(who)["state"]

    def test_an_incident_lives_from_open_to_resolved(self):
        run_id = self.start("handling", "i1")
        self.world.wait_state(run_id, "asking")
        self.world.fire("plain", "i2")
        self.assertEqual((self.state("i1"), self.state("i2")), ("HANDLING", "OPEN"))
        before = self.world.incident("i2")
        number, revision = str(before["number"]), before["revision"]
        code, _, error = self.world.command("incident", "ack", number, "--revision",
                                            str(revision + 1))
        self.assertEqual(code, 5, error)
        self.assertIn("revision %d" % revision, error)
        self.assertEqual(self.world.incident("i2"), before)
        code, _, error = self.world.command("incident", "ack", number, "--revision", str(revision),
                                            "--reason", "on it")
        self.assertEqual((code, self.state("i2")), (0, "ACKED"), error)
        code, _, error = self.world.command("incident", "ack", number, "--revision", str(revision))
        self.assertEqual(code, 5, error)
        self.assertEqual(self.world.command("incident", "ack", "99999")[0], 5)
        acked = [r for r in self.timeline("i2") if r["kind"] == "acked"][0]
        self.assertEqual((acked["text"], acked["state"]), ("on it", "ACKED"))
        self.assertTrue(acked["actor"])

        self.world.calm()
        support.wait_until(lambda: self.state("i2") == "RESOLVED", 30, "i2 to be resolved")
        self.assertEqual(self.state("i1"), "HANDLING", "its plan is still at work")
        self.approve(run_id)
        self.result(run_id)
        support.wait_until(lambda: self.state("i1") == "RESOLVED", 30, "i1 to be resolved")
        for who, kinds in (("i1", ["opened", "run_started", "alert_resolved", "run_ended",
                                   "mitigated", "resolved"]),
                           ("i2", ["opened", "acked", "alert_resolved", "mitigated", "resolved"])):
            lines = self.timeline(who)
            self.assertEqual([r["kind"] for r in lines if r["kind"] in kinds], kinds)
            self.assertEqual([r["seq"] for r in lines], list(range(1, len(lines) + 1)))
            self.assertEqual([r["state"] for r in lines if r["kind"] in ("mitigated", "resolved")],
                             ["MITIGATED", "RESOLVED"])
        self.assertEqual(self.world.command("incident", "resolve", number)[0], 5)
        self.kept_over_a_restart()

    def kept_over_a_restart(self):
        self.world.fire("plain", "k1")
        self.world.incident("k1")

        def everything():
            return [self.world.daemon.call("incident.show", {"number": row["number"]})
                    for row in self.world.incidents()]
        before = everything()
        self.assertGreaterEqual(len(before), 3)
        self.world.restart()
        self.assertEqual(json.dumps(everything(), indent=1), json.dumps(before, indent=1))
        number = str(self.world.incident("k1")["number"])
        code, _, error = self.world.command("incident", "resolve", number, "--reason", "over")
        self.assertEqual(code, 0, error)
        self.assertEqual(self.state("k1"), "RESOLVED")
        self.assertEqual(self.timeline("k1")[-1]["text"], "over")

    def test_without_a_daemon_the_command_line_says_so(self):
        done = support.tocsin("plan", "runs", "--state", os.path.join(self.folder.name, "nowhere"))
        self.assertEqual(done.returncode, 4, done.stderr)


if __name__ == "__main__":
    unittest.main()
