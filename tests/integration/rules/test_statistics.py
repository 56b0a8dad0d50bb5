#!/usr/bin/env python3
"""Every statistic in rules: alert values against plain Python, by replay and by a killed daemon."""
import calendar
import json
import math
import os
import sys
import tempfile
import time
import unittest
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../support"))
sys.path.insert(0, HERE)
from daemon import Daemon, Site, tocsin, wait_until  # noqa: E402
from seed import random_of  # noqa: E402

START_MS = 1767225600000  # 2026-01-01
WINDOW_MS, PANE_MS = 10000, 5000
CONFIG = """
  sources = { s = { from = { { file = "%s" } }, idle = "1h", lateness = "0s",
                    fields = { m = "string", x = "float", c = "any" } } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
"""
RULE = """return require("tocsin.rule").group { source = "s", by = { "m" }, statistic = "%s",%s
  window = "10s", threshold = "> %s", output = "alerts", no_data = "ok" }"""
# Above it whenever there is a value, but where no readings are a value too.
ALWAYS = "-1000000000"
RULES = {
    "count": ("count", None, "0"), "rate": ("rate", None, "0"), "sum": ("sum", "x", ALWAYS),
    "stddev": ("stddev", "x", ALWAYS), "p50": ("p50", "x", ALWAYS),
    "p99_9": ("p99.9", "x", ALWAYS), "first": ("first", "x", ALWAYS),
    "last": ("last", "x", ALWAYS), "distinct": ("distinct", "c", "0"),
    "distinct_numbers": ("distinct", "x", "0"),
}


def value_of(statistic, readings, field):
    if statistic == "count":
        return len(readings)
    if statistic == "rate":
        return len(readings) * 1000 / WINDOW_MS
    if statistic == "distinct":
        return len({(isinstance(r[field], str), r[field]) for r in readings if field in r})
    timed = [(r["t"], place, r[field]) for place, r in enumerate(readings) if field in r]
    if not timed:
        return None
    numbers = sorted(number for _, _, number in timed)
    if statistic == "stddev":
        exact = [Fraction(number) for number in numbers]
        mean = sum(exact) / len(exact)
        return math.sqrt(sum((number - mean) ** 2 for number in exact) / len(exact))
    if statistic.startswith("p"):
        tenths = round(float(statistic[1:]) * 10)
        return numbers[max(1, -(-len(numbers) * tenths // 1000)) - 1]
    return {"sum": lambda: math.fsum(numbers), "first": lambda: min(timed)[2],
            "last": lambda: max(timed)[2]}[statistic]()


def expected(readings):
    """{(window end, rule, key, state): value} of bursts with silence between them."""
    alerts = {}
    last = max(r["t"] for r in readings) // PANE_MS * PANE_MS
    for key in sorted({r["m"] for r in readings}):
        own = [r for r in readings if r["m"] == key]
        for name, (statistic, field, limit) in RULES.items():
            firing = False
            for end in range(START_MS, last + 1, PANE_MS):
                value = value_of(statistic, [r for r in own if end - WINDOW_MS <= r["t"] < end],
                                 field)
                holds = value is not None and value > float(limit)
                if holds != firing:
                    alerts[(end, name, key, "firing" if holds else "resolved")] = value
                firing = holds
    return alerts


def stream(seed, bursts):
    """Bursts of three keys; in each there are numbers, texts and repeated times."""
    draw, now, readings = random_of("statistics %s" % seed), START_MS, []
    for burst in range(bursts):
        burst_end, key = now + draw.randrange(200, 9000), "abc"[burst % 3]
        many = burst % 7 == 3  # more different values than are counted one by one
        while now < burst_end:
            reading = {"t": now, "m": key, "c": "u%d" % draw.randrange(10**6 if many else 40)}
            if draw.random() < 0.9:
                reading["x"] = round(draw.lognormvariate(2, 1.5), 2) - 3
            if draw.random() < 0.1:
                reading["c"] = draw.randrange(5)
            if draw.random() < 0.1:
                del reading["c"]
            readings.append(reading)
            now += draw.choice([0, 0, 1, 3]) if many else draw.choice([0, 40, 900])
        now += 20000
    readings.append({"t": now + 20000, "m": "end"})
    return readings


def line(reading):
    return json.dumps({"time": reading["t"], **{k: v for k, v in reading.items() if k != "t"}})


class Statistics(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        self.input = os.path.join(self.root, "in.jsonl")
        rules = {name + "/1": RULE % (statistic, ' field = "%s",' % field if field else "", limit)
                 for name, (statistic, field, limit) in RULES.items()}
        self.site = Site(os.path.join(self.root, "site"), CONFIG % self.input, rules)

    def compare(self, documents, wanted):
        found = {}
        for document in documents:
            if document["dimension"]["m"] != "end":
                found[(document["t"], document["name"], document["dimension"]["m"],
                       document["state"])] = document.get("value")
        self.assertEqual(sorted(found), sorted(wanted))
        for key, want in wanted.items():
            self.expect_value(key, found[key], want)

    def expect_value(self, key, found, want):
        statistic = RULES[key[1]][0]
        if want is None or key[3] == "resolved" and found is None:
            self.assertIsNone(found, key)
        elif statistic == "stddev":
            self.assertLessEqual(abs(found - want), 1e-9 * want, key)
        elif statistic.startswith("p"):
            self.assertLessEqual(abs(found - want), 0.0078 * abs(want), key)
        elif statistic == "distinct" and want > 384:
            self.assertLessEqual(abs(found / want - 1), 3 * 1.04 / 64, key)
        else:
            self.assertEqual(found, want, key)

    def replay(self):
        done = tocsin("replay", "--site", self.site.directory, "--source", "s", "--input",
                      self.input)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(text) for text in done.stdout.splitlines()]

    def test_replay_finds_what_python_finds(self):
        for seed in range(3):
            readings = stream(seed, 24)
            with open(self.input, "w", encoding="ascii") as out:
                out.writelines(line(reading) + "\n" for reading in readings)
            wanted = expected(readings)
            many = [value for key, value in wanted.items() if key[1] == "distinct" and value]
            self.assertTrue(min(many) < 384 < max(many))
            self.compare(with_times(self.replay()), wanted)

    def test_a_daemon_that_is_killed_again_and_again_tells_what_replay_tells(self):
        readings = stream(9, 12)
        draw = random_of("statistics cuts")
        open(self.input, "w", encoding="ascii").close()
        daemon = Daemon(self.site, os.path.join(self.root, "state"))
        self.addCleanup(daemon.stop)
        at = 0
        while at < len(readings):
            daemon.start()
            count = min(len(readings) - at, draw.randrange(1, len(readings) // 6))
            with open(self.input, "a", encoding="ascii") as out:
                out.writelines(line(reading) + "\n" for reading in readings[at:at + count])
            at += count
            if draw.random() < 0.7 or at == len(readings):
                daemon.wait_readings("s", at)
            if at < len(readings):
                daemon.kill()
        whole = with_times(self.replay())
        self.compare(whole, expected(readings))
        wanted = essences(whole)
        wait_until(lambda: len(essences(daemon.output("alerts.jsonl"))) >= len(wanted), 20,
                   "alerts")
        self.assertEqual(essences(daemon.output("alerts.jsonl")), wanted)


def with_times(documents):
    for document in documents:
        text = document["window_end"]
        document["t"] = calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) * 1000
    return documents


def essences(documents):
    """What has to be the same; of the end itself a replay knows more."""
    return sorted((one["window_end"], one["name"], one["dimension"]["m"], one["state"],
                   str(one.get("value"))) for one in documents if one["dimension"]["m"] != "end")


if __name__ == "__main__":
    unittest.main()
