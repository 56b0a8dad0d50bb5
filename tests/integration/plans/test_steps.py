#!/usr/bin/env python3
"""How a single step ends: retries, unknown outcomes, refusals, and what a person says of them."""
import json
import os
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import RULE, World, at, check_journal, plan_text, support  # noqa: E402

PLANS = {
    "retries/1": plan_text("retries", """
    local first = ctx:http("first", { method = "POST", url = "@URL/first" },
      { effect = "idempotent", retry = { max = 5, first = "200ms", factor = 2, jitter = 0 } })
    ctx:http("never", { method = "POST", url = "@URL/never" }, { effect = "idempotent",
      on_fail = "continue", retry = { max = 3, first = "10ms", jitter = 0 } })
    ctx:http("refused", { method = "POST", url = "@URL/refused" }, { effect = "idempotent",
      on_fail = "continue" })
    local _, why = ctx:http("once", { method = "POST", url = "@URL/once500" },
      { on_fail = "continue" })
    return { status = first.status, why = why }"""),
    "late/1": plan_text("late", """
    local result, why = ctx:http("late", { method = "POST", url = "@URL/late" .. params.none },
      { timeout = "300ms", on_fail = "continue" })
    return { why = why, result = result }""", 'params = { none = "" },'),
    "drop/1": plan_text("drop", """
    ctx:http("warm", { method = "POST", url = "@URL/warm" }, { effect = "idempotent" })
    ctx:http("drop", { method = "POST", url = "@URL/drop" }, { effect = "once" })
    return "after"  """),
    "slow/1": plan_text("slow", """
    ctx:exec("slow", { "@SCRIPT", "slow", ctx.run }, { timeout = "300ms" })
    return "after"  """),
    "denied/1": plan_text("denied", """
    local _, host = ctx:http("host", { method = "POST", url = "http://127.0.0.2:@PORT/x" },
      { on_fail = "continue" })
    local _, user = ctx:http("user", { url = "http://127.0.0.1:@PORT@127.0.0.2/x" },
      { on_fail = "continue" })
    local _, program = ctx:exec("program", { "/bin/sh", "-c", "echo x >> @SCRIPT.count" },
      { on_fail = "continue" })
    local _, path = ctx:exec("path", { "@SCRIPT/../count.sh", "denied", "x" },
      { on_fail = "continue" })
    local _, output = ctx:notify("output", { to = "nobody", text = "x" }, { on_fail = "continue" })
    return { host = host, user = user, program = program, path = path, output = output }"""),
    "raises/1": plan_text("raises", """
    ctx:exec("program", { "/bin/sh" })
    return "not reached"  """),
}


class Steps(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.world = World(cls.folder.name, {}, [name.split("/")[0] for name in PLANS])
        for name, text in PLANS.items():
            cls.world.site.plan(name, cls.world.fill(text).replace(
                "@PORT", str(cls.world.receiver.port)))
        code, output, error = cls.world.command("reload", "--wait")
        assert code == 0, output + error

    @classmethod
    def tearDownClass(cls):
        cls.world.close()
        cls.folder.cleanup()

    def start(self, plan, who="w"):
        who = "%s-%s" % (plan, who)
        self.world.fire(plan, who)
        return self.world.run(plan, who)["id"]

    def ended(self, run_id, state="done"):
        self.world.wait_state(run_id, "done", "failed", "cancelled", "blocked", "in_doubt")
        run = self.world.show(run_id)
        self.assertEqual(run["state"], state, run)
        return run, run["journal"][-1].get("result")

    def test_an_error_of_the_server_is_tried_again_with_back_off(self):
        receiver = self.world.receiver
        receiver.behave("/first", 500, 503, 500, 200)
        receiver.behave("/never", 500)
        receiver.behave("/refused", 400)
        receiver.behave("/once500", 500)
        run, result = self.ended(self.start("retries"))
        outcomes = check_journal(run["journal"])
        self.assertEqual(result["status"], 200)
        self.assertIn("500", result["why"])
        self.assertEqual([receiver.count(path) for path in ("/first", "/never", "/refused",
                                                            "/once500")], [4, 3, 1, 1])
        failures = [r for r in run["journal"] if r["type"] == "StepFailed" and not r.get("final")
                    and r["step"] == "first#1"]
        tries = [r for r in run["journal"] if r["type"] == "StepAttempt" and r["step"] == "first#1"]
        self.assertEqual([round(1000 * (at(r["due"]) - at(r["time"]))) for r in failures],
                         [200, 400, 800])
        for failure, sent in zip(failures, tries[1:]):
            self.assertGreaterEqual(at(sent["time"]), at(failure["due"]))
            self.assertLess(at(sent["time"]), at(failure["due"]) + 3)
        self.assertEqual(outcomes["never#1"]["type"], "StepFailed")
        self.assertEqual(outcomes["once#1"]["type"], "StepFailed")

    def doubt(self, plan, who):
        run_id = self.start(plan, who)
        run = self.world.wait_state(run_id, "done", "failed", "in_doubt")
        self.assertEqual(run["state"], "in_doubt", self.world.show(run_id))
        return run_id

    def test_a_time_out_of_a_once_step_is_unknown_and_a_person_decides(self):
        gate = threading.Event()
        self.world.receiver.behave("/late", gate)
        yes, no = self.doubt("late", "yes"), self.doubt("late", "no")
        code, output, error = self.world.command("plan", "approve", yes, "--value",
                                                 '{"status": 207}', "--reason", "the page says so")
        self.assertEqual(code, 0, error)
        run, result = self.ended(yes)
        self.assertEqual(result, {"result": {"status": 207}})
        check_journal(run["journal"])
        said = [r for r in run["journal"] if r["type"] == "Operator"][0]
        self.assertEqual((said["text"], said["reason"]), ("it happened", "the page says so"))
        self.assertTrue(said["actor"])

        self.world.restart()  # a doubt survives
        self.world.wait_state(no, "in_doubt")
        self.assertEqual(self.world.command("plan", "reject", no)[0], 0)
        run, result = self.ended(no)
        self.assertIn("did not happen", result["why"])
        check_journal(run["journal"])
        gate.set()
        for run_id in (yes, no):
            self.assertEqual(self.world.receiver.count("/late", run_id), 1)
            code, _, error = self.world.command("plan", "approve", run_id)
            self.assertEqual(code, 5, error)

    def test_a_dropped_connection_is_unknown_and_the_request_is_never_repeated(self):
        """The server takes the request on a connection that was used before, and closes it."""
        self.world.receiver.behave("/drop", "drop")
        run_id = self.doubt("drop", "w")
        self.assertEqual(self.world.receiver.count("/drop", run_id), 1)
        self.assertEqual(self.world.command("plan", "reject", run_id)[0], 0)
        run, _ = self.ended(run_id, "failed")
        self.assertIn("drop", run["error"])
        self.assertEqual(self.world.receiver.count("/drop", run_id), 1)

    def test_a_program_that_is_stopped_is_unknown(self):
        self.world.hold("slow", True)
        run_id = self.doubt("slow", "w")
        self.world.hold("slow", False)
        self.assertEqual(self.world.command("plan", "approve", run_id)[0], 0)
        _, result = self.ended(run_id)
        self.assertEqual(result, "after")
        self.assertEqual(self.world.counted("slow", run_id), 1)

    def test_what_is_on_no_list_is_refused_before_it_is_tried(self):
        before = len(self.world.receiver.requests)
        run, result = self.ended(self.start("denied"))
        for name, words in (("host", "http.allow"), ("user", "plain http"),
                            ("program", "exec.allow"), ("path", "exec.allow"),
                            ("output", "no output")):
            self.assertIn(words, result[name])
        kinds = {record["type"] for record in run["journal"]}
        self.assertNotIn("StepAttempt", kinds)
        self.assertEqual(len(self.world.receiver.requests), before)
        self.assertFalse(os.path.exists(self.world.script + ".count"))
        run, _ = self.ended(self.start("raises"), "failed")
        self.assertIn("exec.allow", run["error"])
        self.assertIn("1.lua:", run["error"])

    def test_a_receiver_that_is_down_was_not_sent_to(self):
        """Nobody listens: even a once step certainly did not happen, so it fails at once."""
        port = support.free_port()
        name = "unheard"
        self.world.site.rule(name + "/1", RULE % name)
        with open(os.path.join(self.world.site.directory, "tocsin.lua"), encoding="utf-8") as text:
            config = text.read()
        self.world.site.write("tocsin.lua", config.replace(
            "http = { allow = {", 'http = { allow = { "127.0.0.1:%d",' % port))
        self.world.site.plan(name + "/1", plan_text(name, """
    local _, why = ctx:http("x", { method = "POST", url = "http://127.0.0.1:%d/" },
      { on_fail = "continue" })
    return why""" % port))
        code, output, error = self.world.command("reload", "--wait")
        self.assertEqual(code, 0, output + error)
        started = time.monotonic()
        run, result = self.ended(self.start(name))
        self.assertIn("127.0.0.1:%d" % port, result)
        self.assertLess(time.monotonic() - started, 10)
        self.assertEqual(json.dumps(run["journal"]).count("StepAttempt"), 1)


if __name__ == "__main__":
    unittest.main()
