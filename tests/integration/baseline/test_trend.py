#!/usr/bin/env python3
"""Trends of keys in the engine: slots, references and states, by replay and by a daemon that is
killed. How good the method is, is measured by bench/trend.py."""
import datetime
import json
import os
import sys
import tempfile
import unittest
from zoneinfo import ZoneInfo

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import Daemon, Site, tocsin, wait_until  # noqa: E402
from seed import random_of  # noqa: E402

ZONE = ZoneInfo("America/New_York")
FIRST = datetime.datetime(2026, 3, 2)
BREAK = datetime.datetime(2026, 3, 11, 12, 0)
BREAK_HOURS, SLOT, DAYS = 3, 1800, 11
CONFIG = """
  timezone = "America/New_York",
  sources = { shop = { lateness = "2s", idle = "6h",%s
                       fields = { shop = "string", amount = "float" } } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
"""
RULES = {
    "fall/1": """return rule.group { source = "shop", by = { "shop" }, window = "30m",
        trend = "sudden_drop", min_samples = 10, output = "alerts" }""",
    "dear/1": """return rule.field { source = "shop", field = "amount", statistic = "avg",
        window = "30m", trend = "sudden_rise", output = "alerts" }""",
}


def stream(seed):
    """Two shops, busy at noon by the clock on the wall, which is put forward on the 7th day. For
    three hours of the tenth the north has almost nothing, and prices are five times as high."""
    rng = random_of("trend %s" % seed)
    readings = []
    start = int(FIRST.replace(tzinfo=ZONE).timestamp())
    end = int((FIRST + datetime.timedelta(days=DAYS)).replace(tzinfo=ZONE).timestamp())
    first = int(BREAK.replace(tzinfo=ZONE).timestamp())
    for key, rate in (("north", 60), ("south", 90)):
        for slot in range(start, end, SLOT):
            hour = datetime.datetime.fromtimestamp(slot, ZONE).hour
            count = int(rate * (.4 + max(0, 1 - abs(hour - 13) / 9)) + rng.gauss(0, 3))
            is_broken = first <= slot < first + BREAK_HOURS * 3600
            if is_broken and key == "north":
                count //= 15
            for _ in range(max(count, 0)):
                amount = max(1, rng.gauss(50, 5)) * (5 if is_broken else 1)
                readings.append((slot + rng.randrange(SLOT), key, round(amount, 2)))
    return sorted(readings), first


def lines_of(readings):
    for t, key, amount in readings:
        when = datetime.datetime.fromtimestamp(t, datetime.timezone.utc)
        yield json.dumps({"time": when.strftime("%Y-%m-%dT%H:%M:%SZ"), "shop": key,
                          "amount": amount}) + "\n"


def facts(documents):
    return sorted((d["rule"], d["window_end"], str(d["dimension"]), d["state"], d["message"])
                  for d in documents)


class Trends(unittest.TestCase):
    def replay(self, directory, readings):
        site = Site(os.path.join(directory, "replayed"), CONFIG % "", RULES)
        path = os.path.join(directory, "all.jsonl")
        with open(path, "w", encoding="utf-8") as out:
            out.writelines(lines_of(readings))
        done = tocsin("replay", "--site", site.directory, "--source", "shop", "--input", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_a_break_rings_in_its_first_slot_and_for_its_key(self):
        readings, first = stream(1)
        with tempfile.TemporaryDirectory() as directory:
            documents = self.replay(directory, readings)
        found = {}
        for document in documents:
            end = datetime.datetime.fromisoformat(document["window_end"].replace("Z", "+00:00"))
            # A few days of history tell little: what is rung then is the method's business.
            if end.timestamp() > first - 3 * 86400:
                found.setdefault(document["rule"], []).append(
                    (int(end.timestamp()), document["dimension"].get("shop"), document["state"]))
        after = first + BREAK_HOURS * 3600 + SLOT
        self.assertEqual(found["fall"], [(first + SLOT, "north", "firing"),
                                         (after, "north", "resolved")])
        self.assertEqual(found["dear"], [(first + SLOT, None, "firing"),
                                         (after, None, "resolved")])
        fired = [d for d in documents if d["rule"] == "fall" and d["state"] == "firing"][-1]
        self.assertEqual(fired["threshold"], "sudden_drop")
        self.assertRegex(fired["message"], r"^found \d+, expected \d+(\.\d+)? \(.+\); score ")

    def test_killed_and_restarted_it_finds_the_same(self):
        readings, first = stream(2)
        rng = random_of("trend cuts")
        middle = next(i for i, reading in enumerate(readings) if reading[0] > first + SLOT * 2)
        cuts = sorted(rng.sample(range(1, len(readings)), 3) + [middle, len(readings)])
        with tempfile.TemporaryDirectory() as directory:
            expected = facts(self.replay(directory, readings))
            path = os.path.join(directory, "shop.jsonl")
            site = Site(os.path.join(directory, "site"),
                        CONFIG % (' from = { { file = "%s" } },' % path), RULES)
            open(path, "w", encoding="utf-8").close()
            daemon, done = Daemon(site), 0
            for cut in cuts:
                daemon.start()
                with open(path, "a", encoding="utf-8") as out:
                    out.writelines(lines_of(readings[done:cut]))
                done = cut
                daemon.wait_readings("shop", cut)
                if cut < len(readings):
                    daemon.kill()
            wait_until(lambda: len(daemon.output("alerts.jsonl")) >= len(expected), 30,
                       "all alerts")
            daemon.stop()
            self.assertEqual(facts(daemon.output("alerts.jsonl")), expected)


if __name__ == "__main__":
    unittest.main()
