#!/usr/bin/env python3
"""ticket.create against a ticket system: one step makes one ticket, whatever is lost on the way."""
import http.server
import json
import os
import sys
import tempfile
import threading
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, support  # noqa: E402
from web import Served  # noqa: E402


class Tracker(Served):
    """Keeps tickets by path; `behave(method, what…)` for the next requests: "drop" (done, but no
    answer), an Event (held before it is done), a status (not done), "text" (done, no JSON)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.tickets = []   # bodies, in order
        self.requests = []  # (method, path, headers)
        self.next = {"GET": [], "POST": []}
        tracker = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self, status, body):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def take(self):
                with tracker.lock:
                    tracker.requests.append((self.command, self.path, dict(self.headers)))
                    rows = tracker.next[self.command]
                    what = rows.pop(0) if rows else None
                if isinstance(what, threading.Event):
                    what.wait(60)
                return what

            def do_GET(self):
                what = self.take()
                if isinstance(what, int):
                    self.reply(what, b"no")
                    return
                key = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["external"][0]
                with tracker.lock:
                    found = [{"number": 100 + i} for i, body in enumerate(tracker.tickets)
                             if body["external"] == key]
                self.reply(200, b"<html>" if what == "text" else {"issues": found})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                what = self.take()
                if isinstance(what, int):
                    self.reply(what, b"no: Bearer " + b"sesame")
                    return
                with tracker.lock:
                    number = 100 + len(tracker.tickets)
                    tracker.tickets.append(body)
                if what == "drop":
                    self.close_connection = True
                    return
                self.reply(201, b"made" if what == "text" else {"data": {"number": number}})

            def log_message(self, *_):
                pass

        self.serve(Handler)
        self.url = "http://127.0.0.1:%d" % self.port

    def behave(self, method, *what):
        with self.lock:
            self.next[method] = list(what)

    def of(self, title):
        with self.lock:
            return [body for body in self.tickets if body["summary"] == title]

    def sent(self, method):
        with self.lock:
            return [row for row in self.requests if row[0] == method]


TICKET = """
    return ctx:ticket("open", { to = "%s", title = "%s", text = "line 1\\nline \\"2\\"",
      fields = { component = "pay", weight = 3 } },
      { timeout = "5s", retry = { max = 3, first = "20ms", jitter = 0 } })"""

PLANS = {
    "asked": TICKET % ("asked", "asked"),
    "lost": TICKET % ("asked", "lost"),
    "killed": TICKET % ("asked", "killed"),
    "deaf": TICKET % ("asked", "deaf"),
    "blind": TICKET % ("blind", "blind"),
    "own": TICKET % ("own", "own"),
    "odd": TICKET % ("own", "odd"),
    "refused": """
    local out = {}
    local function try(name, args)
      local _, why = ctx:ticket(name, args, { on_fail = "continue" })
      out[name] = why
    end
    try("where", { to = "elsewhere", title = "x" })
    try("title", { to = "asked" })
    try("missing", { to = "asked", title = "x", fields = { component = "pay" } })
    try("own", { to = "asked", title = "x", fields = { key = "mine" } })
    try("secret", { to = "asked", title = "x", text = ctx:secret("x") })
    try("long", { to = "asked", title = ("x"):rep(501) })
    return out""",
}

SITE = """
  tickets = {
    asked = { url = "@U/issues", headers = { Authorization = { env = "TICKET_KEY" } },
      body = { summary = "{title}", text = "{text}", external = "{key}",
        labels = { "tocsin", "{component}" }, weight = "{weight}", about = "I{incident}" },
      id = "data.number", link = "@U/browse/{id}",
      find = "@U/search?external={key}&project={component}", find_id = "issues.1.number" },
    blind = { url = "@U/issues", body = { summary = "{title}", external = "{key}" } },
    own = { url = "@U/issues", body = { summary = "{title}", external = "{key}" },
      idempotent = true, id = "data.number" },
  },"""


class Ticket(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ["TICKET_KEY"] = "Bearer sesame"
        cls.folder = tempfile.TemporaryDirectory()
        cls.tracker = Tracker()
        cls.world = World(cls.folder.name, PLANS, SITE.replace("@U", cls.tracker.url))

    @classmethod
    def tearDownClass(cls):
        cls.world.close()
        cls.tracker.close()
        cls.folder.cleanup()

    def test_a_ticket_has_what_the_site_and_the_step_say(self):
        run, result = self.world.play("asked")
        ticket, = self.tracker.of("asked")
        number = 100 + self.tracker.tickets.index(ticket)
        self.assertEqual(result, {"id": str(number), "key": ticket["external"], "found": False,
                                  "link": "%s/browse/%d" % (self.tracker.url, number)})
        self.assertRegex(ticket["external"], "^tocsin-[0-9a-f]{32}$")
        self.assertEqual({name: ticket[name] for name in ("text", "labels", "weight", "about")},
                         {"text": 'line 1\nline "2"', "labels": ["tocsin", "pay"], "weight": 3,
                          "about": "I%d" % run["incident"]})
        method, path, headers = self.tracker.sent("POST")[-1]
        self.assertEqual((path, headers["Authorization"], headers["Content-Type"]),
                         ("/issues", "Bearer sesame", "application/json"))
        self.assertEqual(headers["Idempotency-Key"], ticket["external"])
        self.assertTrue(any("ticket for asked: asked: ticket %d" % number in note
                            for note in self.world.notes(run)))

    def test_an_answer_that_was_lost_is_asked_for(self):
        self.tracker.behave("POST", "drop")
        _, result = self.world.play("lost")
        self.assertEqual(len(self.tracker.of("lost")), 1)
        self.assertTrue(result["found"])
        self.assertEqual(result["key"], self.tracker.of("lost")[0]["external"])

    def test_without_an_answer_to_the_question_no_ticket_is_made(self):
        self.tracker.behave("GET", 500, "text", 503)
        before = len(self.tracker.sent("POST"))
        run_id = self.world.begin("deaf")
        run, _ = self.world.end(run_id, "failed")
        self.assertEqual(len(self.tracker.sent("POST")), before)
        errors = [r["error"] for r in run["journal"] if r["type"] == "StepFailed"]
        self.assertEqual(len(errors), 3)
        self.assertIn("the answer is no JSON (when it was asked whether", errors[1])

    def test_a_system_that_cannot_be_asked_is_left_to_a_person(self):
        self.tracker.behave("POST", "drop")
        run_id = self.world.begin("blind")
        self.world.end(run_id, "in_doubt")
        self.assertEqual(len(self.tracker.of("blind")), 1)
        code, _, error = self.world.command("plan", "approve", run_id, "--value",
                                            '{"id":"T-9"}', "--reason", "it is there")
        self.assertEqual(code, 0, error)
        _, result = self.world.end(run_id)
        self.assertEqual(result["id"], "T-9")

    def test_a_system_with_books_of_its_own_is_told_again(self):
        self.tracker.behave("POST", 502, 503)
        _, result = self.world.play("own")
        first, second, third = self.tracker.sent("POST")[-3:]
        keys = {row[2]["Idempotency-Key"] for row in (first, second, third)}
        self.assertEqual(keys, {result["key"]})

    def test_an_answer_without_the_number_is_still_a_ticket(self):
        self.tracker.behave("POST", "text")
        run, result = self.world.play("odd")
        self.assertEqual(len(self.tracker.of("odd")), 1)
        self.assertNotIn("id", result)
        self.assertTrue(any('nothing at "data.number"' in note
                            for note in self.world.notes(run)))

    def test_what_is_no_ticket_is_refused(self):
        before = len(self.tracker.requests)
        run, why = self.world.play("refused")
        self.assertIn('the site has no ticket system "elsewhere"', why["where"])
        self.assertIn('ticket.create needs the text argument "title"', why["title"])
        self.assertIn("have {weight}: give fields = { weight =", why["missing"])
        self.assertIn('fields must not have "key"', why["own"])
        self.assertIn("must not have a secret", why["secret"])
        self.assertIn("title is longer than 500 bytes", why["long"])
        self.assertEqual(len(self.tracker.requests), before)

    def test_an_error_that_shows_the_secret_is_hidden(self):
        self.tracker.behave("POST", 400)
        run_id = self.world.begin("asked", "hidden")
        run, _ = self.world.end(run_id, "failed")
        self.assertNotIn("sesame", json.dumps(run))
        self.assertIn("[secret]", json.dumps(run))

    def test_z_a_crash_while_it_is_made_makes_one_ticket(self):
        gate = threading.Event()
        self.tracker.behave("POST", gate)
        before = len(self.tracker.sent("POST"))
        run_id = self.world.begin("killed")
        support.wait_until(lambda: len(self.tracker.sent("POST")) > before, 30, "the request")
        self.world.daemon.kill()
        gate.set()
        support.wait_until(lambda: self.tracker.of("killed"), 30, "the ticket")
        self.world.daemon.start()
        _, result = self.world.end(run_id)
        self.assertEqual(len(self.tracker.of("killed")), 1)
        self.assertTrue(result["found"])


if __name__ == "__main__":
    unittest.main()
