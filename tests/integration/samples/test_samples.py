#!/usr/bin/env python3
"""Samples of a daemon: late lines, cuts anywhere, any number of readers, kills. See README.md."""
import os
import random
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../support"))
sys.path.insert(0, os.path.join(HERE, "../lateness"))
import line_by_line  # noqa: E402
from cuts import LATENESS_MS, CutsCase, epoch_ms  # noqa: E402
from daemon import IS_LONG  # noqa: E402
from line_by_line import Rule  # noqa: E402
from seed import SEED  # noqa: E402

BASE_MS = 1767225600000
LINES = 4000
BYTES_MAX = 512


def with_samples(count, *arguments, **options):
    rule = Rule(*arguments, **options)
    rule.samples = count
    return rule


RULES = (
    with_samples(3, "short", """return rule.group { %s by = { 'm' }, window = '10s',
         threshold = '>= 6', samples = 3 }""", 10, lambda n: n >= 6, by="m"),
    with_samples(10, "sums", """return rule.group { %s by = { 'm' }, field = 'v',
         statistic = 'sum', window = '1m', every = '15s', threshold = '> 260', filter = 'ok',
         samples = 10 }""",
                 60, lambda n: n > 260, passes=lambda r: r["ok"], by="m", field="v", every_s=15),
    with_samples(2, "script_filter", """return rule.group { %s by = { 'm' }, window = '30s',
         threshold = '>= 7', samples = 2, filter = function(r) return r.v %% 2 == 1 end }""",
                 30, lambda n: n >= 7, passes=lambda r: r["v"] % 2 == 1, by="m"),
    with_samples(1, "all", """return rule.count { %s window = '5s', threshold = '> 9',
         samples = 1 }""", 5, lambda n: n > 9),
    with_samples(0, "none", "return rule.count { %s window = '5s', threshold = '> 9' }", 5,
                 lambda n: n > 9),
    with_samples(4, "long", """return rule.group { %s by = { 'm' }, window = '2h',
         threshold = '>= 200', filter = 'not ok', samples = 4 }""",
                 7200, lambda n: n >= 200, passes=lambda r: not r["ok"], by="m"),
)


def cut(line):
    """As an alert shows it: (text, whether there was more)."""
    if len(line) <= BYTES_MAX:
        return line.decode(), False
    return line[:BYTES_MAX].decode(errors="ignore"), True


class State(line_by_line.State):
    """A pane has its readings, in the order in which they came."""

    def add(self, reading, watermark, first):
        if not super().add(dict(reading, v=reading["v"]), watermark, first):
            return False
        start = line_by_line.floor(reading["t"], self.rule.pane_ms)
        key = reading[self.rule.by] if self.rule.by else ""
        self.panes[start].setdefault("lines", {}).setdefault(key, []).append(reading)
        return True

    def judge(self, end):
        lines = {start: pane.pop("lines", {}) for start, pane in self.panes.items()}
        alerts = super().judge(end)
        for start, pane in self.panes.items():
            pane["lines"] = lines[start]
        return [alert[:5] + (self.samples(end, alert[2]) if alert[3] == "firing" else (),)
                for alert in alerts]

    def samples(self, end, key):
        if self.rule.samples == 0:
            return ()
        found = []
        for start in range(end - self.rule.window_ms, end, self.rule.pane_ms):
            found += self.panes.get(start, {}).get("lines", {}).get(key, [])
        found.sort(key=lambda reading: reading["t"])    # stable: of one time as they came
        return tuple((r["t"],) + cut(r["line"]) for r in found[-self.rule.samples:])


def make_readings(rng):
    clock, readings = BASE_MS + rng.randrange(100000), []
    for number in range(LINES):
        clock += rng.choice((0, 0, 10, 300, 600, 1200)) + (rng.random() < 0.003) * 97000
        behind = rng.choice((0, 0, 0, 0, 0, 0, 2000, 4000, 12000, 45000))
        if rng.random() < 0.02:
            behind = 8 * 3600000 if rng.random() < 0.3 else 200000
        # Whole tenths of a second: many lines have the same time.
        reading = {"t": (clock - int(behind * rng.random())) // 100 * 100,
                   "m": "m%d" % rng.randrange(4), "v": rng.randrange(40),
                   "ok": rng.random() < 0.5}
        pad = rng.choice(("x", "\u00fc", "\u20ac", "\U0001f600")) * rng.choice(
            (0, 3, rng.randrange(100, 140), rng.randrange(420, 470), rng.randrange(1600)))
        reading["line"] = ('{"time":%d,"m":"%s","v":%d,"ok":%s,"n":%d,"pad":"%s"}'
                           % (reading["t"], reading["m"], reading["v"],
                              "true" if reading["ok"] else "false", number, pad)).encode()
        readings.append(reading)
    return readings


class Samples(CutsCase):
    rules = RULES

    def make(self, seed):
        self.rng = random.Random("%d %s" % (SEED, seed))
        readings = make_readings(self.rng)
        self.lines = [r["line"] + self.rng.choice((b"\n", b"\n", b"\r\n")) for r in readings]
        self.alerts, late, dropped = line_by_line.run(RULES, readings, LATENESS_MS, state=State)
        self.assertGreater(late, 300)
        self.assertGreater(dropped, 30)
        firing = [alert for alert in self.alerts if alert[3] == "firing"]
        self.assertEqual({alert[0] for alert in firing}, {rule.name for rule in RULES})
        self.assertTrue(any(sample[2] for alert in firing for sample in alert[5]))

    def fact(self, document):
        return (document["rule"], epoch_ms(document["window_end"]),
                document["dimension"].get("m", ""), document["state"], document["value"],
                tuple((epoch_ms(s["time"]), s["line"], s.get("cut", False))
                      for s in document["samples"]))

    def check_daemon(self, daemon, what):
        documents = daemon.output("alerts.jsonl")
        for document in documents:
            self.assertTrue(all(s.get("cut", True) is True for s in document["samples"]))
        super().check_daemon(daemon, what)

    def test_every_cut_and_kill_gives_the_same_lines(self):
        for run in range(6 if IS_LONG else 1):
            self.make(run)
            rng = self.rng
            for readers in (0, 1, 2, 4):
                self.daemon_run("whole", readers, None)
            self.daemon_run("lines", 1, lambda: rng.choice((1, 2, 5, 40)))
            self.daemon_run("pieces", 2, lambda: rng.choice((1, 300, 2500)))
            for readers in (0, 1, 2, 4):
                self.daemon_run("kills", readers, lambda: rng.choice((3, 70, 900)), kills=3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
