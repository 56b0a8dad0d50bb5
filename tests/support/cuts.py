"""A daemon that is fed one file in pieces, with kills in between: its alerts must be the same."""
import datetime
import os
import tempfile
import unittest

from daemon import Daemon, Site, wait_until
from seed import SEED

CONFIG = """
  sources = { pay = {
    fields = { m = "string", v = "int", ok = "bool" },
    from = { { file = "%s" } }, lateness = "3500ms", idle = "1h" } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  ingest = { readers = %d },
  listen = { http = false },
"""
COMMON = 'source = "pay", output = "alerts", incident = false,'
LATENESS_MS = 3500


def epoch_ms(text):
    """Of a document's time."""
    moment = datetime.datetime.fromisoformat(text)
    assert moment.tzinfo is not None, text
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (moment - epoch) // datetime.timedelta(milliseconds=1)


class CutsCase(unittest.TestCase):
    """The test sets `rules`, `rng`, `lines` and `alerts` (what must be told, sorted as text) and
    has fact(document)."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.number = 0

    def site(self, readers):
        self.number += 1
        folder = os.path.join(self.root, str(self.number))
        os.mkdir(folder)
        self.input = os.path.join(folder, "pay.jsonl")
        return Site(os.path.join(folder, "site"), CONFIG % (self.input, readers),
                    {rule.name + "/1": rule.lua % COMMON for rule in self.rules})

    def write_all(self):
        with open(self.input, "wb") as out:
            out.writelines(self.lines)

    def check_alerts(self, documents, alerts, what):
        found = sorted((self.fact(document) for document in documents), key=str)
        if found != alerts:
            missing = [a for a in alerts if a not in found]
            extra = [a for a in found if a not in alerts]
            self.fail("%s, TOCSIN_SEED=%d: missing %s, too much %s, %d of %d"
                      % (what, SEED, missing[:3], extra[:3], len(found), len(alerts)))

    def check_daemon(self, daemon, what):
        self.check_alerts(daemon.output("alerts.jsonl"), self.alerts, what)

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
        """What is committed is handed to the outbox a moment later; the check tells what is
        wrong."""
        try:
            wait_until(lambda: len(daemon.output("alerts.jsonl")) >= len(self.alerts), 20)
        except AssertionError:
            pass
        wait_until(lambda: daemon.call("status")["outputs"][0]["waiting"] == 0, 30, "outbox")

    def daemon_run(self, what, readers, sizes, kills=0):
        daemon = Daemon(self.site(readers))
        if not sizes:
            self.write_all()
        with daemon:
            if sizes:
                self.feed(daemon, sizes, kills)
            daemon.wait_readings("pay", len(self.lines))
            self.wait_alerts(daemon)
            self.check_daemon(daemon, "%s, %d readers" % (what, readers))
