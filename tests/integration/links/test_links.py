#!/usr/bin/env python3
"""What a plan asks is answered by the links of a mail or an SMS, by the right person, once."""
import email
import email.policy
import html
import json
import os
import re
import sys
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration", "channels"))

from daemon import Daemon, Site, free_port, wait_until  # noqa: E402
from servers import Smtp, Vendors  # noqa: E402

START = 1767225600
CONFIG = """
  sources = { s = { fields = { k = "string" }, from = { { file = "%(log)s" } }, idle = "1h",
                    lateness = "0s" } },
  outputs = { alerts = { file = "alerts.jsonl" },
    mail = { mail = "smtp://127.0.0.1:%(smtp)d", from = "t@example.com", tls = false,
             to = { "all@example.com" }, rate = { 10000, "1s" } },
    group = { dingtalk = "%(url)s/robot/send?access_token=t", rate = { 10000, "1s" } },
    sms = { gateway = "%(url)s/sms", body = "{recipient} {text}", content_type = "text/plain",
            rate = { 10000, "1s" } },
  },
  people = {
    wang = { reach = { { "mail", "wang@example.com" } }, roles = { "boss" } },
    li = { reach = { { "mail", "li@example.com" }, { "sms", "+8613800001111" },
                     { "group", "@li" } }, language = "zh" },
    zhao = { reach = { { "mail" } } },
  },
  listen = { http = "127.0.0.1:%(port)d", token = "t0k" },
  links = { url = "http://127.0.0.1:%(port)d", secret = { file = "%(key)s" }, %(expires)s },
"""
RULE = """return rule.group { source = "s", by = { "k" }, statistic = "count", window = "10s",
  threshold = ">= 1", output = "alerts", title = "pay down" }"""
PLAN = """return plan { api = 1, owner = "t", timeout = "10m", on = { incident = "opened" },
  run = function(ctx)
    local answer = ctx:ask("sure", { text = "Switch <b>now</b>?", %s })
    return { approved = answer.approved, value = answer.value, actor = answer.actor,
             reason = answer.reason }
  end }"""
LINK = re.compile(r"http://127\.0\.0\.1:\d+/link/[-\w.]+")


class Links(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        self.vendors, self.smtp = Vendors(), Smtp()
        self.addCleanup(self.vendors.close)
        self.addCleanup(self.smtp.close)
        self.key = os.path.join(self.root, "key")
        with open(self.key, "w", encoding="ascii") as out:
            out.write("0123456789abcdef0123\n")
        os.chmod(self.key, 0o600)

    def start(self, ask, expires=""):
        log = os.path.join(self.root, "s.jsonl")
        self.port = free_port()
        self.site = Site(os.path.join(self.root, "site"), CONFIG % {
            "log": log, "smtp": self.smtp.port, "url": self.vendors.url(""), "port": self.port,
            "key": self.key, "expires": expires}, {"busy/1": RULE}, {"switch/1": PLAN % ask})
        with open(log, "w", encoding="ascii") as out:
            for at in (0, 20):
                out.write(json.dumps({"time": START + at, "k": "a"}) + "\n")
        self.daemon = Daemon(self.site).start()
        self.addCleanup(self.daemon.stop)

    def mails(self, count):
        wait_until(lambda: len(self.smtp.mails) >= count, 30, "%d mails" % count)
        found = {}
        for _, to, data in self.smtp.mails:
            mail = email.message_from_bytes(data, policy=email.policy.default)
            found[to[0].strip("<>")] = mail.get_content()
        return found

    def links(self, text):
        return LINK.findall(text)

    def open(self, url, form=None, **headers):
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        request = urllib.request.Request(url, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, reply.read().decode(), reply.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(), error.headers

    def run_state(self):
        run, = self.daemon.call("plan.runs")
        return run

    def result(self):
        def ended():
            run = self.run_state()
            return run["state"] == "done" and run
        run = wait_until(ended, 30, "the run to end")
        shown = self.daemon.call("plan.show", {"run": run["id"]})
        return [record for record in shown["journal"] if record["type"] == "RunEnded"][0]["result"]

    def test_a_link_shows_the_question_and_its_button_answers_it_once(self):
        self.start('who = { "wang", "li" }')
        yes, no = self.links(self.mails(2)["wang@example.com"])
        for _ in range(3):  # what previews links may do so as often as it likes
            status, page, headers = self.open(yes)
            self.assertEqual(status, 200)
        self.assertIn("Switch &lt;b&gt;now&lt;/b&gt;?", page)
        self.assertIn("you are: wang", page)
        self.assertIn("#1 P", page)
        self.assertEqual(headers["Cache-Control"], "no-store")
        self.assertEqual(headers["Referrer-Policy"], "no-referrer")
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertEqual(self.run_state()["state"], "asking")
        forms = [html.unescape(one) for one in re.findall(r'action="([^"]+)"', page)]
        self.assertEqual(forms[0], yes.rsplit("/", 1)[1])
        self.assertEqual(len(forms), 2)
        status, page, _ = self.open(yes, {"reason": "看过了 & ok"}, Origin="https://other.example")
        self.assertEqual(status, 200)
        self.assertIn("Approved", page)
        self.assertEqual(self.result(), {"approved": True, "actor": "wang", "reason": "看过了 & ok"})
        for url in (yes, no):
            for form in (None, {}):
                self.assertEqual(self.open(url, form)[0], 410)
        self.assertIn("used", self.open(yes)[1])
        record = [one for one in self.daemon.call("incident.show", {"number": 1})["timeline"]
                  if one["kind"] == "answered"]
        self.assertEqual(len(record), 1)

    def test_only_ways_that_a_person_alone_reads_have_links(self):
        self.start('who = { "li", "zhao" }')
        mails = self.mails(2)
        wait_until(lambda: self.vendors.of("/sms") and self.vendors.of("/robot/send"), 30, "both")
        self.assertEqual(self.links(mails["all@example.com"]), [])
        self.assertEqual(len(self.links(mails["li@example.com"])), 2)
        self.assertIn("批准：", mails["li@example.com"])
        self.assertEqual(self.links(self.vendors.of("/robot/send")[0]["body"]), [])
        url, = self.links(self.vendors.of("/sms")[0]["body"])
        status, page, _ = self.open(url)
        self.assertEqual(status, 200)
        no = re.findall(r'action="([^"]+)"', page)[1]
        self.assertIn("拒绝", page)
        status, page, _ = self.open("http://127.0.0.1:%d/link/%s" % (self.port, no), {})
        self.assertEqual(status, 200)
        self.assertIn("已拒绝", page)
        self.assertEqual(self.result()["approved"], False)

    def test_a_quorum_counts_each_person_once(self):
        self.start('who = { "wang", "li" }, quorum = 2, choices = { "a", 7 }')
        mails = self.mails(2)
        wang, li = (self.links(mails[name + "@example.com"])[0] for name in ("wang", "li"))
        self.assertIn("<option>7</option>", self.open(wang)[1])
        self.assertEqual(self.open(wang, {"value": "8"})[0], 422)
        self.assertEqual(self.open(wang, {"value": "7"})[0], 200)
        self.assertEqual(self.open(wang, {"value": "7"})[0], 410)
        self.assertEqual(self.run_state()["state"], "asking")
        self.assertEqual(self.open(li, {"value": '"a"'})[0], 410)  # wang has approved another
        self.assertEqual(self.open(li, {"value": "7"})[0], 200)
        self.assertEqual(self.result()["value"], 7)

    def test_a_role_is_asked_and_answers(self):
        self.start('who = "role:boss"')
        yes = self.links(self.mails(1)["wang@example.com"])[0]
        self.assertEqual(self.open(yes, {})[0], 200)
        self.assertEqual(self.result()["actor"], "wang")

    def test_what_is_forged_or_of_another_key_answers_nothing(self):
        self.start('who = { "wang" }')
        yes, no = self.links(self.mails(1)["wang@example.com"])
        claim, mac = yes.rsplit("/", 1)[1].split(".")
        for token in (claim, claim + "." + no.rsplit(".", 1)[1], claim + ".", "", "x.y",
                      claim[:-1] + "." + mac, "a" * 5000):
            for form in (None, {}):
                status = self.open("http://127.0.0.1:%d/link/%s" % (self.port, token), form)[0]
                self.assertEqual(status, 403, token)
        with open(self.key, "w", encoding="ascii") as out:
            out.write("another key, another link\n")
        self.daemon.call("reload", {"wait": True})
        self.assertEqual(self.open(yes, {})[0], 403)
        self.assertEqual(self.run_state()["state"], "asking")
        self.assertEqual(self.open("http://127.0.0.1:%d/metrics" % self.port)[0], 401)

    def test_a_used_link_stays_used_after_a_kill_and_an_open_one_stays_good(self):
        self.start('who = { "wang", "li" }, quorum = 2')
        mails = self.mails(2)
        wang, li = (self.links(mails[name + "@example.com"])[0] for name in ("wang", "li"))
        self.assertEqual(self.open(wang, {})[0], 200)
        self.daemon.kill()
        self.daemon.start()
        self.assertIn("used", self.open(wang, {})[1])
        self.assertEqual(self.open(li, {})[0], 200)
        self.assertTrue(self.result()["approved"])

    def test_a_link_ends_with_its_question(self):
        self.start('who = { "wang" }, expires = "3s"')
        yes = self.links(self.mails(1)["wang@example.com"])[0]
        self.assertEqual(self.result()["approved"], False)
        self.assertEqual(self.open(yes, {})[0], 410)

    def test_a_site_whose_key_is_too_short_is_refused(self):
        self.start('who = { "wang" }')
        with open(self.key, "w", encoding="ascii") as out:
            out.write("short\n")
        files = self.daemon.call("reload", {"wait": True})
        self.assertIn("the key has 5 bytes; at least 16 are needed", json.dumps(files))


if __name__ == "__main__":
    unittest.main()
