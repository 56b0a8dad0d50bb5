#!/usr/bin/env python3
"""The program that writes the file is killed, too: the torn line it leaves is completed by its
successor, and counts once. See README.md."""
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import unittest

from killer import SEED, Killer
from daemon import IS_LONG, Daemon, Site

ROUNDS = 40 if IS_LONG else 6
# Buffered output, so that the file ends anywhere when the process is killed.
PROGRAM = """
import sys, time
with open(sys.argv[1], "a") as out:
    number = int(sys.argv[2])
    while True:
        for _ in range(50):
            out.write('{"time":%d,"number":%d,"text":"%s"}\\n'
                      % (1709510400000 + number, number, "x" * (number % 97)))
            number += 1
        time.sleep(0.002)
"""
TOTALS = """return rule.field { source = "app", field = "number", statistic = "sum", window = "1d",
  threshold = ">= 1e300", output = "alerts", incident = false }
"""


def line_of(number):
    return b'{"time":%d,"number":%d,"text":"%s"}\n' % (
        1709510400000 + number, number, b"x" * (number % 97))


class WriterKillTest(unittest.TestCase):
    def write_a_while(self, path, number, wait):
        """A writer lives and dies. What its successor finds: next number, and the torn bytes."""
        with subprocess.Popen([sys.executable, "-c", PROGRAM, path, str(number)]) as process:
            wait()
            process.kill()
        with open(path, "rb") as log:
            data = log.read()
        whole, _, torn = data.rpartition(b"\n")
        return (json.loads(whole.rsplit(b"\n", 1)[-1])["number"] + 1 if whole else number), torn

    def test_torn_lines_are_completed(self):
        print("seed %d" % SEED, flush=True)
        rng = random.Random("%d writer" % SEED)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "app.jsonl")
            site = Site(os.path.join(folder, "site"), """
              sources = { app = { from = { { file = "%s*" } }, lateness = "2s", idle = "1h" } },
              outputs = { alerts = { file = "alerts.jsonl" } },
              listen = { http = false }""" % path, {"totals/1": TOTALS})
            daemon = Daemon(site, os.path.join(folder, "state"))
            self.addCleanup(daemon.kill)
            killer = Killer(daemon, rng.random())
            number, torn_count = 0, 0
            for _ in range(ROUNDS):
                pause = threading.Event()
                dead = []

                def write(_):
                    dead.append(self.write_a_while(
                        path, number, lambda: pause.wait(rng.uniform(0.05, 0.4))))
                killer.live(write)
                number, torn = dead[0]
                # The daemon sees the torn line alone for a while, and dies with it half read.
                killer.live(lambda is_over: is_over.wait())
                if torn:
                    torn_count += 1
                    with open(path, "ab") as log:
                        log.write(line_of(number)[len(torn):])
                    number += 1
                if rng.random() < 0.3:
                    number, _ = self.rotate(path, number)
            killer.start()
            daemon.wait_readings("app", number)
            row = daemon.source("app")
            self.assertEqual((row["readings"], row["malformed"], row["late"]), (number, 0, 0))
            total = sum(line["lines"] for line in row["partitions"])
            self.assertEqual(total, number)
            self.assertEqual(daemon.stop(), 0)
        self.assertGreater(torn_count, 0)
        print("%d kills of the writer, %d torn lines: %d lines exact; %s"
              % (ROUNDS, torn_count, number, killer.report()), flush=True)

    @staticmethod
    def rotate(path, number):
        """The program is down: its file gets another name; the next one begins with a line."""
        rotated = "%s.%d" % (path, number)
        os.rename(path, rotated)
        with open(path, "wb") as log:
            log.write(line_of(number))
        return number + 1, rotated


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
