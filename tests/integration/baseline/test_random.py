#!/usr/bin/env python3
"""Random baseline rules, every kind of reference, band and history, against past.py."""
import datetime
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_baseline as base  # noqa: E402
from daemon import IS_LONG, Daemon, Site, tocsin, wait_until  # noqa: E402
from past import Past  # noqa: E402
from seed import SEED, random_of  # noqa: E402

STREAMS = int(os.environ.get("TOCSIN_ORACLE_STREAMS", "12" if IS_LONG else "2"))
RULES = 10
PLACES = (("America/New_York", base.MARCH), ("America/New_York", base.NOVEMBER),
          ("Australia/Lord_Howe", datetime.datetime(2026, 3, 30)),
          ("Asia/Beirut", datetime.datetime(2026, 3, 24)),
          ("America/Havana", datetime.datetime(2026, 10, 27)),
          ("UTC", datetime.datetime(2026, 6, 1)))
# Shares of which no product with a small whole number is a whole number.
LOWER, UPPER = (.37, .61, .83), (1.13, 1.57, 2.03)


def band_of(rng):
    side = rng.choice(("left", "right", "outside", "inside"))
    low, high = rng.choice(LOWER), rng.choice(UPPER)
    bounds = {"left": 'lower = "%g%%", ' % (low * 100), "right": 'upper = "%g%%", ' % (high * 100)}
    text = bounds.get(side) or bounds["left"] + bounds["right"]
    holds = {"left": base.left(low), "right": base.right(high), "outside": base.outside(low, high),
             "inside": base.inside(low, high)}[side]
    return 'band = { %sside = "%s" }' % (text, side), holds


def references_of(rng, statistic):
    number = {"count": 13.5, "sum": 1500, "avg": 101.5, "max": 250}[statistic]
    choices = ["same time yesterday", "same time last week", "yesterday",
               "%d-day mean" % rng.randrange(2, 8), number]
    return rng.sample(choices, rng.choice((1, 1, 2, 3)))


def random_rule(rng, name, zone, holiday):
    """(Lua, Past)"""
    statistic = rng.choice(("count", "sum", "avg", "max"))
    window, every = rng.choice(((30, 10), (30, 30), (60, 15), (60, 60), (120, 30), (360, 60)))
    references, is_any = references_of(rng, statistic), rng.random() < .4
    days = min([int(r.split("-")[0]) for r in references if "mean" in str(r)] + [4])
    history, samples = rng.randrange(1, days + 1), rng.choice((0, 0, 2, 5))
    excludes, excepted = rng.random() < .4, [holiday] if rng.random() < .4 else []
    text, holds = band_of(rng)
    lua = ['source = "shop"', 'output = "alerts"', 'by = { "shop" }', "incident = false",
           'statistic = "%s"' % statistic, 'every = "%dm"' % every,
           'window = "%s"' % ("%dm" % window if window <= 60 else "%dh" % (window // 60)),
           "baseline = { %s }" % ", ".join('"%s"' % r if isinstance(r, str) else str(r)
                                           for r in references),
           'against = "%s"' % ("any" if is_any else "all"), text,
           'min_history = "%dd"' % history]
    lua += ['field = "amount"'] if statistic != "count" else []
    lua += ["min_samples = %d" % samples] if samples else []
    lua += ["exclude_incidents = true"] if excludes else []
    lua += ['except = { "%s" }' % day for day in excepted]
    return "return rule.baseline { %s }" % ", ".join(lua), Past(
        name, zone, statistic, window * 60, every * 60, references, holds, is_any, history,
        samples, excludes, excepted)


class RandomBaselines(unittest.TestCase):
    assert_found = base.Baselines.assert_found

    def site(self, zone, known, source=""):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "shop.jsonl")
        config = (base.CONFIG % zone).replace("lateness", source + "lateness", 1)
        return Site(os.path.join(folder.name, "site"), config.replace("PATH", self.path),
                    {name + "/1": lua for name, (lua, _) in known.items()})

    def replayed(self, zone, readings, known, _):
        site = self.site(zone, known)
        with open(self.path, "w", encoding="utf-8") as out:
            out.writelines(map(base.line_of, readings))
        done = tocsin("replay", "--site", site.directory, "--source", "shop", "--input", self.path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()], {}

    def killed(self, zone, readings, known, rng):
        limits = {name: (readings[-1][0] - 2) // past.every * past.every
                  for name, (_, past) in known.items()}
        count = sum(len(past.alerts(readings, limits[name])) for name, (_, past) in known.items())
        daemon, done = Daemon(self.site(zone, known, 'from = { { file = "PATH" } }, ')), 0
        open(self.path, "w", encoding="utf-8").close()
        for cut in sorted(rng.sample(range(1, len(readings)), 6)) + [len(readings)]:
            daemon.start()
            with open(self.path, "a", encoding="utf-8") as out:
                out.writelines(map(base.line_of, readings[done:cut]))
            done = cut
            if cut == len(readings) or rng.random() < .7:
                daemon.wait_readings("shop", cut)
            if cut < len(readings):
                (daemon.kill if rng.random() < .7 else daemon.stop)()

        def documents():
            # A kill between sending and its note sends again: same id, same document.
            return list({d["id"]: d for d in daemon.output("alerts.jsonl")}.values())
        try:
            wait_until(lambda: len(documents()) >= count, 10)
        except AssertionError:
            pass  # the comparison tells what is missing
        daemon.stop()
        return documents(), limits

    def test_a_midnight_between_two_boundaries(self):
        zone, first = "Asia/Kolkata", datetime.datetime(2026, 6, 1)
        readings, _ = base.stream(zone, first, 1)
        lua = """return rule.baseline { source = "shop", output = "alerts", by = { "shop" },
            field = "amount", statistic = "avg", window = "1h", every = "1h", incident = false,
            baseline = { "yesterday", "2-day mean" }, band = { lower = "83%", upper = "113%" } }"""
        past = Past("half", zone, "avg", 3600, 3600, ["yesterday", "2-day mean"],
                    base.outside(.83, 1.13))
        documents, _ = self.replayed(zone, readings, {"half": (lua, past)}, None)
        self.assertGreater(len(self.assert_found(documents, past, readings)), 20)

    def test_random_rules(self):
        total = 0
        for number in range(STREAMS):
            rng = random_of("baselines %d" % number)
            zone, first = rng.choice(PLACES)
            readings, holiday = base.stream(zone, first, number)
            known = {"b%d" % i: random_rule(rng, "b%d" % i, zone, holiday) for i in range(RULES)}
            what = "TOCSIN_SEED=%d, stream %d, %s" % (SEED, number, zone)
            run = self.killed if number % 2 else self.replayed
            documents, limits = run(zone, readings, known, rng)
            for name, (lua, past) in known.items():
                with self.subTest(what + ": " + lua):
                    total += len(self.assert_found(documents, past, readings, limits.get(name)))
        print("%d random baseline rules, %d alerts equal" % (STREAMS * RULES, total), flush=True)


if __name__ == "__main__":
    unittest.main()
