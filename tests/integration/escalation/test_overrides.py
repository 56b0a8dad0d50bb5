#!/usr/bin/env python3
"""Overrides by command: who is on call in the daemon, in the command line, after kill -9."""
import datetime as dt
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import Daemon, Refused, Site, tocsin  # noqa: E402

SITE = """
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
  people = { wang = { name = "Wang Wei" }, li = { name = "Li Na" }, ann = { name = "Ann" } },
  schedules = {
    payments = { zone = "Asia/Shanghai", layers = { { people = { "wang" } } }, overrides = {
      { person = "ann", from = "2030-01-01T00:00Z", to = "2030-01-02T00:00Z" } } },
    other = { layers = { { people = { "ann" } } } },
  },
"""
TOMORROW = (dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:00Z")


class Overrides(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        self.daemon = Daemon(Site(os.path.join(self.root, "site"), SITE)).start()
        self.addCleanup(self.daemon.stop)

    def oncall(self, *words, code=0, site=None):
        done = tocsin("oncall", *words, "--json", "--state", self.daemon.state, "--site",
                      site or self.daemon.site.directory)
        self.assertEqual(done.returncode, code, (words, done.stdout, done.stderr))
        return done.stderr if code else json.loads(done.stdout), done.stderr

    def who(self, at, schedule="payments"):
        return self.oncall("who", schedule, "--at", at)[0][0]["person"]

    def add(self, *words):
        return self.oncall("override", "add", *words)[0]

    def test_who_and_shifts_know_them_and_a_later_one_wins(self):
        self.assertEqual(self.who("2030-01-01T12:00:00Z"), "ann")
        row = self.add("payments", "li", "--from", "2030-01-01T06:00:00+08:00", "--to",
                       "2030-01-01T10:00:00Z", "--reason", "ill")
        self.assertEqual((row["number"], row["from"], row["reason"]),
                         (1, "2029-12-31T22:00:00Z", "ill"))
        self.add("payments", "wang", "--from", "2030-01-01T09:00:00Z", "--to",
                 "2030-01-01T12:00:00Z")
        shifts, said = self.oncall("shifts", "payments", "--from", "2029-12-31T00:00:00Z", "--to",
                                   "2030-01-03T00:00:00Z")
        self.assertEqual(said, "")
        wanted = [["2029-12-31T00:00:00Z", "wang"], ["2029-12-31T22:00:00Z", "li"],
                  ["2030-01-01T09:00:00Z", "wang"], ["2030-01-01T12:00:00Z", "ann"],
                  ["2030-01-02T00:00:00Z", "wang"]]
        self.assertEqual([[row["from"], row["person"]] for row in shifts], wanted)
        self.assertEqual(self.who("2030-01-01T09:00:00Z", "other"), "ann")
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual([row["person"] for row in self.oncall("override", "list")[0]],
                         ["li", "wang"])
        self.assertEqual(self.who("2030-01-01T08:59:00Z"), "li")
        self.oncall("override", "remove", "1", "--reason", "well again")
        self.assertEqual(self.who("2030-01-01T08:59:00Z"), "ann")
        # A number is not used twice, also when the highest has gone.
        self.oncall("override", "remove", "2")
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(self.add("payments", "li", "--to", TOMORROW)["number"], 3)
        self.assertEqual(self.oncall("who", "payments")[0][0]["person"], "li")
        self.assertEqual([(row["kind"], row["name"], row["action"], row["reason"])
                          for row in reversed(
                              self.daemon.call("audit.list", {"kind": "override"})["rows"])],
                         [("override", "1", "added", "ill"), ("override", "2", "added", ""),
                          ("override", "1", "removed", "well again"),
                          ("override", "2", "removed", ""), ("override", "3", "added", "")])

    def test_without_the_daemon_the_answer_says_what_it_lacks(self):
        self.add("payments", "li", "--to", TOMORROW)
        other = Site(os.path.join(self.root, "other"), SITE)
        rows, said = self.oncall("who", "payments", site=other.directory)
        self.assertEqual(rows[0]["person"], "wang")
        self.assertIn("runs another site", said)
        self.daemon.stop()
        rows, said = self.oncall("who", "payments")
        self.assertEqual(rows[0]["person"], "wang")
        self.assertIn("without overrides that were added by command", said)
        self.assertIn("is \"tocsin run", self.oncall("override", "list", code=4)[0])

    def test_what_makes_no_sense_is_refused(self):
        day = ["--from", "2030-01-01T00:00:00Z", "--to", "2030-01-02T00:00:00Z"]
        for words, code, text in (
                (["nobody", "li"] + day, 5, 'no schedule "nobody"'),
                (["payments", "bob"] + day, 5, 'nobody called "bob"'),
                (["payments", "li", "--to", "2020-01-01T00:00:00Z"], 5, "after now"),
                (["payments", "li", "--to", "2030-01-01T00:00:01Z"], 5, "whole minutes"),
                (["payments", "li", "--to", "2050-01-01T00:00:00Z"], 5, "366 days"),
                (["payments", "li"], 2, "--to TIME"),
                (["payments"] + day, 2, "SCHEDULE PERSON")):
            self.assertIn(text, self.oncall("override", "add", *words, code=code)[0], words)
        for words, code, text in ((["remove", "7"], 5, "no override 7"),
                                  (["remove", "x"], 2, "NUMBER"),
                                  (["swap"], 2, "add, list or remove")):
            self.assertIn(text, self.oncall("override", *words, code=code)[0], words)
        with self.assertRaises(Refused) as caught:
            self.daemon.call("override.add", {"schedule": "payments", "person": "li"})
        self.assertIn("argument to is missing", caught.exception.error)
        self.assertEqual(self.oncall("override", "list")[0], [])


if __name__ == "__main__":
    unittest.main()
