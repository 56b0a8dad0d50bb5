#!/usr/bin/env python3
"""kill -9 while files grow and rotate: nothing is lost, nothing counts twice. See README.md."""
import collections
import json
import math
import os
import random
import signal
import sys
import tempfile
import time
import unittest

import expect
import writer
from killer import Killer
from seed import SEED
from daemon import IS_LONG, Daemon, Site, tocsin, wait_until

KILLS = int(os.environ.get("TOCSIN_KILLS", "200" if IS_LONG else "12"))
HOUR_MS = 3600000

SOURCE = """%s = {
  from = { { file = "%s" } }, lateness = "2s", idle = "1h",
  fields = { merchantId = "string", customerId = "string", city = "string", amount = "float",
             cost_time = "int", success = "bool" } },
"""
# Another rule on the panes of `totals`, with a new version now and then.
SPARE = """return rule.group {
  source = "pay", by = { "merchantId" }, field = "amount", statistic = "sum",
  window = "10m", threshold = ">= %d", output = "spare", incident = false }
"""


def seconds(text):
    """Of an RFC 3339 time: windows end at multiples of 5 s."""
    return text[:len("2024-03-04T00:00:00")]


def document_key(document):
    return (document["rule"], document["state"], seconds(document["window_end"]),
            tuple(document["dimension"].values()), document["value"])


def time_text(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000))


class TailKillTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.rng = random.Random(SEED)
        self.spare_version = 1
        self.reloads = 0

    def path(self, *names):
        return os.path.join(self.folder.name, *names)

    def make_writers(self):
        os.mkdir(self.path("log"))
        self.writers = collections.defaultdict(list)
        for source, name, style in (("pay", "pay-a", "rename"), ("pay", "pay-b", "rename"),
                                    ("cash", "cash", "copytruncate"), ("card", "card", "recreate")):
            history = open(self.path(name + ".history"), "wb")
            self.addCleanup(history.close)
            self.writers[source].append(writer.Writer(
                self.path("log", name + ".jsonl"), style, "%d %s" % (SEED, name), history))
        self.all_writers = [one for many in self.writers.values() for one in many]

    def make_daemon(self):
        sources = "".join(SOURCE % (name, self.path("log", pattern)) for name, pattern in
                          (("pay", "pay-?.jsonl*"), ("cash", "cash.jsonl"),
                           ("card", "card.jsonl*")))
        site = Site(self.path("site"), """sources = { %s },
          outputs = { alerts = { file = "alerts.jsonl" }, spare = { file = "spare.jsonl" } },
          listen = { http = false }""" % sources)
        site.rule("spare/1", SPARE % 1e9)
        for source in self.writers:
            site.rule("totals_%s/1" % source, expect.TOTALS % source)
            for rule in expect.rules_of(source):
                site.rule(rule.name + "/1", rule.text(source))
        self.daemon = Daemon(site, self.path("state"))
        self.addCleanup(self.daemon.kill)

    def durable_status(self):
        """Status may be ahead of the disk by one commit: showing an incident waits for it."""
        status = self.daemon.call("status")
        self.daemon.call("incident.show", {"number": 1})
        return {row["name"]: row for row in status["sources"]}

    def confirm(self, is_over):
        """Tells the writers what they may delete or truncate."""
        while not is_over.is_set():
            for name, row in self.durable_status().items():
                for one in self.writers[name]:
                    one.delete_read_files(row["partitions"])
                    if one.is_waiting.is_set() and row["lines"] == one.lines:
                        one.may_clear.set()
            is_over.wait(0.02)

    def reload(self, is_over):
        """Killed before, in or after the reload, which ends within a few milliseconds."""
        self.reloads += 1
        self.spare_version += 1
        is_over.wait(self.rng.uniform(0, 0.2))
        self.daemon.site.rule("spare/%d" % self.spare_version, SPARE % (1e9 + self.spare_version))
        self.daemon.process.send_signal(signal.SIGHUP)
        time.sleep(self.rng.uniform(0, 0.03))
        self.daemon.process.send_signal(signal.SIGKILL)

    def kill_often(self):
        """How many lives brought alerts."""
        self.killer = killer = Killer(self.daemon, self.rng.random())
        sizes = set()
        killer.start()
        wait_until(lambda: self.daemon.call("incident.list", {"all": True}), 60, "an incident")
        self.durable_status()
        self.daemon.kill()
        for one in self.all_writers:
            one.may_rotate.set()
        for number in range(KILLS):
            if number % 10 == 9:
                killer.kill_in_start()
            else:
                killer.live(self.reload if number % 10 == 4 else self.confirm)
            sizes.add(len(self.daemon.output("alerts.jsonl")))
        return len(sizes - {0})

    def drain(self):
        """All lines are read, then the rotated files are deleted (they would hold the watermark),
        then each file gets a line that closes all windows before it."""
        for one in self.all_writers:
            one.stop()
        self.killer.start()
        for name, many in self.writers.items():
            wanted = sum(one.lines for one in many)
            wait_until(lambda: self.daemon.source(name)["lines"] >= wanted, 60,
                       "%d lines of %s" % (wanted, name))
        for name, row in self.durable_status().items():
            for one in self.writers[name]:
                one.delete_read_files(row["partitions"])
                self.assertEqual(one.rotated, [])
        self.daemon.kill()
        self.killer.start()
        self.end_ms = max(one.clock_ms for one in self.all_writers) + HOUR_MS
        for one in self.all_writers:
            one.end(self.end_ms)
            one.history.flush()
        for name, many in self.writers.items():
            self.daemon.wait_readings(name, sum(len(one.readings) for one in many))
        self.watermark_ms = self.end_ms - writer.LATENESS_MS
        wanted = time_text(self.watermark_ms // 60000 * 60000)
        for name in self.writers:
            wait_until(lambda: self.rule("totals_" + name)["evaluated"].startswith(wanted), 60,
                       "the evaluation of totals_" + name)
        wait_until(lambda: not any(row["waiting"] for row in self.daemon.call("status")["outputs"]),
                   60, "the outputs to be empty")

    def rule(self, name):
        done = tocsin("rule", "show", name, "--json", "--state", self.daemon.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def check_totals(self, name, many):
        row = self.daemon.source(name)
        readings = [reading for one in many for reading in one.readings]
        malformed = sum(one.malformed for one in many)
        got = {key: row[key] for key in ("readings", "malformed", "lines", "late", "late_dropped",
                                         "clamped", "mistyped")}
        self.assertEqual(got, {"readings": len(readings), "malformed": malformed,
                               "lines": len(readings) + malformed, "late": 0, "late_dropped": 0,
                               "clamped": 0, "mistyped": 0}, name)
        amounts = collections.defaultdict(list)
        for reading in readings:
            if reading.merchantId != "end":
                amounts[reading.merchantId].append(reading.amount)
        values = {row["key"]: (row["count"], row["sum"])
                  for row in self.rule("totals_" + name)["values"]}
        self.assertEqual(values, {key: (len(found), math.fsum(found))
                                  for key, found in amounts.items()}, name)
        return len(readings), malformed

    def expected_alerts(self):
        wanted = set()
        for source, many in self.writers.items():
            readings = [reading for one in many for reading in one.readings]
            for rule in expect.rules_of(source):
                for name, state, end_ms, key, value in rule.alerts(readings, self.watermark_ms):
                    wanted.add((name, state, time_text(end_ms), key, value))
        return wanted

    def check_alerts(self):
        documents = self.daemon.output("alerts.jsonl")
        by_id = {}
        for document in documents:
            key = document_key(document)
            self.assertEqual(by_id.setdefault(document["id"], key), key, "one id, two alerts")
        got, wanted = set(by_id.values()), self.expected_alerts()
        self.assertEqual(len(got), len(by_id), "one alert under two ids")
        self.assertEqual((sorted(wanted - got, key=repr)[:5], sorted(got - wanted, key=repr)[:5]),
                         ([], []), "(missing, extra); %d wanted" % len(wanted))
        repeats = len(documents) - len(by_id)
        self.assertEqual(repeats, 0, "the same document twice in the file output")
        self.assertEqual(self.daemon.output("spare.jsonl"), [])
        return by_id, repeats

    def check_replay(self, by_id):
        """The same ids as a run of the same history without any kill."""
        for source, many in self.writers.items():
            done = tocsin("replay", "--site", self.daemon.site.directory, "--source", source,
                          "--input", *[one.history.name for one in many])
            self.assertEqual(done.returncode, 0, done.stderr)
            replayed = set()
            for line in done.stdout.splitlines():
                document = json.loads(line)
                if seconds(document["window_end"]) <= time_text(self.watermark_ms):
                    replayed.add(document["id"])
            names = {rule.name for rule in expect.rules_of(source)}
            self.assertEqual(replayed, {one for one, key in by_id.items() if key[0] in names})

    def check_incident(self, by_id):
        """Rule burst joins one incident again and again; the last alert decides its state."""
        states = [key[1] for key in sorted(by_id.values(), key=lambda key: key[2])
                  if key[0] == "burst"]
        incidents = self.daemon.call("incident.list", {"all": True})
        self.assertEqual([one["alert_count"] for one in incidents], [states.count("firing")])
        self.assertEqual(incidents[0]["state"] == "RESOLVED", states[-1] == "resolved")

    def test_kill_while_files_grow_and_rotate(self):
        print("seed %d, %d kills" % (SEED, KILLS), flush=True)
        self.make_writers()
        self.make_daemon()
        for one in self.all_writers:
            one.start()
            self.addCleanup(one.stop)
        lives = self.kill_often()
        self.drain()
        total = [self.check_totals(name, many) for name, many in self.writers.items()]
        by_id, repeats = self.check_alerts()
        self.check_incident(by_id)
        self.check_replay(by_id)
        self.assertEqual(self.daemon.stop(), 0)
        print("%d kills (%d in a reload), %d rotations: %d readings and %d malformed lines exact, "
              "%d alerts exact (raised in %d lives), %d repeats in the file; %s"
              % (KILLS, self.reloads, sum(one.rotations for one in self.all_writers),
                 sum(row[0] for row in total), sum(row[1] for row in total), len(by_id), lives,
                 repeats, self.killer.report()), flush=True)


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=1)
