#!/usr/bin/env python3
"""Incidents by black box: people's commands, stale revisions, kill -9 between them."""
import json
import os
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from daemon import IS_LONG, Daemon, Refused, Site, tocsin, wait_until  # noqa: E402
from seed import SEED, random_of  # noqa: E402

START = 1767225600
CONFIG = """
  sources = { s = { fields = { k = "string" }, from = { { file = "%s" } }, idle = "1h",
                    lateness = "0s" } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
  category_field = "k",
  categories = { noodles = { parent = "food", members = { "a", "b" } },
                 rice = { parent = "food", members = { "c" } }, food = {} },
  incidents = { %s },
"""
# Fires for 6 readings of one key in 10 seconds.
RULE = """return rule.group { source = "s", by = { "k" }, statistic = "count", window = "10s",
  threshold = ">= 6", output = "alerts" }"""
# state, command: the state after it; what is not here is refused
DRAWN = {
    ("OPEN", "ack"): "ACKED", ("OPEN", "handle"): "HANDLING", ("OPEN", "mitigate"): "MITIGATED",
    ("OPEN", "resolve"): "RESOLVED", ("OPEN", "cancel"): "CANCELLED",
    ("ACKED", "unack"): "OPEN", ("ACKED", "handle"): "HANDLING",
    ("ACKED", "mitigate"): "MITIGATED", ("ACKED", "resolve"): "RESOLVED",
    ("ACKED", "cancel"): "CANCELLED", ("HANDLING", "mitigate"): "MITIGATED",
    ("HANDLING", "resolve"): "RESOLVED", ("HANDLING", "cancel"): "CANCELLED",
    ("MITIGATED", "resolve"): "RESOLVED", ("MITIGATED", "reopen"): "OPEN",
    ("RESOLVED", "close"): "CLOSED", ("RESOLVED", "reopen"): "OPEN",
}
COMMANDS = ["ack", "unack", "handle", "mitigate", "resolve", "cancel", "reopen", "close",
            "approve", "reject"]


class Incidents(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name

    def start(self, keys, settings=""):
        log = os.path.join(self.root, "s.jsonl")
        site = Site(os.path.join(self.root, "site"), CONFIG % (log, settings), {"busy/1": RULE})
        with open(log, "w", encoding="ascii") as out:
            for at in range(6):
                for key in keys:
                    out.write(json.dumps({"time": START + at, "k": key}) + "\n")
            out.write(json.dumps({"time": START + 10, "k": "z"}) + "\n")
        daemon = Daemon(site).start()
        self.addCleanup(daemon.stop)
        return daemon

    def wait_open(self, daemon, count):
        return wait_until(lambda: len(daemon.call("incident.list")) == count and
                          daemon.call("incident.list"), 30, "%d incidents" % count)

    def check_timeline(self, shown):
        revisions = [one["revision"] for one in shown["timeline"]]
        self.assertEqual(revisions, list(range(1, shown["revision"] + 1)), shown["number"])
        for before, after in zip(shown["timeline"], shown["timeline"][1:]):
            if before["state"] != after["state"]:
                self.assertIn(after["state"], [to for (state, _), to in DRAWN.items()
                                               if state == before["state"]])

    def command(self, daemon, draw, known, seen):
        """One command of one person; what the incident is then goes to `known`."""
        number, name, person = draw.choice(list(known)), draw.choice(COMMANDS), draw.randrange(3)
        before = known[number]
        if draw.random() < 0.7:
            seen[person, number] = before["revision"]
        revision = seen.get((person, number), 1)
        wanted = DRAWN.get((before["state"], name))
        if before["acked_by"] and name == "ack":
            wanted = None
        try:
            after = daemon.call("incident." + name, {"number": number, "revision": revision,
                                                     "reason": "so"})
        except Refused as refusal:
            self.assertIn(before["state"], refusal.error)
            self.assertEqual(refusal.code, "ERR_CONFLICT")
            self.assertTrue(revision != before["revision"] or wanted is None, refusal.error)
            return 0
        self.assertEqual(revision, before["revision"])
        self.assertEqual(after["state"], wanted, (before["state"], name))
        self.assertEqual(after["revision"], before["revision"] + 1)
        known[number] = after
        return 1

    def test_what_was_answered_survives_kill_9(self):
        draw, seen, done = random_of("incidents"), {}, 0
        daemon = self.start(["a", "b", "c", "d", "e", "f", "g", "h"])
        known = {one["number"]: daemon.call("incident.show", {"number": one["number"]})
                 for one in self.wait_open(daemon, 8)}
        for _ in range(40 if IS_LONG else 5):
            for _ in range(draw.randrange(1, 30)):
                done += self.command(daemon, draw, known, seen)
            daemon.kill()
            daemon.start()
            for number, wanted in known.items():
                shown = daemon.call("incident.show", {"number": number})
                self.assertEqual(shown, wanted, "seed %d" % SEED)
                self.check_timeline(shown)
        self.assertGreater(done, 10)

    def cli(self, daemon, *words, code=0):
        done = tocsin("incident", *words, "--state", daemon.state)
        self.assertEqual(done.returncode, code, (words, done.stdout, done.stderr))
        return done.stderr if code else done.stdout

    def test_each_command_of_the_command_line(self):
        daemon = self.start(["a", "b", "c", "d"], 'resolve = "all"')
        self.wait_open(daemon, 4)
        self.cli(daemon, "ack", "1", "--rev", "1", "--reason", "mine")
        self.assertIn("ACKED at revision 2, not 1",
                      self.cli(daemon, "handle", "1", "--rev", "1", code=5))
        self.cli(daemon, "unack", "1")
        self.cli(daemon, "handle", "1")
        self.cli(daemon, "assign", "1", "wang")
        self.cli(daemon, "role", "1", "commander", "li")
        self.assertIn("no role", self.cli(daemon, "role", "1", "cook", "li", code=2))
        self.cli(daemon, "comment", "1", "the cache is cold")
        self.cli(daemon, "set", "1", "priority", "P1")
        self.cli(daemon, "snooze", "1", "30m")
        self.cli(daemon, "merge", "2", "1")
        self.cli(daemon, "mitigate", "1")
        self.cli(daemon, "resolve", "1")
        self.assertIn("needs a reason", self.cli(daemon, "reopen", "1", code=5))
        self.cli(daemon, "reopen", "1", "--reason", "not over")
        self.cli(daemon, "resolve", "1")
        self.cli(daemon, "close", "1")
        self.cli(daemon, "cancel", "3", "--reason", "a test of the provider")
        shown = json.loads(self.cli(daemon, "show", "1", "--json"))
        self.assertEqual([shown[name] for name in ("state", "priority", "commander", "merchants")],
                         ["CLOSED", "P1", "li", ["a", "b"]])
        self.check_timeline_kinds(shown)
        self.assertIn("the cache is cold", self.cli(daemon, "timeline", "1"))
        rows = json.loads(self.cli(daemon, "stats", "--since", "1d", "--by", "category", "--json"))
        self.assertEqual([(row["category"], row["incidents"]) for row in rows],
                         [(None, 2), ("noodles", 1), ("food", 1)])
        self.assertIn("mttr", self.cli(daemon, "stats"))

    def check_timeline_kinds(self, shown):
        self.assertEqual([one["kind"] for one in shown["timeline"]],
                         ["opened", "acked", "unacked", "handling", "assigned", "edited",
                          "commented", "raised", "snoozed", "took_in", "mitigated", "resolved",
                          "reopened", "resolved", "closed"])

    def test_candidates_are_approved_or_rejected(self):
        daemon = self.start(["a", "b"], 'approve = { "busy" }')
        listed = self.wait_open(daemon, 2)
        self.assertEqual({one["state"] for one in listed}, {"CANDIDATE"})
        self.cli(daemon, "approve", "1")
        self.cli(daemon, "reject", "2", "--reason", "known")
        self.assertEqual([(one["number"], one["state"]) for one in daemon.call("incident.list")],
                         [(1, "OPEN")])

    def test_siblings_open_at_the_parent(self):
        daemon = self.start(["a", "c"], 'siblings = { count = 2, within = "10m" }')
        listed = wait_until(lambda: [one for one in daemon.call("incident.list")
                                     if one["category"] == "food"], 30, "the parent's incident")
        self.assertEqual(listed[0]["firing_count"], 2)
        self.assertEqual(daemon.call("incident.show", {"number": 1})["state"], "MERGED")


if __name__ == "__main__":
    unittest.main()
