#!/usr/bin/env python3
"""Samples of every kind of rule and window, and of every way in. See README.md."""
import datetime
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import TOCSIN, Daemon, Site, free_port, tocsin, wait_until  # noqa: E402
from seed import SEED  # noqa: E402

BASE_MS = 1767225600000
HOUR_MS = 3600 * 1000

SITE = """
  timezone = "Asia/Shanghai",
  sources = { pay = { from = { %s }, %s lateness = "0s", idle = "1h" } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = %s },
"""
FAILED = "filter = 'ok == false',"


def failed(reading):
    return not reading["ok"]


# Name: (samples, which readings count, the rule). In a `by` of the key, m is m.
RULES = {
    "count": (2, failed, "rule.count { %s window = '5s', threshold = '>= 4', " + FAILED),
    "every_count": (1, lambda r: True, "rule.count { %s window = '1m', threshold = '> 40',"),
    "field": (10, failed, "rule.field { %s field = 'v', statistic = 'p90', window = '15s',"
              " threshold = '> 33', " + FAILED),
    "text": (3, lambda r: r["ok"], "rule.group { %s by = { 'm' }, window = '10s', filter = 'ok',"
             " statistic = 'distinct', field = 'm', threshold = '>= 1',"),
    "watched": (3, failed, "rule.continuous { %s field = 'm', window = '30s', threshold = '>= 5', "
                + FAILED),
    "group": (4, failed, "rule.group { %s by = { 'm' }, window = '1m', every = '20s',"
              " threshold = '>= 9', " + FAILED),
    "several": (2, failed, "rule.group { %s by = { 'm' }, window = '30s', all = {"
                " { threshold = '>= 3' }, { field = 'v', statistic = 'max', threshold = '> 30' },"
                " { field = 'w', statistic = 'avg', threshold = '> 3' } }, " + FAILED),
    "levels": (2, failed, "rule.group { %s by = { 'm' }, window = '30s', severities = {"
               " warning = '>= 3', critical = '>= 6' }, hold = '5s', keep_firing = '20s', "
               + FAILED),
    "function": (3, failed, "rule.group { %s by = { 'm' }, window = '30s', threshold = '>= 4',"
                 " reads = { 'ok' }, filter = function(r) return not r.ok end,"),
    "sliding": (5, failed, "rule.group { %s by = { 'm' }, window = '2h', threshold = '>= 95', "
                + FAILED),
    "slow": (5, failed, "rule.group { %s by = { 'm' }, window = '24h', threshold = '>= 940', "
             + FAILED),
    "today": (5, failed, "rule.group { %s by = { 'm' }, window = '1d', threshold = '>= 850', "
              + FAILED),
    "days": (5, failed, "rule.group { %s by = { 'm' }, window = '2d', threshold = '>= 1700', "
             + FAILED),
}


def rule_text(name):
    count, _, text = RULES[name]
    return "return %s samples = %d }" % (
        text % 'source = "pay", output = "alerts", incident = false,', count)


def rules(names):
    return {name + "/1": rule_text(name) for name in names}


def ms(text):
    return int(datetime.datetime.fromisoformat(text).timestamp() * 1000 + 0.5)


def make_readings(rng, count, mean_ms):
    """In order, with pauses; lines of all lengths."""
    clock, readings = BASE_MS, []
    for number in range(count):
        clock += int(rng.expovariate(1 / mean_ms)) // 100 * 100 + (rng.random() < 0.002) * 90000
        readings.append({"time": clock, "m": "m%d" % rng.randrange(3), "v": rng.randrange(40),
                         "w": rng.randrange(6), "ok": rng.random() < 0.4, "n": number,
                         "pad": rng.choice("x\u20ac") * rng.choice((0, 0, 5, 150, 480))})
    return readings


def shown(reading):
    line = reading["line"]
    text = line[:512].decode(errors="ignore" if len(line) > 512 else "replace")
    sample = {"time": reading["time"], "line": text}
    return dict(sample, cut=True) if len(line) > 512 else sample


class Windows(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.input = os.path.join(self.root, "pay.jsonl")
        self.rng = random.Random(SEED)

    def site(self, names, ways=None, http="false", more=""):
        return Site(os.path.join(self.root, "site"),
                    SITE % (ways or '{ file = "%s" }' % self.input, more, http), rules(names))

    def write(self, readings):
        for reading in readings:
            reading["line"] = json.dumps(reading, ensure_ascii=False).encode()
        with open(self.input, "wb") as out:
            out.writelines(r["line"] + b"\n" for r in readings)

    def check(self, documents, readings, names):
        fired = set()
        for document in documents:
            count, passes, _ = RULES[document["rule"]]
            key = document["dimension"].get("m")
            begin, end = ms(document["window_start"]), ms(document["window_end"])
            expected = [shown(r) for r in readings if begin <= r["time"] < end and passes(r)
                        and (key is None or r["m"] == key)]
            if document["state"] != "firing":
                self.assertEqual(document["samples"], [])
                continue
            fired.add(document["rule"])
            self.assertEqual([dict(s, time=ms(s["time"])) for s in document["samples"]],
                             expected[-count:], "TOCSIN_SEED=%d %s" % (SEED, document))
        self.assertEqual(fired, set(names), "TOCSIN_SEED=%d" % SEED)

    def replay(self, names, readings):
        site = self.site(names)
        done = tocsin("replay", "--site", site.directory, "--source", "pay", "--input", self.input)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check([json.loads(line) for line in done.stdout.splitlines()], readings, names)

    def test_short_windows(self):
        readings = make_readings(self.rng, 4000, 1500)
        self.write(readings)
        names = [n for n in RULES if n not in ("sliding", "slow", "today", "days")]
        self.replay(names, readings)

    def test_long_windows_and_days(self):
        readings = make_readings(self.rng, 16000, 4 * 24 * HOUR_MS / 20000)
        self.write(readings)
        self.replay(("sliding", "slow", "today", "days"), readings)

    def test_early_alerts_have_what_was_there(self):
        """Of the window's readings in order, the last of the first `count` ones."""
        readings = make_readings(self.rng, 600, 800)
        self.write(readings)
        port = free_port()
        site = self.site((), "{ http = true }", '"127.0.0.1:%d"' % port)
        site.rule("early/1", """return rule.count { source = "pay", output = "alerts",
            incident = false, window = "10s", threshold = ">= 8", early = true, samples = 3,
            filter = "ok == false" }""")
        with Daemon(site) as daemon:
            for first in range(0, len(readings), 3):
                self.post(port, b"".join(r["line"] + b"\n" for r in readings[first:first + 3]))
            wait_until(lambda: daemon.call("status")["outputs"][0]["waiting"] == 0, 30, "outbox")
            documents = daemon.output("alerts.jsonl")
        early = [d for d in documents if d.get("early")]
        self.assertGreater(len(early), 3)
        for document in early:
            begin, end = ms(document["window_start"]), ms(document["window_end"])
            there = [shown(r) for r in readings if begin <= r["time"] < end and failed(r)]
            self.assertEqual([dict(s, time=ms(s["time"])) for s in document["samples"]],
                             there[:document["count"]][-3:], "TOCSIN_SEED=%d" % SEED)

    @staticmethod
    def post(port, content):
        request = urllib.request.Request("http://127.0.0.1:%d/ingest/pay" % port, content)
        urllib.request.urlopen(request, timeout=30).close()

    # ---- ways in ----

    NAMES = ("count", "group", "several")

    def outputs(self, readings, names, feed, site):
        daemon = Daemon(site)
        with daemon:
            feed(daemon)
            daemon.wait_readings("pay", len(readings))
            wait_until(lambda: daemon.call("status")["outputs"][0]["waiting"] == 0, 30, "outbox")
            self.check(daemon.output("alerts.jsonl"), readings, names)

    def test_http_and_tcp(self):
        readings = make_readings(self.rng, 3000, 1500)
        self.write(readings)
        with open(self.input, "rb") as data:
            content = data.read()
        port, http = free_port(), free_port()

        def connect(_):
            with socket.create_connection(("127.0.0.1", port), 10) as client:
                client.sendall(content)

        self.outputs(readings, self.NAMES, lambda daemon: self.post(http, content),
                     self.site(self.NAMES, "{ http = true }", '"127.0.0.1:%d"' % http))
        self.root = os.path.join(self.root, "tcp")
        self.outputs(readings, self.NAMES, connect,
                     self.site(self.NAMES, '{ tcp = "127.0.0.1:%d" }' % port))

    def test_standard_input(self):
        readings = make_readings(self.rng, 3000, 1500)
        self.write(readings)
        site = self.site(self.NAMES, "{ stdin = true }")
        state = os.path.join(self.root, "state")
        daemon = Daemon(site, state)
        with open(self.input, "rb") as data, open(os.path.join(self.root, "log"), "wb") as log:
            daemon.process = subprocess.Popen(
                [TOCSIN, "run", "--site", site.directory, "--state", state], stdin=data,
                stdout=log, stderr=log)
        wait_until(lambda: os.path.exists(os.path.join(state, "control.sock")), 30, "the socket")
        daemon.wait_readings("pay", len(readings))
        wait_until(lambda: daemon.call("status")["outputs"][0]["waiting"] == 0, 30, "outbox")
        daemon.stop()
        self.check(daemon.output("alerts.jsonl"), readings, self.NAMES)

    def test_csv_as_it_is_with_quotes_and_carriage_returns(self):
        readings = make_readings(self.rng, 3000, 1500)
        for reading in readings:
            pad = reading["pad"]
            if self.rng.random() < 0.2:
                pad = '"%s, ""and"" more"' % pad
            reading["line"] = ("%d,%s,%d,%d,%s,%s" % (
                reading["time"], reading["m"], reading["v"], reading["w"],
                "true" if reading["ok"] else "false", pad)).encode()
        with open(self.input, "wb") as out:
            out.writelines(r["line"] + self.rng.choice((b"\n", b"\r\n")) for r in readings)
        site = self.site(self.NAMES, None, "false", """format = "csv",
            columns = { "time", "m", "v", "w", "ok", "pad" },""")
        self.outputs(readings, self.NAMES, lambda daemon: None, site)

    def test_bytes_that_are_no_text(self):
        """What is no UTF-8 is no reading in either format; what is odd but right is shown."""
        odd = ["\u0000", "\u007f", "\u2028", "\ufeff", "\ufffd", "\U0010ffff"]
        readings = make_readings(self.rng, 2000, 1500)
        for reading in readings:
            reading["pad"] = self.rng.choice(odd) * self.rng.randrange(4) + reading["pad"]
        self.write(readings)
        with open(self.input, "rb") as data:
            lines = data.read().split(b"\n")
        with open(self.input, "wb") as out:
            for line in lines[:-1]:
                if self.rng.random() < 0.3:
                    out.write(line.replace(b'"pad": "', b'"pad": "\xff\xc3\x28') + b"\n")
                out.write(line + b"\n")
        self.outputs(readings, self.NAMES, lambda daemon: None, self.site(self.NAMES))


if __name__ == "__main__":
    unittest.main(verbosity=2)
