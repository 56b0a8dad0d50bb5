#!/usr/bin/env python3
"""phone.call: who is called by which gateway, once; what the timeline shows of a number."""
import http.server
import json
import os
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import World, support  # noqa: E402
from web import Served  # noqa: E402


class Gateways(Served):
    """Keeps what comes, by path: (header Idempotency-Key, body)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.calls = {}
        self.hold = None  # an Event that the next request waits for, after it was kept
        gateways = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                with gateways.lock:
                    gateways.calls.setdefault(self.path, []).append(
                        (self.headers["Idempotency-Key"], body))
                    hold, gateways.hold = gateways.hold, None
                if hold:
                    hold.wait(60)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.serve(Handler)
        self.url = "http://127.0.0.1:%d" % self.port

    def said(self, path, part):
        with self.lock:
            return [(key, body) for key, body in self.calls.get(path, []) if part in body]

    def wait(self, path, part, count=1):
        def came():
            return len(self.said(path, part)) >= count
        support.wait_until(came, 30, "%d calls about %s" % (count, part))
        return self.said(path, part)


PLANS = {
    "number": """
    return ctx:phone("boss", { to = "voice", number = "+8613900001234", text = 'it "burns"' })""",
    "again": """
    ctx:phone("boss", { to = "voice", number = "+8613900001234", text = "again" })
    ctx:signal("never")""",
    "people": """
    return ctx:phone("team", { who = "schedule:pay", text = "come, @R" })""",
    "roles": """
    return ctx:phone("team", { who = "role:commander", text = "roles" })""",
    "refused": """
    local out = {}
    local function try(name, args)
      args.text = args.text or "t"
      local _, why = ctx:phone(name, args, { on_fail = "continue", retry = { max = 1 } })
      out[name] = why
    end
    try("both", { who = "wang", number = "+8613900001234" })
    try("none", {})
    try("letters", { to = "voice", number = "+86 139" })
    try("short", { to = "voice", number = "12" })
    try("output", { to = "elsewhere", number = "12345" })
    try("kind", { to = "ops", number = "12345" })
    try("sms", { to = "sms", number = "12345" })
    try("person", { who = "elsewhere" })
    try("way", { who = "mute" })
    try("empty", { who = "schedule:empty" })
    try("long", { who = "wang", text = ("x"):rep(2001) })
    return out""",
}

SITE = """
  outputs = { alerts = { file = "alerts.jsonl" }, ops = { webhook = "@U/ops" },
    voice = { gateway = "@U/voice", kind = "voice", rate = { 1000, "1s" },
      body = '{"number":"{recipient}","say":"{text}","n":"{incident}"}' },
    sms = { gateway = "@U/sms", kind = "sms", rate = { 1000, "1s" },
      body = '{"number":"{recipient}","say":"{text}"}' } },
  people = { wang = { reach = { { "voice", "+8613800000001" }, { "sms", "+8613800000001" } } },
    li = { reach = { { "voice", "+8613800000002" } }, roles = { "commander" } },
    chen = { reach = { { "voice", "+8613800000003" } }, roles = { "commander" } }, mute = {} },
  schedules = { pay = { layers = { { people = { "wang" } } } },
    empty = { layers = { { people = { "wang" }, only = { "2020-01-01" } } } } },
  caps = { bundle = "0s", person = { voice = { 1000, "1s" }, sms = { 1000, "1s" } } },"""


class Phone(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.gateways = Gateways()
        bodies = {name: body.replace("@R", "the room burns") for name, body in PLANS.items()}
        cls.world = World(cls.folder.name, bodies, SITE.replace("@U", cls.gateways.url))

    @classmethod
    def tearDownClass(cls):
        cls.world.close()
        cls.gateways.close()
        cls.folder.cleanup()

    def test_a_number_is_called_by_the_gateway(self):
        run, result = self.world.play("number")
        self.assertEqual(result, {})
        (key, body), = self.gateways.wait("/voice", "burns")
        self.assertEqual(key, run["id"] + "/boss#1")
        said = json.loads(body)
        self.assertEqual((said["number"], said["n"]), ("+8613900001234", str(run["incident"])))
        self.assertIn('it "burns"', said["say"])
        notes = "".join(self.world.notes(run))
        self.assertIn("call +861…34: it", notes)
        self.assertNotIn("13900001234", notes)

    def test_people_are_called_by_all_their_ways(self):
        run, result = self.world.play("people")
        self.assertEqual(result, {"people": ["wang"], "waiting": []})
        for path in ("/voice", "/sms"):
            (_, body), = self.gateways.wait(path, "the room burns")
            self.assertEqual(json.loads(body)["number"], "+8613800000001")
        self.assertIn("plan team#1", "".join(self.world.notes(run)))

    def test_a_role_is_everybody_who_has_it(self):
        _, result = self.world.play("roles")
        self.assertEqual(sorted(result["people"]), ["chen", "li"])
        calls = self.gateways.wait("/voice", "roles", 2)
        self.assertEqual(sorted(json.loads(body)["number"] for _, body in calls),
                         ["+8613800000002", "+8613800000003"])

    def test_who_cannot_be_called_is_told(self):
        _, why = self.world.play("refused")
        self.assertIn("phone.call needs who", why["both"])
        self.assertIn("phone.call needs who", why["none"])
        self.assertIn("number must be digits", why["letters"])
        self.assertIn("number must be digits", why["short"])
        self.assertIn('the site has no output "elsewhere"', why["output"])
        self.assertIn("output ops is no gateway with kind", why["kind"])
        self.assertIn("output sms is no gateway with kind", why["sms"])
        self.assertIn('the site has nobody called "elsewhere"', why["person"])
        self.assertIn("mute", why["way"])
        self.assertIn("nobody is schedule:empty now", why["empty"])
        self.assertIn("text is longer than 2000 bytes", why["long"])

    def test_z_a_crash_leaves_one_key_for_a_call(self):
        gate = self.gateways.hold = threading.Event()
        run_id = self.world.begin("again")
        self.gateways.wait("/voice", "again")
        self.world.daemon.kill()
        gate.set()
        self.world.daemon.start()
        calls = self.gateways.wait("/voice", "again", 2)
        self.assertEqual({key for key, _ in calls}, {run_id + "/boss#1"})
        self.world.wait_state(run_id, "waiting")


if __name__ == "__main__":
    unittest.main()
