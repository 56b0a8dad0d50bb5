#!/usr/bin/env python3
"""HTTP clients that repeat what was not answered, and a daemon that is killed between commit and
answer: an answered post counts once, one with unanswered attempts at least once. See README.md.
"""
import http.client
import json
import os
import random
import sys
import tempfile
import threading
import time
import unittest

from killer import Killer
from seed import SEED
from daemon import IS_LONG, Daemon, Site, free_port, wait_until

KILLS = int(os.environ.get("TOCSIN_KILLS", "60" if IS_LONG else "8"))
CLIENTS = 3
BATCHES_MAX = 900  # `rule show` tells of 1,000 keys
BASE_MS, HOUR_MS = 1709510400000, 3600000
TOTALS = """return rule.group {
  source = "web", by = { "batch" }, field = "amount", statistic = "sum",
  window = "1d", threshold = ">= 1e15", output = "alerts", incident = false }
"""


class Batch:
    def __init__(self, name, lines, amount):
        self.name, self.lines, self.amount = name, lines, amount
        self.unanswered = 0
        self.is_answered = False


class Client(threading.Thread):
    def __init__(self, number, port):
        super().__init__(daemon=True)
        self.number, self.port = number, port
        self.rng = random.Random("%d client %d" % (SEED, number))
        self.batches = []
        self.statuses = set()
        self.is_stopping = threading.Event()
        self.connection = None

    def post(self, path, body):
        """The status, or None when there was no answer."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            self.connection.request("POST", path, body)
            answer = self.connection.getresponse()
            answer.read()
            return answer.status
        except ConnectionRefusedError:
            self.connection = None
            return 0  # nobody has seen it
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            return None

    def send(self, batch, body):
        while not batch.is_answered:
            status = self.post("/ingest/web", body)
            if status == 200:
                batch.is_answered = True
            elif status is None:
                batch.unanswered += 1
            else:
                self.statuses.add(status)
                time.sleep(0.005)

    def run(self):
        while not self.is_stopping.is_set() and len(self.batches) < BATCHES_MAX // CLIENTS:
            batch = Batch("%d.%d" % (self.number, len(self.batches)), self.rng.randint(1, 40),
                          self.rng.randrange(1, 50000) / 100)
            self.batches.append(batch)
            line = json.dumps({"time": BASE_MS + 100 * len(self.batches), "batch": batch.name,
                               "amount": batch.amount})
            self.send(batch, "\n".join([line] * batch.lines))
            self.is_stopping.wait(self.rng.uniform(0, 0.1 if IS_LONG else 0.03))

    def close(self):
        if self.connection is not None:
            self.connection.close()


class HttpKillTest(unittest.TestCase):
    def make_daemon(self, folder, port):
        site = Site(os.path.join(folder, "site"), """
          sources = { web = { from = { { http = true } }, lateness = "1h", idle = "1h" } },
          outputs = { alerts = { file = "alerts.jsonl" } },
          listen = { http = "127.0.0.1:%d" }""" % port, {"totals/1": TOTALS})
        return Daemon(site, os.path.join(folder, "state"))

    def check(self, daemon, clients):
        batches = [batch for client in clients for batch in client.batches]
        last = Batch("end", 1, 0)
        end_ms = BASE_MS + 3 * HOUR_MS
        clients[0].send(last, json.dumps({"time": end_ms, "batch": "end"}))
        wait_until(lambda: daemon.call("rule.show", {"name": "totals"})["evaluated"]
                   >= time.strftime("%Y-%m-%dT%H:%M", time.gmtime((end_ms - HOUR_MS) // 1000)),
                   30, "the last evaluation")
        values = {row["key"]: row for row in
                  daemon.call("rule.show", {"name": "totals"})["values"]}
        self.assertEqual(set(values), {batch.name for batch in batches})
        twice = 0
        for batch in batches:
            times, rest = divmod(values[batch.name]["count"], batch.lines)
            self.assertEqual(rest, 0, "half of a post counts")
            self.assertTrue(1 <= times <= 1 + batch.unanswered,
                            "%s counts %d times after %d unanswered attempts"
                            % (batch.name, times, batch.unanswered))
            twice += times > 1
        sent = sum(batch.lines for batch in batches)
        got = daemon.source("web")["readings"] - last.lines
        self.assertGreaterEqual(got, sent)
        return batches, twice, sent, got

    def test_answered_posts_count_once_and_others_at_least_once(self):
        print("seed %d, %d kills" % (SEED, KILLS), flush=True)
        port = free_port()
        clients = [Client(number, port) for number in range(CLIENTS)]
        with tempfile.TemporaryDirectory() as folder:
            daemon = self.make_daemon(folder, port)
            self.addCleanup(daemon.kill)
            killer = Killer(daemon, "%d http" % SEED)
            for client in clients:
                client.start()
            for _ in range(KILLS):
                killer.live(lambda is_over: is_over.wait())
            killer.start()
            for client in clients:
                client.is_stopping.set()
                client.join()
            batches, twice, sent, got = self.check(daemon, clients)
            for client in clients:
                client.close()
            self.assertEqual(daemon.stop(), 0)
        self.assertLessEqual(set.union(*[client.statuses for client in clients]), {0, 503})
        print("%d kills: %d posts of %d lines all there, %d lines counted; %d of %d posts with an "
              "unanswered attempt count more than once; %s"
              % (KILLS, len(batches), sent, got, twice,
                 sum(batch.unanswered > 0 for batch in batches), killer.report()), flush=True)


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
