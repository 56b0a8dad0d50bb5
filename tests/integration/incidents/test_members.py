#!/usr/bin/env python3
"""Members of categories that come from a lookup, and incidents that people approve first."""
import json
import os
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from daemon import Daemon, Site, wait_until  # noqa: E402

START = 1767225600
CONFIG = """
  sources = { s = { fields = { k = "string" }, from = { { file = "%s" } }, idle = "1h",
                    lateness = "0s" } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false }, category_field = "k",
  lookups = { shops = { csv = "shops.csv" } },
  categories = { food = { members = { lookup = "shops", column = "kind" } },
    cars = { members = { lookup = "shops", column = "kind", value = "auto", member = "id" } } },
"""
RULE = """return rule.group { source = "s", by = { "k" }, statistic = "count", window = "10s",
  threshold = ">= 1", output = "alerts", %s }"""


class Members(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        self.log = os.path.join(self.root, "s.jsonl")
        self.now_s = START
        with open(self.log, "w", encoding="ascii"):
            pass

    def start(self, rules):
        self.site = Site(os.path.join(self.root, "site"), CONFIG % self.log,
                         {name + "/1": RULE % more for name, more in rules.items()})
        self.site.write("shops.csv", "k,id,kind\na,1,food\nb,2,food\nc,3,auto\na,1,food\n")
        self.daemon = Daemon(self.site).start()
        self.addCleanup(self.daemon.stop)

    def feed(self, *keys):
        with open(self.log, "a", encoding="ascii") as out:
            for key in keys:
                out.write(json.dumps({"time": self.now_s, "k": key}) + "\n")
            self.now_s += 10
            out.write(json.dumps({"time": self.now_s, "k": "-"}) + "\n")

    def incidents(self, count):
        return wait_until(lambda: len(self.daemon.call("incident.list", {"all": True})) >= count
                          and self.daemon.call("incident.list", {"all": True}), 30,
                          "%d incidents" % count)

    def categories(self, count):
        return {one["dimension"]["k"]: one["category"] for one in self.incidents(count)}

    def test_members_are_rows_of_a_lookup_and_a_reload_reads_it_again(self):
        self.start({"busy": ""})
        self.feed("a", "b", "3", "x")
        self.assertEqual(self.categories(4), {"a": "food", "b": "food", "3": "cars", "x": None})
        self.site.write("shops.csv", "k,id,kind\ny,9,food\n")
        self.daemon.call("reload", {"wait": True})
        self.feed("y")
        self.assertEqual(self.categories(6)["y"], "food")

    def test_a_rule_may_want_a_person_to_approve_what_it_opens(self):
        self.start({"busy": "", "guess": "incident = { approve = true }"})
        self.feed("a")
        states = {one["rule"]: one for one in self.incidents(2)}
        self.assertEqual({rule: one["state"] for rule, one in states.items()},
                         {"busy": "OPEN", "guess": "CANDIDATE"})
        number = states["guess"]["number"]
        self.assertEqual(self.daemon.call("incident.approve", {"number": number})["state"], "OPEN")


if __name__ == "__main__":
    unittest.main()
