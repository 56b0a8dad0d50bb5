#!/usr/bin/env python3
"""Baselines over changes of the clock, missing days and holidays, against past.py; restarts."""
import datetime
import json
import os
import sys
import tempfile
import unittest
from zoneinfo import ZoneInfo

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon import Daemon, Site, tocsin, wait_until  # noqa: E402
from seed import random_of  # noqa: E402
from past import Past  # noqa: E402

NEW_YORK = ZoneInfo("America/New_York")
MARCH, NOVEMBER = datetime.datetime(2026, 3, 5), datetime.datetime(2026, 10, 29)
CONFIG = """
  timezone = "%s",
  sources = { shop = { lateness = "2s", idle = "6h",
                       fields = { shop = "string", amount = "float" } } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
"""


def left(lower):
    return lambda value, reference: value < lower * reference


def outside(lower, upper):
    return lambda value, reference: value < lower * reference or value > upper * reference


def inside(lower, upper):
    return lambda value, reference: lower * reference <= value <= upper * reference


def right(upper):
    return lambda value, reference: value > upper * reference


def rules(zone, holiday):
    """name: (Lua, what it must find)"""
    # How long an incident is open is up to the machine: days are left out by what fired alone.
    head = ('return rule.baseline { source = "shop", output = "alerts", by = { "shop" }, '
            'incident = false, ')
    return {
        "yesterday": (head + """statistic = "count", window = "1h", every = "15m",
            baseline = "same time yesterday", band = { lower = "30%%", upper = "150%%" },
            except = { "%s" }, }""" % holiday,
            Past("yesterday", zone, "count", 3600, 900, ["same time yesterday"],
                 outside(.3, 1.5), excepted=[holiday])),
        "strict": (head + """statistic = "count", window = "30m", every = "10m",
            baseline = { "same time yesterday", "same time last week" }, min_samples = 4,
            band = { lower = "50%", side = "left" }, exclude_incidents = true, }""",
            Past("strict", zone, "count", 1800, 600,
                 ["same time yesterday", "same time last week"], left(.5), min_samples=4,
                 excludes=True)),
        "mean": (head + """field = "amount", statistic = "avg", window = "1h", every = "30m",
            baseline = { "3-day mean", 100 }, against = "any", min_history = "2d",
            band = { upper = "130%", side = "right" }, }""",
            Past("mean", zone, "avg", 3600, 1800, ["3-day mean", 100], right(1.3), is_any=True,
                 min_history=2)),
        "daily": (head + """field = "amount", statistic = "sum", window = "2h", every = "30m",
            baseline = "yesterday", band = { lower = "20%", upper = "40%", side = "inside" },
            exclude_incidents = true, min_samples = 2, }""",
            Past("daily", zone, "sum", 7200, 1800, ["yesterday"], inside(.2, .4), excludes=True,
                 min_samples=2)),
    }


def stream(zone, first, seed):
    """Twelve days of three shops by the clock on the wall: busy at noon, quiet at night. One shop
    is shut for a day, one breaks down for some hours, and on a holiday all sell four times as
    much."""
    rng = random_of("baseline %s" % seed)
    zone = ZoneInfo(zone)
    start = int(first.replace(tzinfo=zone).timestamp()) + 40
    end = int((first + datetime.timedelta(days=12)).replace(tzinfo=zone).timestamp())
    readings, holiday = [], (first + datetime.timedelta(days=8)).date()
    for key, rate in (("north", 1.0), ("south", 2.0), ("west", .4)):
        t = start + rng.randrange(60)
        while t < end:
            clock = datetime.datetime.fromtimestamp(t, zone)
            day = (clock.date() - first.date()).days
            busy = rate * (.15 + max(0, 1 - abs(clock.hour - 13) / 9))
            busy *= 4 if clock.date() == holiday else 1
            if key == "south" and day == 5 and 9 <= clock.hour < 16:
                busy *= .05
            if not (key == "north" and day == 6):
                readings.append((t, key, round(rng.lognormvariate(4.5, .4), 2)))
            t += max(1, int(rng.expovariate(busy) * 300))
    return sorted(readings), holiday.isoformat()


def line_of(reading):
    t, key, number = reading
    when = datetime.datetime.fromtimestamp(t, datetime.timezone.utc)
    return json.dumps({"time": when.strftime("%Y-%m-%dT%H:%M:%SZ"), "shop": key,
                       "amount": number}) + "\n"


def found_by(documents, name):
    found = []
    for document in documents:
        if document["rule"] != name:
            continue
        end = datetime.datetime.fromisoformat(document["window_end"].replace("Z", "+00:00"))
        values = list(document["field_values"])
        found.append((int(end.timestamp()), document["dimension"]["shop"], document["state"],
                      float(values[0]) if values else None,
                      None if document.get("reason") == "no_history" else document["baseline"]))
    return sorted(found)


class Baselines(unittest.TestCase):
    def assert_found(self, documents, past, readings, limit=None):
        expected = sorted(past.alerts(readings, limit))
        found = found_by(documents, past.name)
        self.assertEqual([one[:3] for one in found], [one[:3] for one in expected], past.name)
        for one, other in zip(found, expected):
            if one[2] == "firing":
                self.assertAlmostEqual(one[3], other[3], 6, (past.name, one))
            if other[4] is not None:
                self.assertAlmostEqual(one[4], other[4], 6, (past.name, one))
        return expected

    def replay(self, zone, first, seed):
        readings, holiday = stream(zone, first, seed)
        with tempfile.TemporaryDirectory() as directory:
            known = rules(zone, holiday)
            site = Site(os.path.join(directory, "site"), CONFIG % zone,
                        {name + "/1": lua for name, (lua, _) in known.items()})
            path = os.path.join(directory, "shop.jsonl")
            with open(path, "w", encoding="utf-8") as out:
                out.writelines(map(line_of, readings))
            done = tocsin("replay", "--site", site.directory, "--source", "shop", "--input", path)
            self.assertEqual(done.returncode, 0, done.stderr)
        documents = [json.loads(line) for line in done.stdout.splitlines()]
        for _, past in known.values():
            expected = self.assert_found(documents, past, readings)
            self.assertGreater(len(expected), 3, past.name)

    def test_the_clock_is_put_forward(self):
        self.replay("America/New_York", MARCH, 1)

    def test_the_clock_is_put_back(self):
        self.replay("America/New_York", NOVEMBER, 2)

    def test_half_an_hour_is_enough(self):
        self.replay("Australia/Lord_Howe", datetime.datetime(2026, 3, 30), 3)

    def test_killed_and_restarted_it_finds_the_same(self):
        readings, holiday = stream("America/New_York", MARCH, 4)
        known = rules("America/New_York", holiday)
        rng = random_of("baseline cuts")
        limits = {name: (readings[-1][0] - 2) // past.every * past.every
                  for name, (_, past) in known.items()}
        count = sum(len(past.alerts(readings, limits[name])) for name, (_, past) in known.items())
        cuts = sorted(rng.sample(range(1, len(readings)), 6)) + [len(readings)]
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "shop.jsonl")
            config = CONFIG % "America/New_York"
            config = config.replace("lateness", 'from = { { file = "%s" } }, lateness' % path)
            site = Site(os.path.join(directory, "site"), config,
                        {name + "/1": lua for name, (lua, _) in known.items()})
            open(path, "w", encoding="utf-8").close()
            daemon, done = Daemon(site), 0
            for cut in cuts:
                daemon.start()
                with open(path, "a", encoding="utf-8") as out:
                    out.writelines(map(line_of, readings[done:cut]))
                done = cut
                if cut == len(readings) or rng.random() < .5:
                    daemon.wait_readings("shop", cut)
                if cut < len(readings):
                    daemon.kill()
            wait_until(lambda: len(daemon.output("alerts.jsonl")) >= count, 30, "all alerts")
            daemon.stop()
            documents = daemon.output("alerts.jsonl")
        for name, (_, past) in known.items():
            self.assert_found(documents, past, readings, limits[name])

    def test_an_alert_names_each_reference(self):
        rule = """return rule.baseline { source = "shop", output = "alerts", by = { "shop" },
            statistic = "count", window = "1h", every = "1h", against = "any",
            baseline = { "same time yesterday", "3-day mean", 5 },
            band = { lower = "50%", upper = "400%" },
            message = "{shop}: {count}, {baseline_time} {baseline} ({band}); {references}" }"""
        noon = int(datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.timezone.utc).timestamp())
        readings = [(noon + i, "north", 1) for i in range(10)]
        readings += [(noon + 86400 + i, "north", 1) for i in range(4)]
        readings += [(noon + 86400 + 7200, "clock", 1)]
        with tempfile.TemporaryDirectory() as directory:
            site = Site(os.path.join(directory, "site"), CONFIG % "UTC", {"few/1": rule})
            path = os.path.join(directory, "shop.jsonl")
            with open(path, "w", encoding="utf-8") as out:
                out.writelines(map(line_of, readings))
            done = tocsin("replay", "--site", site.directory, "--source", "shop", "--input", path)
        alert = json.loads(done.stdout.splitlines()[0])
        self.assertEqual(alert["references"], [
            {"time": "same time yesterday", "value": 10, "lower": 5, "upper": 40, "place": "left",
             "fires": True},
            {"time": "3-day mean", "value": None, "fires": False, "why": "not enough history"},
            {"time": "number", "value": 5, "lower": 2.5, "upper": 20, "place": "middle",
             "fires": False}])
        self.assertEqual(alert["message"],
                         "north: 4, same time yesterday 10 (50% to 400%); same time yesterday 10 "
                         "(5 to 40: left), 3-day mean (not enough history), number 5 (2.5 to 20: "
                         "middle)")

    def test_days_of_an_incident_that_another_rule_keeps_open(self):
        known = {
            "quiet/1": """return rule.baseline { source = "shop", output = "alerts",
                by = { "shop" }, statistic = "count", window = "1h", every = "1h",
                baseline = "same time yesterday", band = { lower = "50%" },
                exclude_incidents = true, incident = { key = { "shop" } } }""",
            "broken/1": """return rule.group { source = "shop", output = "alerts",
                by = { "shop" }, field = "amount", statistic = "max", window = "1h",
                threshold = ">= 1000", clear = "< 0", incident = { key = { "shop" } } }""",
        }
        # Each day at noon and at six: readings, and the amount of one more at 23:00.
        days = ((10, 1, None), (4, 5000, None), (8, 1, -5), (4, 1, None))
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "shop.jsonl")
            config = (CONFIG % "UTC").replace("lateness", 'from = { { file = "%s" } }, lateness'
                                              % path)
            open(path, "w", encoding="utf-8").close()
            daemon, count = Daemon(Site(os.path.join(directory, "site"), config, known)), 0
            daemon.start()
            for day, (noon, amount, last) in enumerate(days):
                start = datetime.datetime(2026, 3, 2 + day, tzinfo=datetime.timezone.utc)
                start = int(start.timestamp())
                readings = [(start + 12 * 3600 + i, "north", amount) for i in range(noon)]
                readings += [(start + 18 * 3600 + i, "north", 1) for i in range(10)]
                readings += [(start + 23 * 3600, "north", last)] if last else []
                readings += [(start + 24 * 3600 - 2, "clock", 1)]
                with open(path, "a", encoding="utf-8") as out:
                    out.writelines(map(line_of, readings))
                count += len(readings)
                daemon.wait_readings("shop", count)
                if day == 2:
                    incident = daemon.call("incident.list", {"all": True})[0]
                    self.assertEqual((incident["state"], incident["alert_count"]),
                                     ("RESOLVED", 2))
                    daemon.kill()
                    daemon.start()
            wait_until(lambda: len(daemon.output("alerts.jsonl")) >= 6, 30, "all alerts")
            daemon.stop()
            documents = daemon.output("alerts.jsonl")
        found = [(one["state"], one["window_end"], one["baseline"]) for one in documents
                 if one["rule"] == "quiet"]
        # On the 5th four are less than half of the ten of the 2nd, not of the eight of the 4th.
        self.assertEqual(found, [("firing", "2026-03-03T13:00:00Z", 10),
                                 ("resolved", "2026-03-03T19:00:00Z", 10),
                                 ("firing", "2026-03-05T13:00:00Z", 10),
                                 ("resolved", "2026-03-05T19:00:00Z", 10)])


if __name__ == "__main__":
    unittest.main()
