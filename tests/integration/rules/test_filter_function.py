#!/usr/bin/env python3
"""Filter functions in Lua: the answers of an expression, also across a kill; faults: quarantine."""
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import GEN, Daemon, Site, tocsin, wait_until  # noqa: E402

CONFIG = """
  sources = {
    pay = {
      fields = { paymentId = "string", merchantId = "string", customerId = "string", app = "string",
                 city = "string", amount = "float", cost_time = "int", success = "bool" },
      from = { { file = "%s" } }, lateness = "2s", idle = "1h",
    },
  },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
"""
RULE = """return rule.group {
  source = "pay", by = { "merchantId" }, statistic = "sum", field = "amount",
  window = "30s", threshold = ">= 900", output = "alerts", filter = %s }"""
COUNT = """return rule.count {
  source = "pay", window = "5s", threshold = ">= 1", output = "alerts", filter = %s }"""
# Each pair says the same in both forms.
PAIRS = {
    "failed": ("'success == false and amount > 20'",
               "function(r) return r.success == false and r.amount > 20 end"),
    "text": ("'app:starts(\"w\") and city ~= \"Wuhan\"'",
             "function(r) return r.app:sub(1, 1) == 'w' and r.city ~= 'Wuhan' end"),
    "reads": ("'cost_time % 2 == 1 and app:in_(\"pos\", \"web\")'",
              "function(r) return r.cost_time % 2 == 1 and (r.app == 'pos' or r.app == 'web') end,"
              " reads = { 'app', 'cost_time' }"),
    "missing": ("'amount == nil'", "function(r) return r.amount == nil end"),
}


class FilterFunctions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.root = cls.directory.name
        cls.input = os.path.join(cls.root, "pay.jsonl")
        subprocess.run([GEN, "--json", cls.input, "--lines", "30000", "--span", "300",
                        "--merchants", "20", "--seed", "7", "--shapes", "0.2", "--late", "0.05",
                        "--late-max", "2"], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def site(self, name, rules):
        return Site(os.path.join(self.root, name, "site"), CONFIG % self.input, rules)

    def pairs_site(self, name):
        rules = {}
        for pair, (expression, function) in PAIRS.items():
            rules[pair + "_expression/1"] = RULE % expression
            rules[pair + "_function/1"] = RULE % function
        return self.site(name, rules)

    def facts(self, documents, form):
        return sorted((d["rule"].replace("_" + form, ""), d["state"], d["window_end"],
                       str(d["dimension"]), d["value"]) for d in documents
                      if d["rule"].endswith(form))

    def check_pairs(self, documents):
        expected = self.facts(documents, "expression")
        self.assertGreater(len(expected), 20)
        self.assertEqual(self.facts(documents, "function"), expected)

    def test_a_function_fires_like_the_expression(self):
        site = self.pairs_site("replay")
        done = tocsin("replay", "--site", site.directory, "--source", "pay", "--input", self.input)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_pairs([json.loads(line) for line in done.stdout.splitlines()])

    def test_so_it_does_in_a_daemon_that_is_killed_on_the_way(self):
        site = self.pairs_site("daemon")
        daemon = Daemon(site)
        with daemon:
            daemon.wait_readings("pay", 1000)
            daemon.kill()
        with daemon:
            daemon.wait_readings("pay", 30000)
            with open(self.input, "rb") as lines:
                self.assertEqual(daemon.source("pay")["lines"], sum(1 for _ in lines))
            wait_until(lambda: daemon.call("status")["outputs"][0]["waiting"] == 0, 30, "outbox")
            self.check_pairs(daemon.output("alerts.jsonl"))

    def kill_in_call(self, daemon, place):
        """As if kill -9 had met the filter function in the call that `place` names."""
        with daemon:
            daemon.kill()
        with open(os.path.join(daemon.state, "running-script"), "r+b") as page:
            page.write(struct.pack("128sI", b"failed_function", 1))
            page.seek(144)
            page.write(struct.pack("Q", place))

    def test_kills_by_chance_stop_no_rule_but_three_in_one_call_do(self):
        daemon = Daemon(self.pairs_site("kills"))
        for places, stopped in (((1, 2, 3, 3, 4), 0), ((5, 5, 5), 1)):
            for place in places:
                self.kill_in_call(daemon, place)
            with daemon:
                daemon.wait_readings("pay", 30000)
            self.assertEqual(daemon.log().count("was running when the daemon died"), stopped)

    def replay_hostile(self, body, code):
        site = self.site("hostile", {"bad/1": COUNT % ("function(r) %s end" % body),
                                     "good/1": RULE % PAIRS["failed"][0]})
        done = tocsin("replay", "--site", site.directory, "--source", "pay", "--input", self.input)
        self.assertEqual(done.returncode, code, done.stderr)
        documents = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertGreater(len([d for d in documents if d["rule"] == "good"]), 0)
        return done.stderr, [d for d in documents if d["rule"] == "bad"]

    def test_what_uses_up_its_budget_is_quarantined_and_the_others_go_on(self):
        for body, word in (("while true do end", "used up its budget"),
                           ("local t = {} while true do t[#t + 1] = {} end", "used up its"),
                           ("return r.amount + {}", "arithmetic"),
                           ("error('no')", "no")):
            text, alerts = self.replay_hostile(body, 1)
            self.assertIn("bad@1 is stopped", text, body)
            self.assertIn(word, text, body)
            self.assertEqual(alerts, [], body)

    def test_an_error_now_and_then_costs_its_reading_only(self):
        body = "if r.cost_time % 50 == 0 then error('unlucky') end return true"
        text, alerts = self.replay_hostile(body, 0)
        self.assertNotIn("is stopped", text)
        self.assertGreater(len(alerts), 0)


if __name__ == "__main__":
    unittest.main()
