#!/usr/bin/env python3
"""A correction beside what fires now: no incident, counted in the status, refused by nothing."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import Daemon, Site, wait_until  # noqa: E402

CONFIG = """
  sources = { pay = { fields = { m = "string" }, from = { { file = "%s" } },
                      lateness = "5s", idle = "1h" } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
"""
RULE = """return rule.group { source = "pay", by = { "m" }, window = "10s", threshold = ">= 3",
                      output = "alerts", late = "correct" }"""
BASE_MS = 1767225600000


class Corrections(unittest.TestCase):
    def feed(self, *readings):
        with open(self.input, "a") as out:
            for second, merchant in readings:
                out.write('{"time":%d,"m":"%s"}\n' % (BASE_MS + second * 1000, merchant))
        self.count += len(readings)
        self.daemon.wait_readings("pay", self.count)

    def test_a_correction_opens_no_incident_and_resolves_nothing(self):
        with tempfile.TemporaryDirectory() as root:
            self.input, self.count = os.path.join(root, "pay.jsonl"), 0
            open(self.input, "w").close()
            self.daemon = Daemon(Site(os.path.join(root, "site"), CONFIG % self.input,
                                      {"r/1": RULE}))
            with self.daemon:
                self.feed((2, "a"), (3, "a"), (40, "z"))
                self.feed((4, "a"))
                self.daemon.kill()
                self.daemon.start()
                self.feed((60, "z"))
                wait_until(lambda: len(self.daemon.output("alerts.jsonl")) == 2)
                found = self.daemon.output("alerts.jsonl")
                self.assertEqual(
                    [(d["window_end"], d["state"], d["value"], d["correction"],
                      d["previous_value"], d["previous_severity"]) for d in found],
                    [("2026-01-01T00:00:%02dZ" % end, "firing", 3, True, 2, None)
                     for end in (5, 10)])
                self.assertEqual(len({d["id"] for d in found}), 2)
                self.assertEqual(self.daemon.call("incident.list", {"all": True}), [])
                row = self.daemon.call("status")["rules"][0]
                self.assertEqual((row["corrections"], row["corrections_lost"]), (2, 0))
                self.assertEqual((row["firing"], row["fired"], row["resolved"]), (0, 0, 0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
