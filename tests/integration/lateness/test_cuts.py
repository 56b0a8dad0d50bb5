#!/usr/bin/env python3
"""Late readings: the same answers wherever a file is cut into bundles. See README.md."""
import json
import os
import random
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
import line_by_line  # noqa: E402
from cuts import LATENESS_MS, CutsCase, epoch_ms  # noqa: E402
from daemon import IS_LONG, tocsin  # noqa: E402
from seed import SEED  # noqa: E402
from line_by_line import Rule  # noqa: E402

BASE_MS = 1767225600000
LINES = 6000

RULES = (
    Rule("short", "return rule.group { %s by = { 'm' }, window = '10s', threshold = '>= 6' }",
         10, lambda n: n >= 6, by="m"),
    Rule("sums", """return rule.group { %s by = { 'm' }, field = 'v', statistic = 'sum',
         window = '1m', every = '15s', threshold = '> 260', filter = 'ok' }""",
         60, lambda n: n > 260, passes=lambda r: r["ok"], by="m", field="v", every_s=15),
    Rule("script_filter", """return rule.group { %s by = { 'm' }, window = '30s',
         threshold = '>= 7', filter = function(r) return r.v %% 2 == 1 end }""",
         30, lambda n: n >= 7, passes=lambda r: r["v"] % 2 == 1, by="m"),
    Rule("silence", "return rule.count { %s window = '10s', threshold = '< 1', filter = 'v == 7' }",
         10, lambda n: n < 1, passes=lambda r: r["v"] == 7),
    Rule("few", "return rule.count { %s window = '5s', threshold = '< 9' }", 5, lambda n: n < 9),
    Rule("long", """return rule.group { %s by = { 'm' }, window = '2h', threshold = '>= 400',
         filter = 'not ok' }""", 7200, lambda n: n >= 400, passes=lambda r: not r["ok"], by="m"),
    Rule("again", """return rule.group { %s by = { 'm' }, window = '10s', threshold = '>= 6',
         filter = 'v >= 0', late = 'correct' }""", 10, lambda n: n >= 6, by="m", corrects=True),
    Rule("again_levels", """return rule.group { %s by = { 'm' }, field = 'v', statistic = 'sum',
         window = '1m', every = '15s', severities = { warning = '> 260', critical = '> 420' },
         filter = 'ok and v >= 0', late = 'correct' }""",
         60, (lambda n: n > 260, lambda n: n > 420),
         passes=lambda r: r["ok"], by="m", field="v", every_s=15, corrects=True,
         severities=("warning", "critical")),
    Rule("again_script_filter", """return rule.group { %s by = { 'm' }, window = '30s',
         threshold = '>= 7', filter = function(r) return r.v %% 2 ~= 0 end, late = 'correct' }""",
         30, lambda n: n >= 7, passes=lambda r: r["v"] % 2 == 1, by="m", corrects=True),
    Rule("again_few", """return rule.count { %s window = '5s', threshold = '< 9', filter = 'v >= 0',
         late = 'correct' }""", 5, lambda n: n < 9, corrects=True),
    Rule("again_long", """return rule.group { %s by = { 'm' }, window = '2h', threshold = '>= 400',
         filter = 'not ok and v >= 0', late = 'correct' }""", 7200, lambda n: n >= 400,
         passes=lambda r: not r["ok"], by="m", corrects=True),
)


def make_readings(rng):
    """A clock that goes on in small steps and a few leaps; a third of the readings is behind it,
    some of them by more than any pane is kept."""
    clock, readings = BASE_MS + rng.randrange(100000), []
    for _ in range(LINES):
        clock += rng.choice((0, 0, 10, 300, 600, 1200)) + (rng.random() < 0.003) * 97000
        behind = rng.choice((0, 0, 0, 0, 0, 0, 2000, 4000, 12000, 45000))
        if rng.random() < 0.02:
            behind = 8 * 3600000 if rng.random() < 0.3 else 200000
        readings.append({"t": clock - int(behind * rng.random()), "m": "m%d" % rng.randrange(4),
                         "v": rng.randrange(40), "ok": rng.random() < 0.5})
    return readings


def make_lines(rng, readings):
    return [b'{"time":%d,"m":"%s","v":%d,"ok":%s,"pad":"%s"}\n'
            % (r["t"], r["m"].encode(), r["v"], b"true" if r["ok"] else b"false",
               b"x" * rng.randrange(1600)) for r in readings]


class Cuts(CutsCase):
    rules = RULES

    def make(self, seed):
        self.rng = random.Random("%d %s" % (SEED, seed))
        readings = make_readings(self.rng)
        self.lines = make_lines(self.rng, readings)
        alerts, late, dropped = line_by_line.run(RULES, readings, LATENESS_MS)
        self.finite = line_by_line.run(RULES, readings, LATENESS_MS, is_finite=True)
        self.alerts, self.counts = alerts, (late, dropped)
        self.assertGreater(late, 500)
        self.assertGreater(dropped, 50)
        self.assertEqual({alert[0] for alert in alerts}, {rule.name for rule in RULES})
        for state in ("firing", "resolved"):
            self.assertGreater(sum(a[3] == state and a[6] is not None for a in alerts), 10)

    def fact(self, d):
        by = {rule.name: rule.by for rule in RULES}
        return (d["rule"], epoch_ms(d["window_end"]), d["dimension"]["m"] if by[d["rule"]] else "",
                d["state"], d["value"], d["severity"],
                (d["previous_value"], d["previous_severity"]) if d.get("correction") else None)

    def check_daemon(self, daemon, what):
        row = daemon.source("pay")
        self.assertEqual((row["late"], row["late_dropped"]), self.counts,
                         "%s, TOCSIN_SEED=%d" % (what, SEED))
        super().check_daemon(daemon, what)

    def test_every_cut_gives_the_same(self):
        for run in range(6 if IS_LONG else 1):
            self.make(run)
            rng = self.rng
            for readers in (0, 1, 2, 4):
                self.daemon_run("whole", readers, None)
            self.daemon_run("lines", 1, lambda: rng.choice((1, 2, 5, 40)))
            self.daemon_run("pieces", 0, lambda: rng.randrange(1, 900))
            self.daemon_run("pieces", 2, lambda: rng.choice((1, 300, 2500)))
            for readers in (0, 1, 2, 4):
                self.daemon_run("kills", readers, lambda: rng.choice((3, 70, 900)), kills=3)

    def test_a_replay_agrees(self):
        self.make("replay")
        site = self.site(1)
        self.write_all()
        done = tocsin("replay", "--site", site.directory, "--source", "pay", "--input", self.input)
        self.assertEqual(done.returncode, 0, done.stderr)
        alerts, _, dropped = self.finite
        self.assertIn("%d readings came too late" % dropped, done.stderr)
        self.check_alerts([json.loads(line) for line in done.stdout.splitlines()], alerts,
                          "replay")


if __name__ == "__main__":
    unittest.main(verbosity=2)
