#!/usr/bin/env python3
"""People are paged by real gateways: the next way, acknowledgement, bundles, kill -9."""
import json
import os
import sys
import tempfile
import threading
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from daemon import Daemon, Refused, Site, tocsin, wait_until  # noqa: E402
from web import WebServer  # noqa: E402

START = 1767225600
CONFIG = """
  sources = { s = { fields = { k = "string" }, from = { { file = "%(log)s" } }, idle = "1h",
                    lateness = "0s" } },
  outputs = {
    alerts = { file = "alerts.jsonl" },
    voice = { gateway = "%(voice)s", kind = "voice", rate = { 1000, "1s" },
              body = '{"number":"{recipient}","say":"{text}","title":"{title}","n":"{incident}"}' },
    ops = { webhook = "%(ops)s" },
  },
  people = {
    wang = { reach = { { "voice", "+8613800000000" }, { "ops", "@wang" } } },
    li = { reach = { { "ops", "@li" } }, language = "zh", roles = { "commander" } },
    asleep = { reach = { { "ops", "@asleep" } }, quiet = { from = "00:00", to = "24:00" } },
    nobody = {},
  },
  schedules = { night = { layers = { { people = { "asleep" } } } } },
  caps = { person = { %(caps)s }, bundle = "%(bundle)s" },
  listen = { http = false },
  %(more)s
"""
# Fires for 6 readings of one key in 10 seconds.
RULE = """return rule.group { source = "s", by = { "k" }, statistic = "count", window = "10s",
  threshold = ">= 6", output = "alerts" }"""
ASKS = """return plan { name = "asks", api = 1, on = { incident = "opened" }, run = function(ctx)
  return ctx:ask("sure", { text = "?", who = { "role:commander", "schedule:night" } }).actor
end }"""
MANY = "voice = { 1000, \"1s\" }, ops = { 1000, \"1s\" }"


class Paging(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        self.web = WebServer()
        self.addCleanup(self.web.close)

    def start(self, keys="ab", caps=MANY, bundle="0s", plans=None, more=""):
        log = os.path.join(self.root, "s.jsonl")
        config = CONFIG % {"log": log, "voice": self.web.url("/voice"), "caps": caps,
                           "ops": self.web.url("/ops"), "bundle": bundle, "more": more}
        site = Site(os.path.join(self.root, "site"), config, {"busy/1": RULE}, plans)
        with open(log, "w", encoding="ascii") as out:
            for at in range(6):
                for key in keys:
                    out.write(json.dumps({"time": START + at, "k": key}) + "\n")
            out.write(json.dumps({"time": START + 10, "k": "z"}) + "\n")
        daemon = Daemon(site).start()
        self.addCleanup(daemon.stop)
        wait_until(lambda: len(daemon.call("incident.list")) == len(keys), 30, "incidents")
        return daemon

    def got(self, path, count=1):
        """The bodies that came so far, when there are so many."""
        def bodies():
            return [json.loads(one["body"]) for one in self.web.requests
                    if one["path"] == path]
        return wait_until(lambda: len(bodies()) >= count and bodies(), 30,
                          "%d requests to %s" % (count, path))

    def facts(self, daemon, number):
        return [(one["kind"], one["text"]) for one in
                daemon.call("incident.timeline", {"number": number})]

    def wait_fact(self, daemon, number, kind, text):
        wait_until(lambda: [1 for one in self.facts(daemon, number)
                            if one[0] == kind and text in one[1]], 30,
                   "%s %s in %s" % (kind, text, self.facts(daemon, number)))

    @staticmethod
    def page(daemon, person, text, **more):
        return daemon.call("oncall.page", {"person": person, "text": text, **more})

    def test_a_page_goes_by_the_first_way_and_the_timeline_says_so(self):
        daemon = self.start()
        self.page(daemon, "wang", "please look", incident=1)
        body = self.got("/voice")[0]
        self.assertEqual(body["number"], "+8613800000000")
        self.assertEqual(body["n"], "1")
        self.assertIn("please look", body["say"])
        self.wait_fact(daemon, 1, "page_delivered", "wang by voice")
        self.wait_fact(daemon, 1, "first_notified", "")
        facts = self.facts(daemon, 1)
        self.assertEqual([kind for kind, _ in facts if kind.startswith("page")],
                         ["page", "page_delivered"])
        self.assertRegex(dict(facts)["page"], r"^wang by voice \(by hand, uid:\d+")
        audit = daemon.call("audit.list")
        self.assertIn(("person", "wang", "paged"),
                      [(one["kind"], one["name"], one["action"]) for one in audit["rows"]])

    def test_an_important_page_goes_by_all_ways(self):
        daemon = self.start()
        self.page(daemon, "wang", "please look", incident=1, important=True)
        self.assertEqual(self.got("/voice")[0]["number"], "+8613800000000")
        self.assertEqual(self.got("/ops")[0]["recipient"], "@wang")

    def test_a_way_that_refuses_gives_the_page_to_the_next(self):
        daemon = self.start()
        self.web.behave("/voice", 404)
        self.page(daemon, "wang", "please look", incident=1)
        self.assertEqual(self.got("/ops")[0]["recipient"], "@wang")
        self.wait_fact(daemon, 1, "page_failed", "wang by voice")
        self.wait_fact(daemon, 1, "page_delivered", "wang by ops")

    def test_the_next_way_is_taken_also_by_the_process_after(self):
        """The refusal comes to a process that did not put the page there."""
        daemon = self.start()
        held = threading.Event()
        self.web.behave("/voice", held, 404)
        self.page(daemon, "wang", "please look", incident=1)
        wait_until(lambda: self.web.requests, 30, "the first attempt")
        daemon.kill()
        held.set()
        daemon.start()
        self.assertEqual(self.got("/ops")[0]["recipient"], "@wang")
        self.wait_fact(daemon, 1, "page_delivered", "wang by ops")

    def test_news_is_told_whoever_has_the_incident(self):
        daemon = self.start()
        held = threading.Event()
        self.web.behave("/ops", held)
        self.page(daemon, "li", "first")
        wait_until(lambda: self.web.requests, 30, "the first request")
        # It waits behind the first one; a person has the incident before its turn comes.
        daemon.call("oncall.page", {"person": "li", "text": "second", "incident": 2})
        daemon.call("incident.ack", {"number": 2, "revision": 0})
        held.set()
        bodies = self.got("/ops", 2)
        self.assertIn("second", bodies[1]["text"], "news is told, whoever has the incident")

    def test_a_call_for_help_is_not_sent_when_somebody_has_the_incident(self):
        held = threading.Event()
        self.web.behave("/ops", held)
        daemon = self.start(more="""chains = { all = { steps = { { notify = { "person:li" } },
                                                                 { wait = "1h" } } } },""")
        wait_until(lambda: self.web.requests, 30, "the page of the first incident")
        # That of the second one waits behind it in the queue of the output.
        daemon.call("incident.ack", {"number": 2, "revision": 0})
        held.set()
        self.wait_fact(daemon, 2, "page_dropped", "li: incident 2 is ACKED by uid:")
        self.wait_fact(daemon, 1, "page_delivered", "li by ops")
        self.assertEqual([one["incident"]["number"] for one in self.got("/ops")], [1])

    def test_a_plan_that_starts_at_once_does_not_keep_the_chain_from_its_people(self):
        daemon = self.start("a", plans={"works/1": """return plan { on = { incident = "opened" },
            run = function(ctx) ctx:sleep("1h") end }"""}, more="""chains = { all = { steps = {
            { notify = { "person:li" } }, { wait = "1s" }, { notify = { "person:wang" } } } } },""")
        self.assertEqual(daemon.call("incident.show", {"number": 1})["state"], "HANDLING")
        self.wait_fact(daemon, 1, "page_delivered", "li by ops")
        self.wait_fact(daemon, 1, "page_delivered", "wang by voice")
        self.assertNotIn("page_dropped", dict(self.facts(daemon, 1)))

    def test_pages_a_moment_later_are_one_message(self):
        daemon = self.start("abcd", bundle="1s")
        for number in range(1, 5):
            self.page(daemon, "li", "look at %d" % number, incident=number)
        bodies = self.got("/ops", 2)
        self.assertEqual(len(bodies), 2)
        self.assertEqual(bodies[0]["text"], "look at 1")
        self.assertEqual(bodies[1]["title"], "3 个事件需要您处理")
        self.assertEqual(len(bodies[1]["text"].splitlines()), 3)
        for number in range(2, 5):
            self.assertIn("#%d [P" % number, bodies[1]["text"])
        self.wait_fact(daemon, 4, "page_held", "a page went a moment ago")

    def test_a_held_page_survives_a_kill_and_is_sent_once(self):
        daemon = self.start("abc", bundle="2s")
        self.page(daemon, "li", "look at 1", incident=1)
        self.wait_fact(daemon, 1, "page_delivered", "li by ops")
        self.page(daemon, "li", "look at 2", incident=2)
        daemon.kill()
        daemon.start()
        self.assertEqual(daemon.call("oncall.people", {"person": "li"})[0]["held"], 1)
        bodies = self.got("/ops", 2)
        self.wait_fact(daemon, 2, "page_delivered", "li by ops")
        self.assertEqual(daemon.call("status")["paging"]["held"], 0)
        self.assertEqual([body["text"] for body in bodies], ["look at 1", "look at 2"])

    def test_used_caps_survive_a_kill(self):
        daemon = self.start(caps='voice = { 1, "1h" }, ops = { 1, "1h" }')
        self.page(daemon, "wang", "one", incident=1)
        self.page(daemon, "wang", "two", incident=1)
        self.wait_fact(daemon, 1, "page_delivered", "wang by voice")
        self.wait_fact(daemon, 1, "page_delivered", "wang by ops")
        daemon.kill()
        daemon.start()
        with self.assertRaisesRegex(Refused, "wang could not be reached now"):
            self.page(daemon, "wang", "three", incident=2)
        self.assertEqual(len(self.got("/voice")), 1)
        self.assertEqual(len(self.got("/ops")), 1)
        self.wait_fact(daemon, 2, "page_unreached", "voice has had its 1 in 3600s")
        person = daemon.call("oncall.people", {"person": "wang"})[0]
        self.assertEqual(person["held"], 1)
        for way in person["reach"]:
            self.assertEqual(way["caps"], [{"count": 1, "span_s": 3600, "used": 1}])
            self.assertIsNotNone(way["free"])

    def test_a_reload_asks_again(self):
        daemon = self.start()
        self.page(daemon, "asleep", "look at 1", incident=1)
        self.assertEqual(daemon.call("oncall.people", {"person": "asleep"})[0]["held"], 1)
        path = os.path.join(daemon.site.directory, "tocsin.lua")
        with open(path, encoding="utf-8") as site:
            text = site.read()
        daemon.site.write("tocsin.lua", text.replace(', quiet = { from = "00:00", to = "24:00" }',
                                                     ""))
        daemon.call("reload")
        self.assertEqual(self.got("/ops")[0]["recipient"], "@asleep")

    def test_roles_and_schedules_may_be_asked(self):
        daemon = self.start("abc", plans={"asks/1": ASKS})
        runs = {one["incident"]: one["id"] for one in
                wait_until(lambda: len(daemon.call("plan.runs")) == 3 and
                           daemon.call("plan.runs"), 30, "three runs")}
        daemon.call("incident.set", {"number": 3, "field": "commander", "value": "wang"})
        for number, person, code in ((1, "wang", 5), (1, "li", 0), (2, "asleep", 0),
                                     (3, "wang", 0)):
            done = tocsin("plan", "approve", runs[number], "--as", person, "--state",
                          daemon.state)
            self.assertEqual(done.returncode, code, (number, person, done.stderr))
        self.assertNotIn("ASKING", str(daemon.call("plan.runs")))

    def test_what_cannot_be_is_refused(self):
        daemon = self.start()
        for args, text in (({"person": "zhao", "text": "x"}, 'no person "zhao"'),
                           ({"person": "nobody", "text": "x"}, 'has no "reach"'),
                           ({"person": "wang"}, "argument text is missing"),
                           ({"person": "wang", "text": "x", "incident": 99},
                            "there is no incident 99 .see incident list --all"),
                           ({"person": "wang", "text": ""}, "1 to 4096 bytes"),
                           ({"person": "wang", "text": "x" * 4097}, "1 to 4096 bytes")):
            with self.assertRaisesRegex(Refused, text):
                daemon.call("oncall.page", args)

    def test_the_command_line(self):
        daemon = self.start()
        done = tocsin("oncall", "people", "--state", daemon.state)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("voice +8613800000000, ops @wang", done.stdout)
        self.assertIn("00:00-24:00, now until", done.stdout)
        done = tocsin("oncall", "page", "li", "please come", "--state", daemon.state)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, "li: on its way\n")
        self.assertEqual(self.got("/ops")[0]["title"], "please come")
        done = tocsin("oncall", "page", "asleep", "no hurry", "--state", daemon.state)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^asleep: held until 20[-0-9T:Z.]+: quiet hours\n$")
        for words, code, text in ((["page", "li"], 2, "wants a person and a text"),
                                  (["people", "a", "b"], 2, "one person at most"),
                                  (["page", "li", "x", "--incident", "one"], 2, "wants a number"),
                                  (["people", "zhao"], 5, "no person")):
            done = tocsin("oncall", *words, "--state", daemon.state)
            self.assertEqual(done.returncode, code, words)
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    unittest.main()
