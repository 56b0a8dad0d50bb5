#!/usr/bin/env python3
"""load.run: the rate that the target sees, the latencies that it made, and the verdict."""
import collections
import http.server
import os
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, support  # noqa: E402
from web import Served  # noqa: E402


class Target(Served):
    """Answers after a delay; keeps when each request came. By path:
    /fast at once; /slow after 0.3 s; /tail every 20th after 0.4 s; /half every other one with 500;
    /dead always 500; /echo wants a body."""

    def __init__(self):
        self.lock = threading.Lock()
        self.seen = collections.defaultdict(list)  # path: (time, headers, body)
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length).decode()
                with target.lock:
                    rows = target.seen[self.path]
                    rows.append((time.monotonic(), dict(self.headers), body))
                    number = len(rows)
                if self.path == "/slow":
                    time.sleep(0.3)
                if self.path == "/tail" and number % 20 == 0:
                    time.sleep(0.4)
                is_bad = self.path == "/dead" or (self.path == "/half" and number % 2 == 0)
                self.send_response(500 if is_bad else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.serve(Handler)

    def count(self, path):
        with self.lock:
            return len(self.seen[path])

    def span(self, path):
        """Seconds from the first to the last request."""
        with self.lock:
            return self.seen[path][-1][0] - self.seen[path][0][0]


PLANS = {
    "fast": """
    return ctx:load("test", { url = "@T/fast", rate = 100, duration = "1s", warm_up = "300ms",
      limits = { p99 = "2s", errors = 0 } })""",
    "slow": """
    return ctx:load("test", { url = "@T/slow", rate = 60, duration = "1s",
      limits = { p50 = "100ms", p95 = "2s" } })""",
    "tail": """
    return ctx:load("test", { urls = { "@T/tail", "@T/tail" }, rate = 200, duration = "1s" })""",
    "half": """
    return ctx:load("test", { url = "@T/half", rate = 50, duration = "1s",
      limits = { errors = 0.4 } })""",
    "dead": """
    return ctx:load("test", { url = "@T/dead", rate = 100, duration = "20s", stop_at = 0.9 })""",
    "crowd": """
    return ctx:load("test", { url = "@T/slow", rate = 100, duration = "1s", at_once = 5 })""",
    "gone": """
    return ctx:load("test", { url = "http://127.0.0.1:@GONE/", rate = 20, duration = "500ms" })""",
    "posts": """
    local secret = ctx:secret("key", { prefix = "Bearer " })
    return ctx:load("test", { url = "@T/echo", method = "POST", body = { a = 1 }, rate = 20,
      duration = "500ms", headers = { Authorization = secret } }, { effect = "idempotent" })""",
    "long": """
    return ctx:load("test", { url = "@T/long", rate = 50, duration = "@LONG" })""",
    "refused": """
    local out = {}
    local function try(name, args, opts)
      opts = opts or {}
      opts.on_fail = "continue"
      local _, why = ctx:load(name, args, opts)
      out[name] = why
    end
    try("host", { url = "@URL/x", rate = 1, duration = "1s" })
    try("rate", { url = "@T/x", rate = 201, duration = "1s" })
    try("long", { url = "@T/x", rate = 1, duration = "25s", warm_up = "6s" })
    try("none", { rate = 1, duration = "1s" })
    try("word", { url = "@T/x", rate = 1, duration = "1s", limits = { p98 = "1s" } })
    try("short", { url = "@T/x", rate = 1, duration = "2s" },
      { timeout = "2s", retry = { max = 1 } })
    return out""",
}


class Load(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ["LOAD_KEY"] = "sesame"
        cls.folder = tempfile.TemporaryDirectory()
        cls.target = Target()
        cls.gone = support.free_port()
        bodies = {name: cls.fill(body) for name, body in PLANS.items()}
        cls.world = World(cls.folder.name, bodies, """
  load = { allow = { "127.0.0.1:%d", "127.0.0.1:%d" }, rate = 200, duration = "30s" },
  secrets = { key = { env = "LOAD_KEY" } },""" % (cls.target.port, cls.gone))

    @classmethod
    def fill(cls, body):
        return (body.replace("@T", "http://127.0.0.1:%d" % cls.target.port)
                .replace("@GONE", str(cls.gone)).replace("@LONG", "2s"))

    @classmethod
    def tearDownClass(cls):
        cls.world.close()
        cls.target.close()
        cls.folder.cleanup()

    def test_all_requests_leave_at_their_rate_and_the_warm_up_is_not_measured(self):
        run, result = self.world.play("fast")
        self.assertEqual(self.target.count("/fast"), 130)
        self.assertEqual((result["requests"], result["good"]), (100, 100), result)
        self.assertEqual((result["statuses"], result["errors"]), ({"200": 100}, 0))
        self.assertTrue(result["passed"], result)
        self.assertEqual(result["broken"], [])
        self.assertGreater(self.target.span("/fast"), 1.1)
        sent = self.target.seen["/fast"][0][1]
        self.assertEqual(sent["Tocsin-Load"], run["id"] + "/test#1")
        self.assertTrue(any("passed: 100 requests" in note for note in self.world.notes(run)))
        size = len(str([r for r in run["journal"] if r["type"] == "StepDone"]))
        self.assertLess(size, 1500, "the journal keeps a verdict, not the requests")

    def test_slow_answers_do_not_lower_the_rate(self):
        _, result = self.world.play("slow")
        self.assertEqual(self.target.count("/slow"), 60)
        self.assertLess(self.target.span("/slow"), 2.5)
        self.assertGreaterEqual(result["p50_ms"], 300)
        self.assertFalse(result["passed"])
        self.assertEqual(len(result["broken"]), 1)
        self.assertRegex(result["broken"][0], r"^p50 is \d+ ms, more than 100 ms$")

    def test_percentiles_are_those_of_the_target(self):
        _, result = self.world.play("tail")
        self.assertEqual(result["requests"], 200)
        self.assertLess(result["p90_ms"], 390, result)
        self.assertGreaterEqual(result["p99_ms"], 395, result)
        self.assertGreaterEqual(result["max_ms"], 400)
        self.assertGreaterEqual(result["mean_ms"], 0.05 * 400)
        self.assertTrue(result["passed"])

    def test_failed_requests_are_a_share(self):
        _, result = self.world.play("half")
        self.assertEqual((result["good"], result["failed"], result["errors"]), (25, 25, 0.5))
        self.assertEqual(result["statuses"], {"200": 25, "500": 25})
        self.assertEqual(result["broken"], ["errors are 0.5, more than 0.4"])

    def test_a_failing_target_is_left_alone_early(self):
        _, result = self.world.play("dead")
        self.assertLess(self.target.count("/dead"), 200)
        self.assertLess(result["seconds"], 10)
        self.assertFalse(result["passed"])
        self.assertIn("stopped: 1 of the requests had failed", result["broken"])

    def test_what_could_not_be_sent_counts_as_missed(self):
        before = self.target.count("/slow")
        _, result = self.world.play("crowd")
        sent = self.target.count("/slow") - before
        self.assertEqual(result["requests"], 100)
        self.assertEqual(result["missed"], 100 - sent)
        self.assertGreater(result["missed"], 50)
        self.assertFalse(result["passed"])

    def test_a_target_that_is_not_there(self):
        _, result = self.world.play("gone")
        self.assertEqual((result["lost"], result["errors"], result["statuses"]), (10, 1, {}))
        self.assertIn("127.0.0.1", result["error"])

    def test_bodies_and_secrets_are_sent_and_the_journal_has_no_secret(self):
        run, result = self.world.play("posts")
        self.assertEqual(result["good"], 10)
        _, headers, body = self.target.seen["/echo"][0]
        self.assertEqual(body, '{"a":1}')
        self.assertEqual(headers["Authorization"], "Bearer sesame")
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertNotIn("sesame", str(run))

    def test_what_the_site_does_not_allow_is_refused(self):
        before = self.target.count("/x")
        _, why = self.world.play("refused")
        self.assertIn("is not on the site's load.allow list", why["host"])
        self.assertIn("rate must be a number from 0.1 to 200", why["rate"])
        self.assertIn("longer than the site's load.duration, 30000 ms", why["long"])
        self.assertIn("load.run needs url", why["none"])
        self.assertIn('limits of load.run has no member "p98"', why["word"])
        self.assertIn("takes up to 8 s, but the step's timeout is 2 s", why["short"])
        self.assertEqual(self.target.count("/x"), before)

    def test_a_cancelled_run_sends_nothing_more(self):
        run_id = self.world.begin("long", "cancelled")
        support.wait_until(lambda: self.target.count("/long") > 5, 30, "requests")
        self.assertEqual(self.world.command("plan", "cancel", run_id)[0], 0)
        self.world.end(run_id, "cancelled")
        time.sleep(0)  # the requests that were on their way are at the target by the next look
        first = self.target.count("/long")
        self.world.play("gone", "after")
        self.assertLessEqual(self.target.count("/long"), first + 2)

    def test_z_after_a_crash_the_test_begins_anew(self):
        before = self.target.count("/long")
        run_id = self.world.begin("long", "killed")
        support.wait_until(lambda: self.target.count("/long") > before + 20, 30, "requests")
        self.world.restart()
        run, result = self.world.end(run_id)
        self.assertEqual(result["requests"], 100)
        tries = [r for r in run["journal"] if r["type"] == "StepAttempt"]
        self.assertEqual(len(tries), 2)


if __name__ == "__main__":
    unittest.main()
