"""Stops in the middle of input, and starts that cannot work: each ends with 1 and says why."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from daemon import IS_LONG, TOCSIN, Daemon, Site, free_port, wait_until  # noqa: E402
from seed import SEED, random_of  # noqa: E402

START = 1767225600
LINES = 2000000 if IS_LONG else 200000
STOPS = 40 if IS_LONG else 6
KEYS = 50
CONFIG = """
  sources = { s = { fields = { k = "string", v = "int" }, from = { %s } } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = %s },
"""
TOTAL = """return rule.group { source = "s", by = { "k" }, statistic = "count", window = "1d",
  threshold = ">= 1000000000", output = "alerts" }"""


class Start(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="tocsin-start-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.state = os.path.join(self.directory, "state")

    def site(self, source="", http="false"):
        return Site(os.path.join(self.directory, "site"), CONFIG % (source, http),
                    {"total/1": TOTAL})

    def refused(self, site, state=None):
        """Standard error of a start that must fail."""
        done = subprocess.run([TOCSIN, "run", "--site", site.directory, "--state",
                               state or self.state], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertNotIn("Sanitizer", done.stderr)
        self.assertNotIn("ready:", done.stderr)
        last = done.stderr.splitlines()[-1]
        self.assertRegex(last, r" crit \w+: ")
        return last

    def test_sigterm_during_ingest_loses_and_repeats_nothing(self):
        chance = random_of("start")
        path = os.path.join(self.directory, "in.jsonl")
        counts = dict.fromkeys(("k%d" % i for i in range(KEYS)), 0)
        with open(path, "w", encoding="ascii") as out:
            for i in range(LINES):
                key = "k%d" % chance.randrange(KEYS)
                counts[key] += 1
                out.write('{"time":%d,"k":"%s","v":1}\n' % (START + i * 3600 // LINES, key))
        daemon = Daemon(self.site('{ file = "%s" }' % path), self.state)
        stopped_at = []
        for target in sorted(chance.randrange(LINES) for _ in range(STOPS)):
            daemon.start()
            daemon.wait_readings("s", target, 300)
            time.sleep(chance.uniform(0, 0.02))  # any moment will do: nothing is waited for
            stopped_at.append(daemon.source("s")["readings"])
            self.assertEqual(daemon.stop(), 0, "seed %d" % SEED)
        daemon.start()
        self.addCleanup(daemon.stop)
        daemon.wait_readings("s", LINES, 300)
        self.assertEqual(daemon.source("s")["readings"], LINES, "seed %d" % SEED)
        self.assertEqual(daemon.stop(), 0)
        self.assertNotIn("Sanitizer", daemon.log())
        print("sigterm: seed %d, stopped at %s of %d readings" % (SEED, stopped_at, LINES))
        # Windows end where the stream is complete: one more reading completes all others.
        daemon.start()
        with open(path, "a", encoding="ascii") as out:
            out.write('{"time":%d,"k":"end","v":1}\n' % (START + 4000))
        daemon.wait_readings("s", LINES + 1)

        def totals():
            rows = daemon.call("rule.show", {"name": "total"})["values"]
            return {row["key"]: row["count"] for row in rows if "end" not in row["key"]}
        wanted = sorted(counts.values())
        wait_until(lambda: sorted(totals().values()) == wanted, 20,
                   "the totals, seed %d: %s" % (SEED, wanted))

    def test_two_signals_and_a_signal_during_the_start(self):
        daemon = Daemon(self.site(), self.state)
        daemon.start()
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.send_signal(signal.SIGINT)
        self.assertEqual(daemon.process.wait(30), 0)
        for delay in (0.0, 0.02, 0.05, 0.1):
            daemon.spawn()
            time.sleep(delay)
            daemon.process.send_signal(signal.SIGTERM)
            # Before the handler is there the signal ends the process; afterwards it is a clean end.
            self.assertIn(daemon.process.wait(30), (0, -signal.SIGTERM))
        daemon.start()
        self.assertEqual(daemon.stop(), 0)
        self.assertNotIn("Sanitizer", daemon.log())

    def test_a_second_daemon_on_the_same_state_is_refused(self):
        site = self.site()
        with Daemon(site, self.state) as first:
            text = self.refused(site)
            self.assertIn(self.state, text)
            self.assertIn("in use by another process", text)
            self.assertEqual(first.call("status")["sources"][0]["name"], "s")

    def test_a_state_directory_that_cannot_be_used(self):
        site = self.site()
        taken = os.path.join(self.directory, "file")
        open(taken, "w", encoding="ascii").close()
        below, missing = os.path.join(taken, "state"), os.path.join(self.directory, "no", "way")
        for path in (taken, below, missing):
            self.assertIn("state directory %s" % path, self.refused(site, path))
        os.mkdir(self.state)
        open(os.path.join(self.state, "db"), "w", encoding="ascii").close()
        self.assertIn(os.path.join(self.state, "db"), self.refused(site))
        if os.geteuid() != 0:
            closed = os.path.join(self.directory, "closed")
            os.mkdir(closed, 0o500)
            self.assertIn(closed, self.refused(site, closed))

    def test_an_address_that_is_in_use(self):
        port = free_port()
        with socket.socket() as other:
            other.bind(("127.0.0.1", port))
            other.listen()
            site = self.site(http='"127.0.0.1:%d"' % port)
            text = self.refused(site)
            self.assertIn("127.0.0.1:%d" % port, text)
            self.assertIn("in use", text)
        with Daemon(site, self.state) as daemon:
            self.assertIn("http 127.0.0.1:%d" % port, daemon.log())

    def test_a_source_whose_address_is_in_use_is_opened_later(self):
        port = free_port()
        site = self.site('{ tcp = "127.0.0.1:%d" }' % port)
        with socket.socket() as other:
            other.bind(("127.0.0.1", port))
            other.listen()
            daemon = Daemon(site, self.state).start()
            self.addCleanup(daemon.stop)
            self.assertRegex(daemon.log(), "error ingest: source s cannot read 127.0.0.1:%d, "
                             "it is tried again: .* in use" % port)
        wait_until(lambda: "source s reads 127.0.0.1:%d" % port in daemon.log(), 20, "the source")
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b'{"time":%d,"k":"a","v":1}\n' % START)
            daemon.wait_readings("s", 1)
        self.assertEqual(daemon.stop(), 0)

    def test_other_starts_that_fail(self):
        site = self.site()
        long = os.path.join(self.directory, "x" * 120)
        self.assertIn("control.sock", self.refused(site, long))
        os.makedirs(os.path.join(self.state, "running-script"))
        self.assertIn("running-script", self.refused(site))
        os.rmdir(os.path.join(self.state, "running-script"))
        os.mkdir(os.path.join(self.state, "control.sock"))
        self.assertIn("control.sock", self.refused(site))
        os.rmdir(os.path.join(self.state, "control.sock"))
        site.write("tocsin.lua", "return { sources = 5 }")
        self.assertIn("faults", self.refused(site))
        os.remove(os.path.join(site.directory, "tocsin.lua"))
        self.assertIn("no site", self.refused(site))

    def test_a_damaged_store_is_refused_with_advice(self):
        site = self.site()
        with Daemon(site, self.state):
            pass
        good = os.path.join(self.directory, "good")
        shutil.copytree(self.state, good)
        database = os.path.join(self.state, "db")
        with open(os.path.join(database, "CURRENT"), "w", encoding="ascii") as out:
            out.write("garbage\n")
        self.assertIn("damaged", self.refused(site))
        shutil.rmtree(self.state)
        shutil.copytree(good, self.state)
        for name in os.listdir(database):
            if name.endswith(".log"):
                os.remove(os.path.join(database, name))
        self.assertIn("accept the loss", self.refused(site))
        with Daemon(site, self.state, ["--accept-loss"]):
            pass


if __name__ == "__main__":
    unittest.main()
