#!/usr/bin/env python3
"""Late readings: the same answers wherever a file is cut into bundles. See README.md."""
import calendar
import json
import os
import random
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
import line_by_line  # noqa: E402
from daemon import IS_LONG, Daemon, Site, tocsin, wait_until  # noqa: E402
from seed import SEED  # noqa: E402
from line_by_line import Rule  # noqa: E402

LATENESS_MS = 3500
BASE_MS = 1767225600000
LINES = 6000

CONFIG = """
  sources = { pay = {
    fields = { m = "string", v = "int", ok = "bool" },
    from = { { file = "%s" } }, lateness = "3500ms", idle = "1h" } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  ingest = { readers = %d },
  listen = { http = false },
"""
COMMON = 'source = "pay", output = "alerts", incident = false,'
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


class Cuts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.number = 0

    def make(self, seed):
        self.rng = random.Random("%d %s" % (SEED, seed))
        readings = make_readings(self.rng)
        self.lines = make_lines(self.rng, readings)
        alerts, late, dropped = line_by_line.run(RULES, readings, LATENESS_MS)
        self.finite = line_by_line.run(RULES, readings, LATENESS_MS, is_finite=True)
        self.expected = (late, dropped, alerts)
        self.assertGreater(late, 500)
        self.assertGreater(dropped, 50)
        self.assertEqual({alert[0] for alert in alerts}, {rule.name for rule in RULES})
        for state in ("firing", "resolved"):
            self.assertGreater(sum(a[3] == state and a[6] is not None for a in alerts), 10)

    def site(self, readers):
        self.number += 1
        folder = os.path.join(self.root, str(self.number))
        os.mkdir(folder)
        self.input = os.path.join(folder, "pay.jsonl")
        return Site(os.path.join(folder, "site"), CONFIG % (self.input, readers),
                    {rule.name + "/1": rule.lua % COMMON for rule in RULES})

    def facts(self, documents):
        by = {rule.name: rule.by for rule in RULES}
        return sorted(((d["rule"], self.ms(d["window_end"]),
                        d["dimension"]["m"] if by[d["rule"]] else "", d["state"],
                        d["value"], d["severity"],
                        (d["previous_value"], d["previous_severity"]) if d.get("correction")
                        else None) for d in documents), key=str)

    @staticmethod
    def ms(text):
        whole = time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
        hours, minutes = (int(text[-5:-3]), int(text[-2:])) if text[-1] != "Z" else (0, 0)
        zone = (-1 if text[-6] == "-" else 1) * (hours * 60 + minutes) * 60
        return (calendar.timegm(whole) - zone) * 1000

    def check(self, late, dropped, documents, expected, what):
        self.assertEqual((late, dropped), expected[:2], "%s, TOCSIN_SEED=%d" % (what, SEED))
        found = self.facts(documents)
        if found != expected[2]:
            missing = [a for a in expected[2] if a not in found]
            extra = [a for a in found if a not in expected[2]]
            self.fail("%s, TOCSIN_SEED=%d: missing %s, too much %s, %d of %d"
                      % (what, SEED, missing[:5], extra[:5], len(found), len(expected[2])))

    def feed(self, daemon, sizes, kills):
        """Appends pieces of `sizes` lines, waiting for some of them, with kills in between."""
        at, given = 0, 0
        with open(self.input, "ab", buffering=0) as out:
            while at < len(self.lines):
                size = sizes()
                out.write(b"".join(self.lines[at:at + size]))
                at += size
                if self.rng.random() < 0.3:
                    daemon.wait_readings("pay", min(at, len(self.lines)))
                if given < kills and self.rng.random() < 4 * kills * size / len(self.lines):
                    given += 1
                    (daemon.kill if self.rng.random() < 0.7 else daemon.stop)()
                    daemon.start()

    def wait_alerts(self, daemon):
        """What is committed is handed to the outbox a moment later; check() tells what is wrong."""
        try:
            wait_until(lambda: len(daemon.output("alerts.jsonl")) >= len(self.expected[2]), 20)
        except AssertionError:
            pass
        wait_until(lambda: daemon.call("status")["outputs"][0]["waiting"] == 0, 30, "outbox")

    def daemon_run(self, what, readers, sizes, kills=0):
        daemon = Daemon(self.site(readers))
        if not sizes:
            with open(self.input, "wb") as out:
                out.writelines(self.lines)
        with daemon:
            if sizes:
                self.feed(daemon, sizes, kills)
            daemon.wait_readings("pay", len(self.lines))
            self.wait_alerts(daemon)
            row = daemon.source("pay")
            self.check(row["late"], row["late_dropped"], daemon.output("alerts.jsonl"),
                       self.expected, "%s, %d readers" % (what, readers))

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
        with open(self.input, "wb") as out:
            out.writelines(self.lines)
        done = tocsin("replay", "--site", site.directory, "--source", "pay", "--input", self.input)
        self.assertEqual(done.returncode, 0, done.stderr)
        alerts, late, dropped = self.finite
        self.assertIn("%d readings came too late" % dropped, done.stderr)
        self.check(late, dropped, [json.loads(line) for line in done.stdout.splitlines()],
                   (late, dropped, alerts), "replay")


if __name__ == "__main__":
    unittest.main(verbosity=2)
