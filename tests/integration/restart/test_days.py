"""A rule over two calendar days in a daemon that is killed again and again while it reads three."""
import datetime
import json
import os
import shutil
import sys
import tempfile
import unittest
import zoneinfo

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from daemon import Daemon, Site, wait_until  # noqa: E402
from seed import random_of  # noqa: E402

ZONE = zoneinfo.ZoneInfo("America/New_York")
CONFIG = """
  timezone = "America/New_York",
  sources = { s = { fields = { k = "string" }, from = { { file = "%s" } }, idle = "1h",
                    lateness = "0s" } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
"""
LIMIT = 150
RULE = """return rule.group { source = "s", by = { "k" }, window = "2d", every = "10m",
  threshold = ">= %d", output = "alerts" }""" % LIMIT
KILLS = 8


def midnight(day):
    """2026-03-08 has 23 hours; day 0 is the one before."""
    date = datetime.date(2026, 3, 7) + datetime.timedelta(days=day)
    return int(datetime.datetime.combine(date, datetime.time(), ZONE).timestamp())


def readings():
    rng = random_of("days")
    now = midnight(0) + 1800
    while now < midnight(3) + 4 * 3600:
        # The second day is busy.
        busy = midnight(1) <= now < midnight(2)
        now += rng.randrange(60, 400 if busy else 1500)
        yield now, rng.choice("ab")


def expected(rows):
    """(key, state, window start, window end) as the windows have it that end every 10 minutes."""
    last, found = rows[-1][0], []
    for key in "ab":
        is_firing = False
        for end in range(rows[0][0] // 600 * 600 + 600, last // 600 * 600 + 1, 600):
            today = max(day for day in range(-1, 5) if midnight(day) < end)
            start = midnight(today - 1)
            count = sum(start <= at < end for at, k in rows if k == key)
            if (count >= LIMIT) != is_firing:
                is_firing = not is_firing
                found.append((key, "firing" if is_firing else "resolved", start, end))
    return sorted(found)


def seconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


class Days(unittest.TestCase):
    def test_kills_neither_lose_nor_double_a_day(self):
        directory = tempfile.mkdtemp(prefix="tocsin-days-")
        self.addCleanup(shutil.rmtree, directory, True)
        log = os.path.join(directory, "in.jsonl")
        open(log, "w", encoding="ascii").close()
        site = Site(os.path.join(directory, "site"), CONFIG % log, {"busy/1": RULE})
        daemon = Daemon(site, os.path.join(directory, "state"))
        self.addCleanup(daemon.stop)
        rows = list(readings())
        wanted = expected(rows)
        self.assertGreaterEqual(len(wanted), 3)
        daemon.start()
        step = len(rows) // KILLS + 1
        for at in range(0, len(rows), step):
            with open(log, "a", encoding="ascii") as out:
                for time, key in rows[at:at + step]:
                    out.write(json.dumps({"time": time, "k": key}) + "\n")
            daemon.wait_readings("s", min(len(rows), at + step))
            daemon.kill()
            daemon.start()
        wait_until(lambda: len(daemon.output("alerts.jsonl")) >= len(wanted), 20, "alerts")
        self.assertEqual(sorted((row["dimension"]["k"], row["state"],
                                 seconds(row["window_start"]), seconds(row["window_end"]))
                                for row in daemon.output("alerts.jsonl")), wanted)
        self.assertEqual(daemon.stop(), 0)
        self.assertNotIn("Sanitizer", daemon.log())


if __name__ == "__main__":
    unittest.main()
