#!/usr/bin/env python3
"""Who is on call: the program against a calculation with zoneinfo."""
import datetime as dt
import json
import os
import random
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import tocsin  # noqa: E402
from rotation import FIXED, PEOPLE, lua, walk  # noqa: E402

SEED = int(os.environ.get("TOCSIN_SEED", random.randrange(1 << 31)))
SPANS = [("2026-03-01T00:00:00+00:00", "2026-04-01T00:00:00+00:00"),
         ("2025-10-10T00:00:00+00:00", "2025-11-10T00:00:00+00:00")]


def random_schedule(dice):
    def clock(last):
        return "%02d:%02d" % (dice.randrange(last), dice.choice([0, 15, 30, 45]))

    layers = []
    for _ in range(dice.randint(1, 4)):
        row = {"people": dice.sample(PEOPLE, dice.randint(1, 4)),
               "starts": "2026-03-%02dT%s" % (dice.randint(1, 20), clock(24)),
               "every": dice.choice(["1h", "5h", "8h", "12h", "1d", "2d", "7d"])}
        if dice.random() < 0.6:
            row["days"] = dice.choice(["mon-fri", "sat,sun", "sun", "fri-mon", "wed"])
        if dice.random() < 0.6:
            row["from"], row["to"] = clock(12), "%02d:15" % dice.randrange(12, 24)
            if dice.random() < 0.5:
                row["from"], row["to"] = row["to"], row["from"]
        if dice.random() < 0.4:
            row["except"] = ["2026-03-%02d" % dice.randint(1, 31)]
        layers.append(row)
    return {"zone": dice.choice(["Asia/Shanghai", "America/New_York", "Europe/Berlin",
                                 "Australia/Lord_Howe", "Asia/Kathmandu"]), "layers": layers}


class OnCall(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.site = directory.name

    def write(self, schedules):
        people = {name: {"name": name.title()} for name in PEOPLE}
        with open(os.path.join(self.site, "tocsin.lua"), "w", encoding="utf-8") as out:
            out.write("return { people = %s, schedules = %s }" % (lua(people), lua(schedules)))

    def oncall(self, *arguments):
        done = tocsin("oncall", *arguments, "--json", "--site", self.site)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def compare(self, name, schedule, start, end):
        found = self.oncall("shifts", name, "--from", start, "--to", end)
        found = [[dt.datetime.fromisoformat(row["from"].replace("Z", "+00:00")),
                  dt.datetime.fromisoformat(row["to"].replace("Z", "+00:00")),
                  row["person"]] for row in found]
        expected = walk(schedule, dt.datetime.fromisoformat(start),
                        dt.datetime.fromisoformat(end))
        self.assertEqual(found, expected, "%s, seed %d" % (schedule, SEED))
        return found

    def test_a_month_in_three_zones_with_changes_of_the_clock_holidays_and_overrides(self):
        self.write(FIXED)
        for start, end in SPANS:
            for name, schedule in FIXED.items():
                with self.subTest(name=name, start=start):
                    shifts = self.compare(name, schedule, start, end)
                    self.assertGreater(len(shifts), 10)

    def test_random_schedules(self):
        dice = random.Random(SEED)
        schedules = {"s%d" % i: random_schedule(dice) for i in range(12)}
        self.write(schedules)
        for name, schedule in schedules.items():
            self.compare(name, schedule, *SPANS[0])

    def test_who_is_the_one_of_the_shift(self):
        self.write(FIXED)
        rows = self.oncall("who", "--at", "2026-03-12T03:00:00+08:00")
        self.assertEqual([(row["schedule"], row["person"], row["name"]) for row in rows][2],
                         ("shanghai", "ann", "Ann"))
        one = self.oncall("who", "shanghai", "--at", "2026-03-12T06:00:00+08:00")
        self.assertEqual([row["person"] for row in one], ["bob"])
        before = self.oncall("who", "shanghai", "--at", "2025-01-01T00:00:00Z")
        self.assertEqual([row["person"] for row in before], [None])
        self.assertEqual([row["layers"] for row in self.oncall("list")], [2, 2, 2])

    def test_wrong_use_is_refused(self):
        self.write(FIXED)
        for words, code, text in (
                (["who", "nobody"], 1, 'no schedule "nobody"; it has berlin, new_york, shanghai'),
                (["shifts"], 2, "shifts wants the name of a schedule"),
                (["shifts", "berlin", "--from", "2026-01-01T00:00:00Z", "--to",
                  "2026-04-03T00:01:00Z"], 2, "by at most 92 days"),
                (["who", "--at", "noon"], 2, "a TIME is like"),
                (["ring"], 2, "wants who, shifts, list, override, chains, rehearse")):
            done = tocsin("oncall", *words, "--site", self.site)
            self.assertEqual((done.returncode, done.stdout), (code, ""))
            self.assertIn(text, done.stderr)

    def test_a_site_without_schedules_says_so(self):
        self.write({})
        done = tocsin("oncall", "who", "--site", self.site)
        self.assertEqual(done.returncode, 0)
        self.assertIn("the site has no schedules: see docs/on-call.md", done.stderr)


if __name__ == "__main__":
    unittest.main()
