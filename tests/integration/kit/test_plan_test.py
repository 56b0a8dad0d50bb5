#!/usr/bin/env python3
"""plans/<name>/test.lua: what a test of a plan may say, and what a failed expectation prints."""
import json
import os
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import Site, tocsin  # noqa: E402

CONFIG = """
  sources = { pay = { fields = { merchantId = "string" } } },
  outputs = { alerts = { file = "alerts.jsonl" }, ops = { webhook = "http://127.0.0.1:9/ops" } },
  categories = { online = { members = { "m1" } } },
  listen = { http = false },
  exec = { allow = { "/nonexistent/switch" } },
  http = { allow = { "127.0.0.1:9" } },
"""
PLAN = """return plan {
  on = { incident = "opened", rule = "down" },
  timeout = "1d",
  params = { share = 50 },
  run = function(ctx, params)
    ctx:notify("tell", { to = "ops", text = "version %d, " .. params.share })
    %s
  end,
}"""
SWITCH = """local r = ctx:http("switch", { method = "PUT", url = "http://127.0.0.1:9/x" },
      { effect = "idempotent", timeout = "10s",
      retry = { max = 3, first = "1m", factor = 1, jitter = 0 } })
    return r.status"""
ASK = """local a = ctx:ask("sure", { text = "Sure?", who = { "wang", "li" }, quorum = 2 })
    if not a.approved then return a.reason end
    local go = ctx:signal("go", { timeout = "1h" })
    ctx:exec("run", { "/nonexistent/switch" })
    return { a.value, go and go.value }"""
PROBE = """ctx:step("switch", "exec.run", { argv = { "/nonexistent/switch" } }, {
      probe = { action = "exec.run", args = { argv = { "/nonexistent/switch", "look" } } } })"""
HEAD = 'local t = require "tocsin.plan_test"\n'


class PlanTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.site = Site(os.path.join(directory.name, "site"), CONFIG, {}, {
            "switch/1": PLAN % (1, SWITCH), "switch/2": PLAN % (2, SWITCH),
            "ask/1": PLAN % (1, ASK), "probe/1": PLAN % (1, PROBE),
        })

    def run_test(self, text, *arguments, plan="switch"):
        path = self.site.write("plans/%s/test.lua" % plan, HEAD + text)
        return path, tocsin("plan", "test", plan, *arguments, "--site", self.site.directory)

    def expect_pass(self, body, plan="switch"):
        _, done = self.run_test('t.case("x", function()\n%s\nend)' % body, plan=plan)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)

    def expect_failure(self, body, line, *parts, plan="switch"):
        path, done = self.run_test('t.case("x", function()\n%s\nend)' % body, plan=plan)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("%s:%d: " % (path, line), done.stdout)
        for part in parts:
            self.assertIn(part, done.stdout)

    def test_the_newest_version_runs_and_simulators_answer(self):
        self.expect_pass("""
          t.alert { rule = "down" }
          t.expect_effects { { id = "tell", args = { text = "version 2, 50" }, try = 1, at_ms = 0,
            time = "2026-01-05T00:00:00Z", probe = false }, { action = "http.request" } }
          t.expect_run { plan = "switch", version = 2, state = "done", result = 200 }
          t.expect_none()""")

    def test_replies_go_to_the_tries_in_their_order(self):
        self.expect_pass("""
          t.reply("switch", { error = "busy", retry = true }, { after = "11s" },
            { result = { status = 204 } })
          t.alert { rule = "down" }
          t.expect_effects { { id = "tell" }, { id = "switch", try = 1 } }
          t.advance("59s")
          t.expect_none()
          t.advance("1s")
          t.expect_effect { id = "switch", try = 2 }
          t.advance("10s")
          t.expect_run { state = "running" }
          t.at("2026-01-05T00:02:10Z")
          t.expect_effects { { id = "switch", try = 3, at_ms = 130000 } }
          t.expect_run { state = "done", result = 204 }
          if #t.facts("step_retry") ~= 2 then error("not two retries") end""")

    def test_what_is_said_to_a_step_goes_before_what_is_said_to_its_action(self):
        self.expect_pass("""
          t.reply("http.request", "the network is down")
          t.reply("switch#1", { result = { status = 201 } })
          t.alert { rule = "down" }
          t.expect_run { state = "done", result = 201 }""")

    def test_a_silent_target_is_unknown_and_once_waits_for_a_person(self):
        self.expect_pass("""
          t.reply("run", { silent = true })
          t.start()
          t.approve("sure", { as = "wang" }) t.approve("sure", { as = "li" })
          t.signal("go")
          t.advance("1h")
          t.expect_run { state = "in_doubt" }
          t.reject("run", { reason = "the log has nothing" })
          t.expect_run { state = "failed" }""", plan="ask")

    def test_people_answer_signal_and_command(self):
        self.expect_pass("""
          t.start { as = "ann", params = { share = 7 } }
          t.expect_effect { id = "tell", args = { text = "version 1, 7" } }
          t.expect_run { state = "asking", waiting_for = function(text)
            return text:find("Sure?", 1, true) ~= nil end }
          t.approve("sure", { as = "wang", value = 3 })
          t.pause { reason = "wait" }
          t.expect_run { state = "paused" }
          t.resume()
          t.approve("sure", { as = "li", value = 3 })
          t.reply("run", "stuck")
          t.signal("go", { value = { a = 1 }, as = "bob" })
          t.expect_run { state = "failed" }
          t.start()
          t.reject("sure", { as = "li", reason = "no" })
          t.expect_run { state = "done", result = "no" }
          t.start()
          t.skip { step = "sure" }
          t.expect_run { state = "done" }
          t.start()
          t.cancel { reason = "enough" }
          t.expect_run { state = "cancelled" }""", plan="ask")

    def test_who_may_not_answer_is_told_at_the_line_of_the_test(self):
        self.expect_failure("""t.start()
          t.approve("sure", { as = "bob" })""", 4, "bob may not answer sure#1", plan="ask")

    def test_a_crash_loses_what_was_under_way_and_nothing_else(self):
        self.expect_pass("""
          t.reply("switch", { after = "5s" })
          t.alert { rule = "down" }
          t.advance("3s")
          local key = t.expect_effect { id = "switch" }.key
          t.crash()
          t.expect_effect { id = "switch", try = 2, key = key }
          t.advance("4s")
          t.expect_run { state = "running" }
          t.crash()
          t.expect_effect { id = "switch", try = 3 }
          t.advance("5s")
          t.expect_run { state = "done" }
          t.crash()
          t.expect_effects { { id = "tell" } }
          local types = {}
          for _, record in ipairs(t.journal()) do types[#types + 1] = record.type end
          if types[1] ~= "RunStarted" or types[#types] ~= "RunEnded" then error(types[1]) end""")

    def test_a_crash_at_a_probe(self):
        self.expect_pass("""
          t.reply("switch", { silent = true })
          t.probe("switch", { absent = true }, { result = { exit_code = 0 } })
          t.alert { rule = "down" }
          t.advance("1s")
          t.crash()
          t.expect_effect { action = "exec.run", probe = true, args = {
            argv = { "/nonexistent/switch", "look" } } }
          t.advance("10m")
          t.expect_effect { id = "switch", probe = false, try = 2 }
          t.expect_run { state = "done" }""", plan="probe")

    def test_runs_stay_on_their_version(self):
        self.expect_pass("""
          t.reload { plan = "switch@1" }
          t.reply("switch", { error = "busy", retry = true }, {})
          t.alert { rule = "down" }
          local old = t.expect_run { version = 1 }
          t.reload { plan = "switch" }
          t.crash()
          t.advance("1m")
          t.expect_run { id = old.id, version = 1, state = "done" }
          t.start()
          t.expect_run { version = 2 }
          t.reload { plan = "probe" }
          t.start { plan = "probe" }
          t.expect_run { plan = "probe", state = "done" }
          t.reload { remove = "probe" }""")

    def test_incidents_are_the_real_ones(self):
        self.expect_pass("""
          local one = t.alert { rule = "down", dimension = { merchantId = "m1" } }
          local two = t.alert { rule = "other", dimension = { merchantId = "m2", n = 7 } }
          if one == two then error("one incident") end
          t.expect_run { incident = one }
          t.incident("ack", { as = "wang", incident = one })
          t.resolve { rule = "down", dimension = { merchantId = "m1" } }
          t.resolve()""")
        self.site.plan("see/1", """return plan { on = { incident = "opened" },
          run = function(ctx)
            local then_state = ctx.incident.state
            ctx:wait_until("over", function() return ctx:incident_now().firing_count == 0 end,
              { timeout = "1h" })
            return { then_state, ctx.incident.category, ctx:incident_now().state,
              ctx.incident.dimension.n }
          end }""")
        self.expect_pass("""
          t.alert { rule = "r", dimension = { merchantId = "m1", n = 1.5 } }
          t.advance("5s")
          t.resolve()
          t.advance("5s")
          t.expect_run { state = "done", result = { "OPEN", "online", "HANDLING", 1.5 } }""",
                         plan="see")

    def test_a_drill_reaches_its_targets(self):
        self.site.write("tocsin.lua", "return {%s drill = { outputs = { ops = 'alerts' } } }"
                        % CONFIG)
        self.expect_pass("""
          t.start { drill = true }
          t.expect_effects { { id = "tell", args = { to = "alerts",
            text = "[drill] version 2, 50" } } }
          t.expect_run { is_drill = true, state = "failed", error = function(text)
            return text:find("\\"127.0.0.1:9\\" has no target in a drill", 1, true) ~= nil
          end }
          t.start()
          t.expect_effect { id = "tell", args = { to = "ops" } }
          t.expect_run { is_drill = false, state = "done" }""")

    def test_failures_say_what_was_there(self):
        self.expect_failure('t.alert { rule = "down" }\nt.expect_effect { id = "tel" }', 4,
                            "no such effect", 'id: wanted "tel", found "tell"',
                            "the effect: notify.send tell#1: notify ops: version 2, 50")
        self.expect_failure('t.alert { rule = "down" }\nt.expect_run { state = "failed" }', 4,
                            "the run is another", 'state: wanted "failed", found "done"',
                            "the run: switch-1-")
        self.expect_failure('t.alert { rule = "down" }\nt.expect_none()', 4,
                            "an effect that nobody expects")
        self.expect_failure('t.alert { rule = "down" }\nt.expect_effects { { id = "tell" } }', 4,
                            "an effect that nobody expects", "the effect: http.request switch#1")
        self.expect_failure('t.alert { rule = "down" }\nt.expect_effects { { id = "switch" } }',
                            4, 'id: wanted "switch", found "tell"')
        self.expect_failure('t.alert { rule = "down" }\nt.expect_no_run()', 4,
                            "a run that nobody expects")
        self.expect_failure('t.expect_run()', 3, "no run is there")
        self.expect_failure('t.expect_effect { id = "x" }', 3, "no effect is there")

    def test_wrong_use_is_told_at_its_line(self):
        for body, text in [
                ('t.alert {}', "an alert needs the name of its rule"),
                ('t.alert { rule = "x", sevrity = "y" }', "sevrity"),
                ('t.alert { rule = "x", dimension = { a = {} } }', "a text, a number or a boolean"),
                ('t.alert("x")', "test.alert takes { rule"),
                ('t.resolve()', "no such alert fires"),
                ('t.reply("x")', "test.reply takes at least one reply"),
                ('t.reply("x", { status = 200 })', 'test.reply has no option "status"'),
                ('t.reply("x", { after = "soon" })', "after is a span"),
                ('t.reply(1, {})', "the first argument is a step or an action"),
                ('t.approve("x")', "there is no run"),
                ('t.start { plan = "none" }', "none"),
                ('t.start { nope = 1 }', 'test.start has no option "nope"'),
                ('t.signal("x")', "there is no run"), ('t.pause()', "there is no run"),
                ('t.incident("nope")', "nope"), ('t.journal("x")', "there is no run x"),
                ('t.reload { plan = "none" }', "has no plan none"),
                ('t.reload { remove = "none" }', "no plan none runs here"),
                ('t.reload {}', "test.reload takes"),
                ('t.expect_run { stat = "x" }', "no run is there"),
                ('t.start() t.expect_run { stat = "x" }', 'has no field "stat"'),
                ('t.expect_effect { idd = "x" }', 'has no field "idd"'),
                ('t.advance("soon")', "takes a span"), ('t.at("2025-01-01T00:00:00Z")', "it is "),
                ('require("tocsin.test").restart()', 'a test of a plan cannot ask for "restart"')]:
            with self.subTest(body=body):
                self.expect_failure(body, 3, text)

    def test_plans_and_rules_are_run_together_and_told_apart(self):
        self.site.rule("many/1", """return rule.group { source = "pay", by = { "merchantId" },
          window = "1m", threshold = ">= 3", output = "alerts" }""")
        self.site.write("rules/many/test.lua", """local t = require "tocsin.test"
          t.case("quiet", function() t.expect_none() end)""")
        self.site.write("plans/switch/test.lua", HEAD + """
          t.case("runs", function() t.start() t.expect_run { state = "done" } end)
          t.case("fails", function() t.expect_run() end)""")
        done = tocsin("test", "--site", self.site.directory, "--json")
        tests = json.loads(done.stdout)["tests"]
        self.assertEqual([(test.get("rule"), test.get("plan"), test["name"], test["ok"])
                          for test in tests],
                         [("many", None, "quiet", True), (None, "switch", "runs", True),
                          (None, "switch", "fails", False)])
        for arguments, names in [(("plan", "test"), ["runs", "fails"]),
                                 (("test", "many"), ["quiet"]),
                                 (("test", "switch", "--filter", "switch: runs"), ["runs"]),
                                 (("test", os.path.join(self.site.directory,
                                                        "plans/switch/test.lua")),
                                  ["runs", "fails"])]:
            done = tocsin(*arguments, "--site", self.site.directory, "--format", "junit")
            cases = xml.etree.ElementTree.fromstring(done.stdout).iter("testcase")
            self.assertEqual([case.get("name") for case in cases], names, arguments)
        done = tocsin("plan", "test", "many", "--site", self.site.directory)
        self.assertEqual(done.returncode, 1)
        self.assertIn("plans/many/test.lua", done.stderr)

    def test_a_faulty_plan_is_the_failure_of_each_case(self):
        self.site.plan("switch/2", "return plan { timeout = 'soon', run = function() end }")
        _, done = self.run_test('t.case("x", function() end)')
        self.assertEqual(done.returncode, 1)
        self.assertIn("plans/switch/2.lua:2: ", done.stdout)

    def test_a_plan_itself_has_no_such_module(self):
        self.site.plan("switch/2", 'local t = require "tocsin.plan_test"\nreturn plan {}')
        done = tocsin("check", "--site", self.site.directory)
        self.assertEqual(done.returncode, 1)
        self.assertIn("module 'tocsin.plan_test' does not exist", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
