#!/usr/bin/env python3
"""tocsin explain and replay --explain: why a rule fired, or why it did not."""
import json
import os
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import Daemon, Site, free_port, tocsin, wait_until  # noqa: E402
from stream import CONFIG, lines, time_text, write  # noqa: E402

RULE = """return rule.group {
  source = "pay", filter = "success == false", by = { "merchantId" }, window = "10s",
  output = "alerts", %s
}"""
PLAIN = 'threshold = ">= 20", '



def burst(second):
    """m1: 3 a second from 60 to 120; m2: two bursts; m3: one a second."""
    is_on = 60 <= second < 120
    m2 = 3 if 30 <= second < 50 or 100 <= second < 120 else 0
    return {"m1": 3 if is_on else 1, "m2": m2, "m3": 1}


class Explain(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        self.port = free_port()
        self.input = os.path.join(self.root, "pay.jsonl")
        write(self.input, 200, burst)

    def site(self, options, **others):
        rules = {"r/1": RULE % (options if "severities" in options else PLAIN + options)}
        rules.update(others)
        return Site(os.path.join(self.root, "site"), CONFIG % self.port, rules)

    def replay(self, options, key, *arguments):
        site = self.site(options)
        done = tocsin("replay", "--site", site.directory, "--input", self.input, "--rule", "r",
                      "--explain", key, "--json", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def runs(self, options, key, *arguments):
        rows = self.replay(options, key, *arguments)["list"]
        self.assertEqual([row["key"] for row in rows], [key])
        return rows[0]["runs"]

    def reasons(self, options, key):
        """Without "firing": it is still so."""
        return [run["reason"] for run in self.runs(options, key) if run["reason"] != "firing"]

    def test_a_plain_rule_says_with_which_values_it_fired_and_resolved(self):
        # 3 a second: the window that ends at 70 has 30, the one at 65 has 5 + 15 = 20.
        runs = self.runs("", "m1")
        self.assertEqual([(run["reason"], run["from"], run["values"]) for run in runs],
                         [("fired", time_text(65), {"count >=20": 20}),
                          ("resolved", time_text(130), {"count >=20": 10})])
        self.assertEqual(runs[0]["severity"], "warning")

    def test_pending_tells_how_long_it_has_waited(self):
        runs = self.runs('hold = "40s"', "m1")
        self.assertEqual([run["reason"] for run in runs],
                         ["pending", "fired", "firing", "resolved"])
        self.assertEqual((runs[0]["from"], runs[0]["needed"]), (time_text(65), "40s"))
        self.assertEqual(runs[1]["from"], time_text(105))
        self.assertEqual(self.reasons('hold = "30s"', "m2"), ["pending", "not_met"] * 2)

    def test_clearing_and_non_disturb(self):
        reasons = self.reasons('clear_hold = "30s"', "m1")
        self.assertEqual([reasons[0], reasons[-1]], ["fired", "resolved"])
        self.assertIn("clearing", reasons)
        reasons = self.reasons('non_disturb = { max = 1, within = "1h" }', "m2")
        self.assertEqual([reason for reason in reasons if reason != "not_met"],
                         ["fired", "resolved", "non_disturb"])

    def test_min_samples_says_that_nothing_was_judged(self):
        # 20 fire it; at the end only 10 readings are left, which are not enough to say it is over.
        runs = self.runs("min_samples = 15", "m1")
        self.assertEqual(runs[0]["reason"], "fired")
        self.assertEqual((runs[-1]["reason"], runs[-1]["stage"], runs[-1]["readings"]),
                         ("min_samples", "firing", 10))

    def test_valid_time_and_excluded_keys(self):
        reasons = self.reasons('valid_time = { { from = "00:00", to = "00:01" } }', "m1")
        self.assertEqual(reasons, [])
        runs = self.runs('valid_time = { { from = "00:01", to = "00:02" } }', "m1")
        self.assertEqual([(run["reason"], run.get("note")) for run in runs],
                         [("fired", None), ("firing", None), ("resolved", "outside_valid_time")])
        document = self.replay('exclude = { merchantId = { "m1" } }', "m1")
        self.assertEqual([row["runs"] for row in document["list"]], [[]])
        self.assertIn("key m1 is left out by `dimensions` or `exclude`", document["hints"])

    def test_a_baseline_says_what_it_was_compared_with(self):
        # m1 has 10 a window until 60, then 30: above 150 % of 16, below that of 30
        rule = """return rule.baseline {
          source = "pay", filter = "success == false", by = { "merchantId" }, window = "10s",
          output = "alerts", statistic = "count", baseline = { 16, 30 }, against = "any",
          band = { upper = "150%" },
        }"""
        site = Site(os.path.join(self.root, "site"), CONFIG % self.port, {"b/1": rule})
        done = tocsin("replay", "--site", site.directory, "--input", self.input, "--rule", "b",
                      "--explain", "m1", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        runs = {run["reason"]: run for run in json.loads(done.stdout)["list"][0]["runs"]}
        # the window that ends at 70 has 30; the one that ends at 65 has 5 + 15 = 20
        self.assertEqual(runs["fired"]["from"], time_text(70))
        self.assertEqual(runs["fired"]["values"], {"count": 30, "number": 16})
        self.assertEqual(runs["resolved"]["from"], time_text(125))
        self.assertEqual(runs["resolved"]["values"]["count"], 20)
        told = tocsin("replay", "--site", site.directory, "--input", self.input, "--rule", "b",
                      "--explain", "m1").stdout
        self.assertIn("fired (warning): count is 30, number is 16, readings 30", told)

    def test_a_key_that_never_came_near_shows_what_it_has_now(self):
        row = self.replay("", "m3")["list"][0]
        self.assertEqual((row["key"], row["runs"], row["stage"], row["value"]),
                         ("m3", [], "ok", 10))
        document = self.replay("", "m9")
        self.assertEqual(document["list"], [])
        self.assertIn("key m9 has no reading", document["hints"][0])

    def test_at_a_time_it_shows_what_was_so_and_what_followed(self):
        runs = self.runs("", "m1", "--at", time_text(90))
        self.assertEqual([run["reason"] for run in runs], ["fired", "resolved"])
        runs = self.runs("", "m1", "--at", time_text(180))
        self.assertEqual([run["reason"] for run in runs], ["resolved"])
        self.assertIn("nothing is recorded of that time",
                      self.replay("", "m1", "--at", time_text(1))["hints"][0])

    def test_several_expressions_and_levels(self):
        runs = self.runs('severities = { warning = ">= 20", critical = ">= 30" }', "m1")
        self.assertEqual([(run["reason"], run["severity"]) for run in runs][:2],
                         [("fired", "warning"), ("fired", "critical")])

    def test_a_script_that_fails_leaves_its_key_as_it_was(self):
        site = self.site("", **{"s/1": """return rule.script {
          source = "pay", filter = "success == false", by = { "merchantId" }, window = "10s",
          output = "alerts",
          on_window = function(ctx, w)
            if w.window_end_text == "%s" and w.key_text == "m1" then error("boom") end
            return w.count >= 20 and { value = w.count } or nil
          end,
        }""" % time_text(100)})
        done = tocsin("replay", "--site", site.directory, "--input", self.input, "--rule", "s",
                      "--explain", "m1", "--json")
        document = json.loads(done.stdout)
        runs = document["list"][0]["runs"]
        self.assertEqual([(run["reason"], run["stage"]) for run in runs],
                         [("fired", "firing"), ("firing", "firing"), ("error", "firing"),
                          ("firing", "firing"), ("resolved", "ok")])
        self.assertEqual(runs[2]["from"], time_text(100))
        self.assertIn("its script failed 1 times, last with: ", document["hints"][0])
        self.assertIn("boom", document["hints"][0])

    def test_an_empty_field_and_a_missing_one_are_two_keys(self):
        with open(self.input, "w", encoding="ascii") as out:
            for key in ('"merchantId":"",', ""):
                out.write('{"time":"%s",%s"success":false}\n' % (time_text(2), key))
        site = self.site('severities = { warning = ">= 1" }')
        done = tocsin("replay", "--site", site.directory, "--input", self.input, "--rule", "r",
                      "--explain", "")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('\nmerchantId "": ', done.stdout)
        self.assertIn("\nmerchantId missing: ", done.stdout)
        self.assertNotIn("whole system", done.stdout)

    def test_hints_about_the_rule_itself(self):
        site = Site(os.path.join(self.root, "site"), CONFIG % self.port, {
            "nothing/1": (RULE % PLAIN).replace("success == false", "success == 5"),
            "field/1": (RULE % PLAIN).replace('"merchantId"', '"city"'),
            "number/1": RULE % 'statistic = "sum", field = "cost", threshold = ">= 0"'})
        for rule, hint in [
                ("nothing",
                 "no reading of the window judged last matched the filter: success == 5"),
                ("field", "field city is in none of the readings of the window judged last"),
                ("number", "field cost has no value in the readings of the window judged last")]:
            with self.subTest(rule=rule):
                done = tocsin("replay", "--site", site.directory, "--input", self.input, "--rule",
                              rule, "--explain", "*", "--json")
                self.assertIn(hint, json.loads(done.stdout)["hints"])

    def test_wrong_use(self):
        site = self.site("", **{"s/1": RULE % PLAIN})
        for arguments, code in [(("--explain", "m1"), 2), (("--rule", "r", "--explain", "m1",
                                                           "--at", "noon"), 2)]:
            done = tocsin("replay", "--site", site.directory, "--input", self.input, *arguments)
            self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(tocsin("explain").returncode, 2)

    def test_the_daemon_explains_what_it_has_judged(self):
        site = self.site("")
        with Daemon(site, os.path.join(self.root, "state")) as daemon:
            # What is judged is told by the watermark: the good payments of m0 move it.
            body = "\n".join(lines(200, burst)) + "\n"
            request = urllib.request.Request("http://127.0.0.1:%d/ingest/pay" % self.port,
                                             data=body.encode(), method="POST")
            urllib.request.urlopen(request, timeout=30).close()
            wait_until(lambda: daemon.call("explain", {"rule": "r"})["evaluated"], 30, "a window")
            document = wait_until(
                lambda: [row for row in daemon.call("explain", {"rule": "r", "key": "m1"})["list"]
                         if len(row["runs"]) == 2], 30, "two transitions")
            self.assertEqual([run["reason"] for run in document[0]["runs"]], ["fired", "resolved"])
            state = ("--state", daemon.state)
            done = tocsin("explain", "r", "--key", "m1", "--at", time_text(90), *state)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("fired (warning): count >=20 is 20, readings 20", done.stdout)
            done = tocsin("explain", "nope", *state)
            self.assertEqual((done.returncode, "no version of rule" in done.stderr), (5, True))
            done = tocsin("explain", "r", "--at", "noon", *state)
            self.assertEqual(done.returncode, 5)


if __name__ == "__main__":
    unittest.main()
