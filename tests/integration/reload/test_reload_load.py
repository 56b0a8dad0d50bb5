"""Reloads at full speed: nothing lost, nothing counted twice, untouched rules undisturbed."""
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from daemon import IS_LONG, TOCSIN, Daemon, Site, tocsin, wait_until  # noqa: E402
from seed import SEED  # noqa: E402
from stream import Writer  # noqa: E402

RELOADS = 200 if IS_LONG else 70  # every kind of broken file once
# Idle reloads must leave nothing behind; under load the store's buffers grow with the input: there
# the run without reloads is the measure (one script's memory limit and some fragments above it).
IDLE_LEAK_KIB_MAX = 4 * 1024
LOAD_LEAK_KIB_MAX = 96 * 1024

CONFIG = """
  sources = {
    s = { fields = { k = "string", v = "int", ok = "bool" }, from = { { file = "%s" } },
          lateness = "1s", idle = "1h" },
    %s
  },
  outputs = { alerts = { file = "alerts.jsonl" }, %s },
  listen = { http = false },
"""

UNTOUCHED = {
    "day/1": """return rule.group { source = "s", by = { "k" }, statistic = "count",
  window = "1d", threshold = ">= 1000000000", output = "alerts" }""",
    "busy/1": """return rule.group { source = "s", by = { "k" }, statistic = "count",
  window = "10s", threshold = ">= 900", output = "alerts", severity = "critical" }""",
    "slow/1": """return rule.field { source = "s", filter = "ok == true", field = "v",
  statistic = "avg", window = "5s", threshold = ">= 500", no_data = "ok", output = "alerts" }""",
    "values/1": """return rule.continuous { source = "s", filter = 'k == "k00" and v < 20',
  field = "v", window = "10s", threshold = ">= 6", output = "alerts" }""",
    "total/1": """return rule.count { source = "s", filter = "ok == false",
  window = "1m", threshold = ">= 20000", output = "alerts" }""",
    "asked/1": """return rule.script { source = "s", by = { "k" }, field = "v", window = "10s",
  output = "alerts", on_window = function(ctx, w)
    if w.count < 1000 then return nil end
    return { message = w.key.k .. " " .. w.count .. " " .. w.sum, value = w.count }
  end }""",
}
VICTIM = """return rule.count { source = "s", window = "%s",
  threshold = ">= %d", output = "alerts", incident = false }"""

# What a broken file holds, and the line and the words of its refusal.
BROKEN = [
    ("syntax", "return rule.count {\n  source = 's',\n  window = = '5s' }", 4, "unexpected symbol"),
    ("span", "return rule.count {\n  source = 's',\n  window = '7s', threshold = '> 1',\n"
             "  output = 'alerts' }", 4, "5s to 60s"),
    ("raised", "\n\nerror('not today')", 4, "not today"),
    ("endless", "local n = 0\nwhile true do n = n + 1 end", 3, "budget"),
    ("memory", "local t = {}\nfor i = 1, 1e9 do\n t[i] = ('x'):rep(1000) .. i end", 4, "memory"),
    ("source", "return rule.count {\n  source = 'nowhere', window = '5s', threshold = '> 1',\n"
               "  output = 'alerts' }", 3, "nowhere"),
    ("changed", None, 1, "must not change"),
]


def is_sanitized():
    """A sanitizer keeps freed memory for a while, so sizes say nothing."""
    with open(TOCSIN, "rb") as program:
        return re.search(rb"__(asan|tsan)_init", program.read()) is not None


def resident_kib(process):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as lines:
        return int(re.search(r"VmRSS:\s+(\d+)", lines.read()).group(1))


def untouched_alerts(daemon):
    """Every document of the rules that no reload touches, without the words that may differ."""
    names = {name.split("/")[0] for name in UNTOUCHED}
    return sorted((d["rule"], d["id"], d["state"], d["window_start"], d["window_end"],
                   str(d["value"]), str(d["dimension"]), d.get("message", ""))
                  for d in daemon.output("alerts.jsonl") if d["rule"] in names)


class ReloadUnderLoad(unittest.TestCase):
    def setUp(self):
        print("seed", SEED, flush=True)
        self.directory = tempfile.mkdtemp(prefix="tocsin-reload-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.input = os.path.join(self.directory, "in.jsonl")
        open(self.input, "w", encoding="ascii").close()
        self.site = self.make_site("site")
        self.victim_number = 1
        self.kinds = 0

    def make_site(self, name):
        return Site(os.path.join(self.directory, name, "site"), CONFIG % (self.input, "", ""),
                    dict(UNTOUCHED, **{"victim/1": VICTIM % ("5s", 10 ** 9)}))

    def reload(self, daemon, number):
        """By command or by signal; the exit code of the command, or None."""
        if number % 2 == 0:
            done = tocsin("reload", "--wait", "--state", daemon.state)
            return done.returncode, done.stdout + done.stderr
        generation = daemon.call("status")["generation"]
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: daemon.call("status")["generation"] > generation, 30, "the reload")
        return None, ""

    def victim_active(self, daemon):
        rows = daemon.call("rule.history", {"name": "victim"})
        return [row["version"] for row in rows if row["active"]]

    def broken_reload(self, daemon, number):
        kind, text, line, words = BROKEN[self.kinds % len(BROKEN)]
        self.kinds += 1
        version = self.victim_number if text is None else self.victim_number + 1
        path = os.path.join(self.site.directory, "rules/victim/%d.lua" % version)
        good = None
        if text is None:
            with open(path, encoding="utf-8") as active:
                good = active.read()
        self.site.rule("victim/%d" % version,
                       text if text is not None else VICTIM % ("10s", 10 ** 8))
        log_start = len(daemon.log())
        code, output = self.reload(daemon, number)
        if code is None:
            output = daemon.log()[log_start:]
        else:
            self.assertEqual(code, 5, output)
        place = path + (":%d" % line if line else "")
        hit = [row for row in output.splitlines() if place in row and "refused" in row]
        self.assertTrue(hit and words in hit[0], "%s: no refusal at %s with %r in\n%s"
                        % (kind, place, words, output))
        self.assertEqual(self.victim_active(daemon), [self.victim_number], kind)
        if good is not None:
            with open(path, "w", encoding="utf-8") as out:
                out.write(good)
        else:
            os.remove(path)

    def good_reload(self, daemon, number):
        change = number % 5
        if change == 1:
            self.victim_number += 1
            self.site.rule("victim/%d" % self.victim_number,
                           VICTIM % (["5s", "10s", "1m"][number % 3], 10 ** 9 + number))
        elif change == 2:
            self.site.rule("extra/1", VICTIM % ("10s", 1))
        elif change == 3:
            shutil.rmtree(os.path.join(self.site.directory, "rules/extra"), True)
        elif change == 4:
            has_more = number % 10 == 4
            self.site.write("tocsin.lua", "return {" + CONFIG % (
                self.input, 'more = { from = { { file = "%s" } } },' % (self.input + ".more")
                if has_more else "", 'other = { file = "other.jsonl" },' if has_more else "")
                + "}")
        code, output = self.reload(daemon, number)
        if code is not None:
            self.assertEqual(code, 0, output)
            self.assertIn("unchanged %s/rules/day/1.lua" % self.site.directory, output)
        if change == 1:
            self.assertEqual(self.victim_active(daemon), [self.victim_number])
        if change == 4:
            names = {row["name"] for row in daemon.call("status")["sources"]}
            self.assertEqual("more" in names, number % 10 == 4)

    def finish(self, daemon, writer):
        daemon.wait_readings("s", writer.lines, 600)
        wait_until(lambda: daemon.call("status")["outputs"][0]["waiting"] == 0, 60, "the outbox")
        wait_until(lambda: all(row.get("firing", 0) == 0 for row in daemon.call("rule.list")
                               if row["name"] != "day"), 60, "all alerts to resolve")
        source = daemon.source("s")
        self.assertEqual(source["readings"], writer.lines)
        self.assertEqual((source["malformed"], source["late"], source["late_dropped"],
                          source["bytes"]), (0, 0, 0, writer.bytes))

    def check_counts(self, daemon, writer):
        day = [row for row in daemon.call("rule.show", {"name": "day"})["values"]]
        seen = {re.sub(r'.*"(\w+)".*|^k=(\w+)$', r"\1\2", str(row["key"])): row["count"]
                for row in day}
        self.assertEqual(seen, dict(writer.counts()))

    def test_reloads_at_full_speed(self):
        writer = Writer(self.input, SEED)
        daemon = Daemon(self.site)
        sizes = {}
        with daemon:
            pid = daemon.process.pid
            writer.read_bytes = lambda: daemon.source("s")["bytes"]
            writer.start()
            self.addCleanup(writer.stop)
            daemon.wait_readings("s", 20000)
            start = time.monotonic()
            for number in range(1, RELOADS + 1):
                before = daemon.source("s")["readings"]
                if number % 10 == 0:
                    self.broken_reload(daemon, number // 10)
                else:
                    self.good_reload(daemon, number)
                wait_until(lambda: daemon.source("s")["readings"] > before, 30, "readings")
                if number in (RELOADS // 4, RELOADS):
                    sizes[number] = resident_kib(daemon.process)
            spent = time.monotonic() - start
            writer.stop()
            writer.end()
            self.finish(daemon, writer)
            self.check_counts(daemon, writer)
            self.assertEqual(daemon.process.poll(), None)
            self.assertEqual(daemon.call("status")["pid"], pid)
            alerts = untouched_alerts(daemon)
        plain = Daemon(self.make_site("plain"))
        with plain:
            self.finish(plain, writer)
            self.check_counts(plain, writer)
            expected = untouched_alerts(plain)
            plain_size = resident_kib(plain.process)
        self.assertEqual({row[0] for row in expected},
                         {name.split("/")[0] for name in UNTOUCHED} - {"day"})
        self.assertEqual(len(alerts), len(expected))
        self.assertEqual(alerts, expected)
        first, last = sizes[RELOADS // 4], sizes[RELOADS]
        print("%d reloads in %.1f s under %d readings (%.0f bytes/s): totals exact, %d alerts "
              "equal to the run without; resident %d KiB after %d, %d KiB after %d, %d KiB without"
              % (RELOADS, spent, writer.lines, writer.bytes / spent, len(alerts), first,
                 RELOADS // 4, last, RELOADS, plain_size), flush=True)
        if not is_sanitized():
            self.assertLess(last - plain_size, LOAD_LEAK_KIB_MAX)

    def test_reloads_leave_no_memory_behind(self):
        with Daemon(self.site) as daemon:
            for number in range(1, RELOADS + 1):
                if number % 10 == 0:
                    self.broken_reload(daemon, 0)  # by command: the log holds back repeats
                else:
                    self.site.rule("extra/1", VICTIM % ("10s", 9))
                    if number % 2:
                        self.site.rule("extra/2", VICTIM % ("5s", 9))
                    self.assertFalse(daemon.call("reload")["refused"])
                    shutil.rmtree(os.path.join(self.site.directory, "rules/extra"))
                if number == len(BROKEN) * 10:
                    first = resident_kib(daemon.process)
            last = resident_kib(daemon.process)
        print("idle: resident %d KiB after %d reloads, %d KiB after %d"
              % (first, len(BROKEN) * 10, last, RELOADS), flush=True)
        if not is_sanitized():
            self.assertLess(last - first, IDLE_LEAK_KIB_MAX)


if __name__ == "__main__":
    unittest.main()
