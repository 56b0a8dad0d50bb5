#!/usr/bin/env python3
"""A storm of 10,000 alerts: few messages, and P1 gets through (issue: caps under a storm)."""
import json
import os
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from daemon import IS_LONG, Daemon, Site, wait_until  # noqa: E402
from web import WebServer  # noqa: E402

START = 1767225600
KEYS = 10000
INCIDENTS = 10000 if IS_LONG else 2000
CONFIG = """
  sources = { s = { fields = { k = "string", kind = "string" }, from = { { file = "%(log)s" } },
                    idle = "1h", lateness = "0s" } },
  outputs = {
    alerts = { file = "alerts.jsonl" },
    voice = { gateway = "%(web)s/voice", kind = "voice", rate = { 1000, "1s" },
              body = '{"number":"{recipient}","title":"{title}","say":"{text}"}' },
    sms = { gateway = "%(web)s/sms", kind = "sms", rate = { 1000, "1s" },
            body = '{"number":"{recipient}","title":"{title}","say":"{text}"}' },
    team = { dingtalk = "%(web)s/team", rate = { 1000, "1s" } },
  },
  people = {
    wang = { reach = { { "voice", "+8613800000000" }, { "sms", "+8613800000000" } } },
  },
  caps = { person = { voice = { { 1, "1m" }, { 20, "1d" } }, sms = { { 4, "1m" }, { 40, "1d" } } },
           bundle = "1s" },
  incidents = { tell = { %(tell)s }, tell_limit = { 5, "10m" } },
  chains = {
    worst = { priority = { "P1" }, steps = { { notify = { "person:wang" }, important = true },
                                             { wait = "1h" } } },
    usual = { priority = { "P2", "P3", "P4", "P5" },
              steps = { { notify = { "person:wang" } }, { wait = "1h" } } },
  },
  listen = { http = false },
"""
RULE = """return rule.group { source = "s", filter = 'kind == "%s"', by = { "kind", "k" },
  statistic = "count", window = "10s", threshold = ">= 1", output = "alerts", severity = "%s"%s }"""


class Storm(unittest.TestCase):
    def start(self, tell):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        self.web = WebServer()
        self.web.usual = (200, '{"errcode":0,"errmsg":"ok"}')
        self.addCleanup(self.web.close)
        self.log = os.path.join(self.root, "s.jsonl")
        config = CONFIG % {"log": self.log, "web": self.web.url(""), "tell": tell}
        site = Site(os.path.join(self.root, "site"), config, {
            "one/1": RULE % ("one", "info", ', incident = { key = { "kind" } }'),
            "many/1": RULE % ("many", "info", ""),
            "worst/1": RULE % ("worst", "critical", "")})
        self.second = 0
        self.write([])
        self.daemon = Daemon(site).start()
        self.addCleanup(self.daemon.stop)

    def write(self, lines):
        """Readings of one window, and one that ends it."""
        with open(self.log, "a", encoding="ascii") as out:
            for kind, key in lines:
                out.write(json.dumps({"time": START + self.second, "kind": kind, "k": key}) + "\n")
            self.second += 10
            out.write(json.dumps({"time": START + self.second, "kind": "end", "k": "z"}) + "\n")

    def got(self, path):
        return [json.loads(one["body"]) for one in self.web.requests if one["path"] == path]

    def wait_got(self, path, *texts):
        wait_until(lambda: [1 for one in self.got(path) if all(text in str(one) for text in texts)],
                   30, "%s at %s" % (texts, path))

    def wait_quiet(self):
        """Nothing is on its way to an output."""
        wait_until(lambda: all(one["waiting"] == 0 for one in
                               self.daemon.call("status")["outputs"]), 60, "the outputs")

    def test_ten_thousand_alerts_are_one_incident_and_few_messages(self):
        self.start('"team"')
        self.write([("one", "k%d" % i) for i in range(KEYS)])
        wait_until(lambda: len(self.daemon.output("alerts.jsonl")) == KEYS, 60, "the alerts")
        self.wait_quiet()
        incidents = self.daemon.call("incident.list")
        self.assertEqual(len(incidents), 1)
        self.assertEqual(incidents[0]["alert_count"], KEYS)
        self.assertEqual(len(self.got("/voice")), 1)
        self.assertEqual(len(self.got("/sms")), 0)
        self.assertLessEqual(len(self.got("/team")), 5)
        # In the middle of it one P1 reaches the person and the team at once.
        self.write([("worst", "w")])
        self.wait_got("/sms", "[P1] Incident #2 opened")
        self.wait_got("/team", "Incident #2 opened")
        self.assertEqual(len(self.got("/voice")), 1, "its minute is not over")

    def test_as_many_incidents_are_few_messages_too(self):
        self.start("")
        began = time.monotonic()
        self.write([("many", "k%d" % i) for i in range(INCIDENTS)])
        wait_until(lambda: self.daemon.call("status")["incidents"]["open"] == INCIDENTS, 120,
                   "the incidents")
        wait_until(lambda: self.daemon.call("status")["paging"]["pages"] == INCIDENTS, 60,
                   "the pages")
        self.daemon.call("incident.set", {"number": INCIDENTS, "field": "priority",
                                          "value": "P1"})
        self.wait_got("/sms", "[P1]", "#%d" % INCIDENTS)
        wait_until(lambda: self.daemon.call("status")["paging"]["held"] == 0, 120, "the bundle")
        self.wait_quiet()
        # A slow machine spreads the storm over more than one of the caps' minutes.
        minutes = 1 + int((time.monotonic() - began) / 60)
        self.assertLessEqual(len(self.got("/voice")), minutes)
        self.assertLessEqual(len(self.got("/sms")), 4 * minutes)
        usage = self.daemon.call("status")["paging"]
        self.assertGreater(usage["pages"], INCIDENTS)
        self.assertLessEqual(usage["sent"], 5 * minutes)
        self.assertGreaterEqual(usage["bundled"], INCIDENTS - 5 * minutes)
        self.assertEqual((usage["dropped"], usage["refused"], usage["failed"]), (0, 0, 0))


if __name__ == "__main__":
    unittest.main()
