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

from killer import Killer
from seed import SEED
from daemon import IS_LONG, Daemon, Site, wait_until

ROUNDS = 40 if IS_LONG else 6
# Writes whole blocks, as stdio does, so that the file ends anywhere when the process is killed.
PROGRAM = """
import os, sys, time
out = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
number, data = int(sys.argv[2]), b""
while True:
    while len(data) < 4096:
        data += (b'{"time":%d,"number":%d,"text":"%s"}\\n'
                 % (1709510400000 + number, number, b"x" * (number % 97)))
        number += 1
    data = data[os.write(out, data[:4096]):]
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
        size = os.path.getsize(path)
        with subprocess.Popen([sys.executable, "-c", PROGRAM, path, str(number)]) as process:
            wait_until(lambda: os.path.getsize(path) > size, 30, "the writer to write")
            wait()
            process.kill()
        with open(path, "rb") as log:
            data = log.read()
        whole, _, torn = data.rpartition(b"\n")
        return json.loads(whole.rsplit(b"\n", 1)[-1])["number"] + 1, torn

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
            with open(path, "wb") as log:
                log.write(line_of(0))
            number, torn_count = 1, 0
            for _ in range(ROUNDS):
                pause = threading.Event()
                dead = []

                def write(_):
                    dead.append(self.write_a_while(
                        path, number, lambda: pause.wait(rng.uniform(0, 0.2))))
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
                    self.rotate(path, number)
                    number += 1
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
        os.rename(path, "%s.%d" % (path, number))
        with open(path, "wb") as log:
            log.write(line_of(number))


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
