#!/usr/bin/env python3
"""tocsin test: what a test file may say, what a failed expectation prints, formats, exit codes."""
import json
import os
import re
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import ROOT, Site, tocsin  # noqa: E402

CONFIG = """
  sources = {
    pay = { lateness = "2s", fields = { merchantId = "string", amount = "float", ok = "bool" } },
    csv = { format = "csv", columns = { "when", "merchantId", "amount" }, time = "when",
            fields = { merchantId = "string", amount = "float" } },
  },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
"""
RULE = """return rule.group {
  source = "%s", by = { "merchantId" }, window = "1m", threshold = ">= %d", output = "alerts",
}"""
SUM = """return rule.group {
  source = "csv", by = { "merchantId" }, statistic = "sum", field = "amount", window = "1m",
  threshold = ">= 100", output = "alerts",
}"""
LOOP = """return rule.script {
  source = "pay", window = "1m", output = "alerts",
  on_window = function(ctx, w) while true do end end,
}"""
HEAD = 'local t = require "tocsin.test"\n'


class Kit(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.site = Site(os.path.join(directory.name, "site"), CONFIG, {
            "many/1": RULE % ("pay", 3), "many/2": RULE % ("pay", 5), "sum/1": SUM,
            "loop/1": LOOP,
        })

    def run_test(self, text, *arguments, rule="many"):
        path = self.site.write("rules/%s/test.lua" % rule, HEAD + text)
        done = tocsin("test", rule, *arguments, "--site", self.site.directory)
        return path, done

    def expect_failure(self, body, line, *parts, rule="many"):
        path, done = self.run_test('t.case("x", function()\n%s\nend)' % body, rule=rule)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("%s:%d: " % (path, line), done.stdout)
        for part in parts:
            self.assertIn(part, done.stdout)
        return done.stdout

    def expect_pass(self, body, rule="many"):
        _, done = self.run_test('t.case("x", function()\n%s\nend)' % body, rule=rule)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("1 tests, 1 passed, 0 failed", done.stdout)

    def test_the_tests_of_every_example_pass(self):
        for site in ("scripts", "scripts/cookbook"):
            done = tocsin("test", "--site", os.path.join(ROOT, site), "--json")
            report = json.loads(done.stdout)
            self.assertEqual((done.returncode, report["failed"]), (0, 0), done.stdout)
            for kind in ("rule", "plan"):
                folder = os.path.join(ROOT, site, kind + "s")
                names = set(os.listdir(folder)) if os.path.exists(folder) else set()
                self.assertEqual({test[kind] for test in report["tests"] if kind in test}, names)

    def test_the_cookbook_names_every_rule_and_plan_of_its_site(self):
        for name, kind in (("cookbook", "rules"), ("plan-recipes", "plans")):
            with open(os.path.join(ROOT, "docs", name + ".md"), encoding="utf-8") as page:
                named = re.findall(r"^\| \[(\w+)\]\(\.\./scripts/cookbook/%s/(\w+)/1\.lua\)"
                                   % kind, page.read(), re.M)
            self.assertEqual([text for text, _ in named], [link for _, link in named])
            self.assertEqual(sorted(text for text, _ in named),
                             sorted(os.listdir(os.path.join(ROOT, "scripts/cookbook", kind))))

    def test_each_recipe_is_crashed_in_its_test(self):
        folder = os.path.join(ROOT, "scripts/cookbook/plans")
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name, "test.lua"), encoding="utf-8") as test:
                self.assertIn("t.crash()", test.read(), name)

    def test_a_wrong_expectation_shows_its_place_and_only_what_differs(self):
        out = self.expect_failure("""
          t.inject("pay", t.times(6, { merchantId = "m1", amount = 1 }))
          t.advance "30s"
          t.expect_alert { state = "firing", severity = "warning", count = 7,
                           dimension = { merchantId = "m1" } }""", 6,
                                  "no such alert\n", "count: wanted 7, found 6\n")
        for other in ("severity: ", "state: ", "dimension", "merchantId: "):
            self.assertNotIn(other + "wanted", out)
        self.assertEqual(out.count("wanted"), 1)

    def test_the_nearest_alert_is_the_one_that_was_meant(self):
        out = self.expect_failure("""
          t.inject("pay", t.times(6, { merchantId = "m1" }))
          t.inject("pay", t.times(7, { merchantId = "m2" }))
          t.advance "30s"
          t.expect_alert { dimension = { merchantId = "m2" }, count = 6 }""", 7,
                                  'the alert: many@2 firing {"merchantId": "m2"}')
        self.assertIn("count: wanted 6, found 7", out)
        out = self.expect_failure("""
          t.inject("pay", t.times(6, { merchantId = "m1" })) t.advance "30s"
          t.expect_alert { dimension = { merchantId = "m3" } }""", 5)
        self.assertIn('dimension.merchantId: wanted "m3", found "m1"', out)

    def test_none_expected_and_one_came(self):
        self.expect_failure("""
          t.inject("pay", t.times(6, { merchantId = "m1" })) t.advance "30s"
          t.expect_none { state = "resolved" }
          t.expect_none()""", 6, "an alert that nobody expects",
                            'many@2 firing {"merchantId": "m1"} value 6')

    def test_a_caught_failure_still_fails(self):
        self.expect_failure("pcall(t.expect_alert, { count = 1 })", 3, "no alert is there")

    def test_an_alert_is_met_once(self):
        self.expect_failure("""
          t.inject("pay", t.times(6, { merchantId = "m1" })) t.advance "30s"
          t.expect_alert { count = 6 }
          t.expect_alert { count = 6 }""", 6, "no alert is there that no earlier call has met")

    def test_restart_goes_on_from_the_store(self):
        self.expect_pass("""
          t.inject("pay", t.times(3, { merchantId = "m1" }))
          t.restart()
          t.inject("pay", t.times(3, { merchantId = "m1" }))
          t.advance "30s"
          t.expect_alert { state = "firing", count = 6 }
          t.restart()
          t.advance "20s"
          t.expect_none()
          t.advance "2m"
          t.expect_alert { state = "resolved" }""")

    def test_reload_makes_another_version_active(self):
        self.expect_pass("""
          t.reload { rule = "many@1" }
          t.inject("pay", t.times(4, { merchantId = "m1" }))
          t.advance "20s"
          t.expect_alert { state = "firing", version = 1, count = 4 }
          t.reload { rule = "many" }
          t.expect_alert { state = "resolved", version = 1, reason = "rule_changed" }
          t.advance "10s"
          t.expect_none()
          t.inject("pay", t.times(5, { merchantId = "m2" }))
          t.advance "20s"
          t.expect_alert { state = "firing", version = 2, dimension = { merchantId = "m2" } }
          t.reload { remove = "many" }
          t.expect_alert { state = "resolved", reason = "rule_removed" }
          t.expect_none()""")

    def test_readings_of_csv_sources_and_lines_as_they_are(self):
        self.expect_pass("""
          t.inject("csv", { merchantId = 'a "b", c', amount = 60 })
          t.inject("csv", { "2026-01-05T00:00:00Z,m2,120", "nonsense" })
          t.inject("csv", { merchantId = 'a "b", c', amount = 40.5 })
          t.advance "40s"
          t.expect_alert { dimension = { merchantId = 'a "b", c' }, value = 100.5 }
          t.expect_alert { dimension = { merchantId = "m2" }, value = 120 }
          t.expect_none()""", rule="sum")
        self.expect_failure('t.inject("csv", { city = "x" })', 3,
                            'source csv has no column "city"', rule="sum")

    def test_time_moves_only_as_it_is_told_to(self):
        self.expect_pass("""
          t.at "2026-03-29T00:59:00Z"
          t.inject("pay", t.times(5, { merchantId = "m1" }))
          t.advance(30)
          local alert = t.expect_alert { window_end = "2026-03-29T00:59:05Z" }
          assert(alert.window_start == "2026-03-29T00:58:05Z", alert.window_start)
          t.at "2026-03-29T01:30:00Z"
          t.expect_alert { state = "resolved",
                           value = function(value) return value == 0 end }""")
        self.expect_failure('t.at "2025-01-01T00:00:00Z"', 3, "and not before")
        self.expect_failure('t.advance "soon"', 3, 'test.advance takes a span like "30s"')

    def test_faulty_calls_say_so_at_their_line(self):
        for body, text in [
                ('t.inject("nope", { a = 1 })', 'the site has no source "nope"'),
                ('t.inject("pay", 5)', "a reading is a table or the text of a line"),
                ('t.inject("pay", { merchantId = 5 })', "not of its declared type"),
                ('t.expect_alert { serverity = "critical" }', 'no field "serverity"'),
                ('t.reload { rule = "many@9" }', "has no rules/many/9.lua"),
                ('t.reload { rule = "many@x" }', "NAME or NAME@VERSION"),
                ('t.reload { remove = "other" }', "no rule other runs here"),
                ("t.reload()", "test.reload takes"),
                ("t.times(0, {})", "how many"),
                ("t.advance(0)", 'takes a span like "30s" or a number of seconds, found 0'),
                ('t.advance "401d"', "time advances by 1 ms to 400 days"),
                ('t.at "noon"', '"noon" is not a time like "2026-01-05T08:00:00Z"'),
                ('t.at "2027-02-10T00:00:00Z"',
                 "it is 2026-01-05T00:00:00Z: a time may be up to 400 days later, and not before"),
                ('t.case("y", function() end)', "cases do not nest"),
                ("os.exit(0)", "os"),
                ("error { 1 }", "an error with a table as value")]:
            with self.subTest(body=body):
                self.assertIn(text, self.run_test(
                    't.case("x", function()\n%s\nend)' % body)[1].stdout)

    def test_a_field_that_the_source_does_not_declare_is_refused(self):
        self.expect_failure('t.inject("pay", { merchantid = "m1" })', 3,
                            'source pay has no field "merchantid"; did you mean "merchantId"?: '
                            "it would be ignored")
        self.expect_failure('t.inject("csv", { city = "x" })', 3, 'no column "city"', rule="sum")
        self.expect_pass('t.inject("pay", { merchantId = "m1", time = "2026-01-05T08:00:00Z" })\n'
                         't.inject("pay", \'{"merchantid":"m1"}\')')

    def test_a_rule_that_is_stopped_fails_its_test(self):
        self.expect_failure('t.inject("pay", { merchantId = "m1" })\nt.advance "30s"', 4,
                            "rule loop@1 is quarantined: ", rule="loop")

    def test_a_case_that_raises_too_many_alerts_fails(self):
        self.site.rule("many/3", RULE % ("pay", 1))
        self.expect_failure(
            "for part = 0, 10 do\n"
            't.inject("pay", t.times(1000, function(i) return { merchantId = part .. "-" .. i } '
            'end))\nend\nt.advance "30s"', 6, "a case may raise at most 10000 alerts")

    def test_a_faulty_file_is_one_failure(self):
        for text, part in [("x x", "test.lua:2: "), ("t.advance '5s'", "belongs into a case"),
                           ('t.case("a", function() end) t.case("a", function() end)',
                            'two cases with the name "a"'),
                           ('t.case("", function() end)', "must not be empty"),
                           ('t.cases { [" "] = function() end }', "must not be empty"),
                           ('for i = 1, 1001 do t.case("n" .. i, function() end) end',
                            "a file has at most 1000 cases"),
                           ('t.case("a")', "test.case takes a name and a function")]:
            with self.subTest(text=text):
                path, done = self.run_test(text)
                self.assertEqual(done.returncode, 1)
                self.assertIn("%s:2: " % path, done.stdout)
                self.assertIn(part, done.stdout)

    def test_a_faulty_rule_fails_its_tests(self):
        self.site.rule("many/3", 'return rule.count { source = "pay" }')
        _, done = self.run_test('t.case("x", function() end)')
        self.assertEqual(done.returncode, 1)
        self.assertIn("rules/many/3.lua", done.stdout)

    def test_a_rule_file_cannot_require_it(self):
        self.site.write("rules/many/4.lua", 'local t = require "tocsin.test"\n')
        done = tocsin("check", "--site", self.site.directory)
        self.assertIn("module 'tocsin.test' does not exist", done.stdout)

    def test_cases_by_name_filter_and_formats(self):
        path, done = self.run_test("""
            return t.cases {
              ["b <fails>"] = function() t.expect_alert { count = 1 } end,
              ["a passes"] = function() t.expect_none() end,
            }""", "--json")
        report = json.loads(done.stdout)
        self.assertEqual((done.returncode, report["passed"], report["failed"]), (1, 1, 1))
        self.assertEqual([(test["name"], test["ok"], test["line"]) for test in report["tests"]],
                         [("a passes", True, 5), ("b <fails>", False, 4)])
        self.assertEqual(report["tests"][1]["file"], path)
        _, done = self.run_test('t.case("a", function() end) t.case("b", function() end)',
                                "--filter", "many: b", "--format", "junit")
        suite = xml.etree.ElementTree.fromstring(done.stdout)
        self.assertEqual((done.returncode, suite.get("tests"), suite.get("failures")),
                         (0, "1", "0"))
        self.assertEqual([case.get("name") for case in suite], ["b"])
        _, done = self.run_test('t.case("<&>", function() t.expect_alert {} end)', "--format",
                                "junit")
        suite = xml.etree.ElementTree.fromstring(done.stdout)
        self.assertEqual(suite[0].get("name"), "<&>")
        self.assertIn("test.lua:2", suite[0][0].text)

    def test_names_paths_and_exit_codes(self):
        path, done = self.run_test('t.case("a", function() end)')
        self.assertEqual(done.returncode, 0)
        site = ("--site", self.site.directory)
        for name in (path, os.path.dirname(path), os.path.dirname(path) + "/",
                     path.replace("test.lua", "2.lua")):
            done = tocsin("test", name, *site)
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)
        done = tocsin("test", *site)
        self.assertIn("1 tests, 1 passed", done.stdout)
        for arguments, code in [(("sum",), 1), (("--filter", "nothing"), 1), (("--nope",), 2),
                                (("--format", "xml"), 2)]:
            done = tocsin("test", *arguments, *site)
            self.assertEqual((done.returncode, done.stderr != ""), (code, True), arguments)
        self.assertEqual(tocsin("test", "--site", "/nowhere/at/all").returncode, 1)


if __name__ == "__main__":
    unittest.main()
