#!/usr/bin/env python3
"""Every statistic of tocsin query against the definition in docs/query.md, in plain Python."""

import collections
import csv
import datetime
import io
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import unittest
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from seed import random_of  # noqa: E402

BINARY = os.environ.get("TOCSIN_BIN", "build/tocsin")
START_MS = 1795327200000  # 2026-11-22T06:00:00Z
PERCENTILE_ERROR = 0.0078
DISTINCT_EXACT = 384
DISTINCT_ERROR = 3 * 1.04 / math.sqrt(4096)
STATS = ("count, rate, sum(x), avg(x), min(x), max(x), stddev(x), distinct(c), distinct(x), "
         "first(x), last(x), p0.1(x), p50(x), p90(x), p99.9(x)")


def time_text(ms):
    moment = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + ".%03dZ" % (ms % 1000)


def deviation(numbers):
    exact = [Fraction(number) for number in numbers]
    mean = sum(exact) / len(exact)
    return math.sqrt(sum((number - mean) ** 2 for number in exact) / len(exact))


def rank_of(numbers, percent):
    ordered = sorted(numbers)
    tenths = round(percent * 10)
    return ordered[max(1, -(-len(ordered) * tenths // 1000)) - 1]


class Window:
    """The readings of one window and group, in the order in which they were read."""

    def __init__(self):
        self.readings = []

    def add(self, reading):
        self.readings.append(reading)

    def expected(self, name, seconds):
        statistic, _, field = name.rstrip(")").partition("(")
        if statistic == "count":
            return len(self.readings)
        if statistic == "rate":
            return len(self.readings) / seconds
        if statistic == "distinct":
            values = [reading.get(field) for reading in self.readings]
            kinds = {str: "text", bool: "truth", int: "number", float: "number"}
            return len({(kinds[type(value)], value) for value in values if value is not None})
        timed = [(reading["ms"], place, reading[field])
                 for place, reading in enumerate(self.readings)
                 if type(reading.get(field)) in (int, float)]
        numbers = [number for _, _, number in timed]
        if not numbers:
            return None
        if statistic.startswith("p"):
            return rank_of(numbers, float(statistic[1:]))
        return {"sum": lambda: math.fsum(numbers),
                "avg": lambda: math.fsum(numbers) / len(numbers),
                "min": lambda: min(numbers), "max": lambda: max(numbers),
                "stddev": lambda: deviation(numbers),
                "first": lambda: min(timed)[2], "last": lambda: max(timed)[2]}[statistic]()


class StatisticsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "readings.jsonl")

    def write(self, readings):
        with open(self.path, "w", encoding="utf-8") as out:
            for reading in readings:
                fields = {key: value for key, value in reading.items() if key != "ms"}
                out.write(json.dumps({"time": time_text(reading["ms"]), **fields}) + "\n")

    def query(self, *args):
        result = subprocess.run([BINARY, "query", self.path, *args], capture_output=True,
                                check=False, timeout=300)
        self.assertEqual(result.returncode, 0, result.stderr)
        return list(csv.DictReader(io.StringIO(result.stdout.decode())))

    def expect(self, name, found, want):
        if want is None:
            self.assertEqual(found, "", name)
            return
        found = float(found)
        if name.startswith("p"):
            self.assertLessEqual(abs(found - want), PERCENTILE_ERROR * abs(want), name)
        elif name.startswith("stddev"):
            self.assertLessEqual(abs(found - want), 1e-9 * want, name)
        elif name.startswith("distinct") and want > DISTINCT_EXACT:
            self.assertLessEqual(abs(found / want - 1), DISTINCT_ERROR, name)
        else:
            self.assertEqual(found, want, name)

    def expect_rows(self, readings, every_s, window_s, by="m"):
        """All rows of windows of `window_s` at every `every_s`."""
        windows = collections.defaultdict(Window)
        for reading in readings:
            step = reading["ms"] // (every_s * 1000)
            for ago in range(window_s // every_s):
                start_ms = (step - ago) * every_s * 1000
                windows[(time_text(start_ms)[:-5] + "Z", reading[by])].add(reading)
        rows = self.query("--by", by, "--every", "%ds" % every_s, "--window", "%ds" % window_s,
                          "--stat", STATS)
        self.assertEqual(len(rows), len(windows))
        for row in rows:
            window = windows[(row["window_start"], row[by])]
            for name in STATS.split(", "):
                self.expect(name, row[name], window.expected(name, window_s))

    def readings(self, count, number, clients, step_ms=37, late_ms=3000, seed=5):
        rng = random_of("query %s" % seed)
        for index in range(count):
            late = rng.randrange(late_ms) if rng.random() < 0.2 else 0
            reading = {"ms": START_MS + max(0, index * step_ms - late), "m": rng.choice("abc"),
                       "c": "u%d" % rng.randrange(clients), "x": number(rng)}
            if rng.random() < 0.05:
                reading["x"] = rng.choice([None, "seven", True])
            if rng.random() < 0.05:
                del reading["c"]
            yield reading

    def check(self, number, clients=2000, count=9000, every_s=60, window_s=60, **options):
        readings = list(self.readings(count, number, clients, **options))
        self.write(readings)
        self.expect_rows(readings, every_s, window_s)

    def test_amounts_of_money(self):
        self.check(lambda rng: rng.randrange(1, 100000) / 100)

    def test_times_with_a_long_tail(self):
        self.check(lambda rng: rng.lognormvariate(3, 2))

    def test_both_signs_and_zero(self):
        self.check(lambda rng: rng.randrange(-50, 50) * rng.choice([1, 1e-3, 1e6]))

    def test_nearly_the_same_number_far_from_zero(self):
        self.check(lambda rng: 12345678 + rng.random())

    def test_whole_numbers_and_their_floats(self):
        self.check(lambda rng: rng.choice([1, 1.0, 2, 2.5, 3000000000, 3e9]))

    def test_many_times_alike(self):
        self.check(lambda rng: rng.randrange(1000), step_ms=1, late_ms=50, count=20000)

    def test_sliding_windows(self):
        self.check(lambda rng: rng.lognormvariate(0, 1), every_s=5, window_s=30, clients=300)

    def test_sliding_windows_with_gaps(self):
        self.check(lambda rng: rng.gauss(0, 3), every_s=5, window_s=20, step_ms=2500, count=1500)

    def test_many_different_values(self):
        self.check(lambda rng: rng.random(), clients=10**9, count=60000, step_ms=3)

    def test_all_time_and_no_groups(self):
        readings = list(self.readings(5000, lambda rng: rng.expovariate(0.01), 100))
        window = Window()
        for reading in readings:
            window.add(reading)
        self.write(readings)
        names = [name for name in STATS.split(", ") if name != "rate"]
        row, = self.query("--stat", ", ".join(names))
        for name in names:
            self.expect(name, row[name], window.expected(name, None))
        self.assertAlmostEqual(
            float(row["stddev(x)"]),
            statistics.pstdev(r["x"] for r in readings if type(r.get("x")) in (int, float)), 6)

    def test_rows_do_not_depend_on_how_many_files_there_are(self):
        readings = list(self.readings(20000, lambda rng: rng.gauss(0, 1e6), 5000, late_ms=1))
        self.write(readings)
        args = ("--by", "m", "--every", "1m", "--stat", STATS, "--lateness", "1h")
        whole = self.query(*args)
        parts = []
        for part in range(7):
            self.path = os.path.join(self.folder.name, "part%d.jsonl" % part)
            self.write(readings[part * 3000:(part + 1) * 3000])
            parts.append(self.path)
        self.path, *others = parts
        self.assertEqual(self.query(*others, *args), whole)

    def test_having(self):
        readings = list(self.readings(9000, lambda rng: rng.gauss(100, 20), 500))
        self.write(readings)
        args = ("--by", "m", "--every", "10s", "--stat", STATS)
        rows = self.query(*args)
        for condition, holds in [
                ("p90(x) > 125", lambda row: float(row["p90(x)"]) > 125),
                ("distinct(c) >= 80", lambda row: float(row["distinct(c)"]) >= 80),
                ("rate > 9 and stddev(x) < 20",
                 lambda row: float(row["rate"]) > 9 and float(row["stddev(x)"]) < 20),
                ("last(x) < 100", lambda row: float(row["last(x)"]) < 100)]:
            with self.subTest(condition=condition):
                kept = [row for row in rows if holds(row)]
                self.assertEqual(self.query(*args, "--having", condition), kept)
                self.assertTrue(0 < len(kept) < len(rows), len(kept))

    def test_distinct_of_a_text_field_is_no_type_error(self):
        self.write(self.readings(100, lambda rng: 1, 10))
        result = subprocess.run([BINARY, "query", self.path, "--stat", "distinct(c), distinct(m)"],
                                capture_output=True, check=False, timeout=60)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(result.stdout.decode().splitlines()[1], ",10,3")


if __name__ == "__main__":
    unittest.main()
