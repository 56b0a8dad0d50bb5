#!/usr/bin/env python3
"""Incidents tell the outputs of `incidents.tell`: edited, limited, by the state of then."""
import json
import os
import re
import sys
import tempfile
import threading
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration", "channels"))

from daemon import Daemon, Site, wait_until  # noqa: E402
from servers import Vendors  # noqa: E402

START = 1767225600
DING, POST, UPDATE = "/robot/send", "/api/chat.postMessage", "/api/chat.update"
MESSAGES = "/open-apis/im/v1/messages"
MESSAGE, KEY = MESSAGES + "/om_1", "/open-apis/auth/v3/tenant_access_token/internal"
CONFIG = """
  sources = { s = { fields = { k = "string", kind = "string" }, from = { { file = "%(log)s" } },
                    idle = "1h", lateness = "0s" } },
  outputs = {
    alerts = { file = "alerts.jsonl" }, news = { file = "news.jsonl" },
    ding = { dingtalk = "%(url)s/robot/send?access_token=t", %(rate)s },
    bot = { slack = { token = "xoxb", channel = "C1", api = "%(url)s/api" }, language = "zh",
            %(rate)s },
    lark = { feishu = { app = "cli_1", secret = { env = "LARK" }, chat = "oc_1", api = "%(url)s" },
             %(rate)s },
  },
  listen = { http = false },
  incidents = { tell = { %(tell)s }, %(more)s },
"""
RULE = """return rule.group { source = "s", filter = 'kind == "%(kind)s"', by = { "k" },
  statistic = "count", window = "10s", threshold = ">= 1", output = "alerts", title = "pay down",
  severity = "%(severity)s" }"""


class News(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        self.vendors = Vendors()
        self.addCleanup(self.vendors.close)
        self.log = os.path.join(self.root, "s.jsonl")
        self.now_s = START
        os.environ["LARK"] = "l4rk"
        with open(self.log, "w", encoding="ascii"):
            pass

    def start(self, tell, more=""):
        site = Site(os.path.join(self.root, "site"), CONFIG % {
            "log": self.log, "url": self.vendors.url(""), "rate": 'rate = { 10000, "1s" }',
            "tell": tell, "more": more}, {
                "slow/1": RULE % {"kind": "slow", "severity": "warning"},
                "storm/1": RULE % {"kind": "storm", "severity": "warning"},
                "dead/1": RULE % {"kind": "dead", "severity": "critical"}})
        self.daemon = Daemon(site).start()
        self.addCleanup(self.daemon.stop)

    def feed(self, kind, *keys):
        """The alerts fire, and are over with the next feed."""
        with open(self.log, "a", encoding="ascii") as out:
            for key in keys:
                out.write(json.dumps({"time": self.now_s, "k": key, "kind": kind}) + "\n")
            self.now_s += 10
            out.write(json.dumps({"time": self.now_s, "k": "-", "kind": "-"}) + "\n")

    def open_one(self):
        self.feed("slow", "a")
        wait_until(lambda: self.daemon.call("incident.list"), 30, "an incident")

    def do(self, command, number=1, **args):
        return self.daemon.call("incident." + command, dict(args, number=number))

    def sent(self, name):
        return [row for row in self.daemon.call("status")["outputs"] if row["name"] == name][0]

    def dings(self, count=0):
        """Texts of the robot's messages, once there are so many and nothing waits."""
        wait_until(lambda: len(self.vendors.of(DING)) >= count and
                   self.sent("ding")["waiting"] == 0, 30, "%d messages" % count)
        return [body["markdown"]["text"] for body in self.vendors.bodies(DING)]

    def test_a_robot_gets_a_message_for_each_step_and_slack_one_that_is_edited(self):
        self.start('"ding", "bot", "news"')
        self.open_one()
        self.dings(1)
        self.do("ack")
        self.dings(2)
        self.do("set", field="owner", value="li")
        self.do("resolve", reason="fixed")
        texts = self.dings(3)
        titles = [text.split("\n")[0] for text in texts]
        self.assertEqual(titles, ["#### [P3] Incident #1 opened: pay down",
                                  "#### [P3] Incident #1 acknowledged: pay down",
                                  "#### [P3] Incident #1 resolved: pay down"])
        actor = self.daemon.call("incident.show", {"number": 1})["acked_by"]
        self.assertRegex(texts[1], r"\n\n\d\d:\d\d acknowledged: %s\n\n" % re.escape(actor))
        self.assertNotIn("opened", texts[2])
        wait_until(lambda: any("已解决" in body["text"] for body in self.vendors.bodies(UPDATE)),
                   30, "the last edit")
        self.assertEqual(len(self.vendors.of(POST)), 1)
        last = self.vendors.bodies(UPDATE)[-1]
        self.assertEqual((last["channel"], last["ts"]), ("C1", "1503435956.000247"))
        for word in ("触发", "已响应：" + actor, "转交：li", "已解决"):
            self.assertIn(word, last["text"])
        path = os.path.join(self.daemon.state, "news.jsonl")
        with open(path, encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        self.assertEqual([row["incident"]["state"] for row in rows],
                         ["OPEN", "ACKED", "ACKED", "RESOLVED"][-len(rows):])
        self.assertIsNotNone(self.do("show")["first_notified"])

    def test_what_waited_behind_an_ill_channel_is_one_message_of_the_state_of_then(self):
        self.start('"ding", "bot"')
        busy = (200, '{"errcode":-1,"errmsg":"system busy"}')
        self.vendors.behave(DING, busy)
        self.open_one()
        wait_until(lambda: self.sent("ding")["retries"] >= 1, 30, "a try")
        self.do("ack")
        self.do("resolve", reason="fixed")
        wait_until(lambda: self.sent("ding")["dropped"] >= 1, 30, "a row that is dropped")
        before = len(self.vendors.of(DING))
        self.vendors.behave(DING, (200, '{"errcode":0,"errmsg":"ok"}'))
        texts = self.dings(before + 1)[before:]
        self.assertEqual(len(texts), 1)
        self.assertTrue(texts[0].startswith("#### [P3] Incident #1 resolved: pay down"))
        for word in ("acknowledged: ", "resolved", "opened"):
            self.assertIn(word, texts[0])
        self.assertEqual(self.daemon.call("status")["news"]["waiting"], 0)

    def test_above_the_limit_there_is_one_message_also_after_a_kill(self):
        self.start('"ding"', 'tell_limit = { 3, "6s" },')
        self.open_one()
        self.dings(1)
        for count, command in enumerate(["ack", "unack"], 2):
            self.do(command)
            self.dings(count)
        for command in ["ack", "unack", "ack", "handle"]:
            self.do(command)
        self.assertEqual(self.daemon.call("status")["news"]["waiting"], 1)
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(len(self.vendors.of(DING)), 3)
        texts = self.dings(4)
        self.assertEqual(len(texts), 4)
        self.assertTrue(texts[3].startswith("#### [P3] Incident #1 in hand: pay down"))
        self.assertEqual(texts[3].count("acknowledged"), 2)
        self.assertEqual(texts[3].count("given back"), 1)

    def test_a_storm_of_10000_alerts_is_one_incident_of_few_messages_and_p1_gets_through(self):
        self.start('"ding", "bot"', 'group_by = { "rule" },')
        self.feed("storm", *["m%d" % i for i in range(10000)])
        self.feed("dead", "x")
        wait_until(lambda: len(self.daemon.call("incident.list", {"all": True})) == 2, 60,
                   "two incidents")
        self.assertEqual(self.do("show")["alert_count"], 10000)
        wait_until(lambda: any("Incident #2 " in text for text in self.dings(2)), 30, "the other")
        of_storm = [text for text in self.dings() if "Incident #1 " in text]
        self.assertGreaterEqual(len(of_storm), 1)
        self.assertLessEqual(len(of_storm), 5)
        self.assertTrue(any(text.startswith("#### [P1] Incident #2 opened: pay down")
                            for text in self.dings()))
        self.assertEqual(len(self.vendors.of(POST)), 2)

    def test_a_reload_may_change_who_is_told(self):
        self.start('"ding"')
        self.open_one()
        self.dings(1)
        path = os.path.join(self.daemon.site.directory, "tocsin.lua")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.daemon.site.write("tocsin.lua", text.replace('tell = { "ding" }', 'tell = { "bot" }'))
        self.daemon.call("reload", {"wait": True})
        self.do("ack")
        wait_until(lambda: self.vendors.of(POST), 30, "the new one to be told")
        self.assertIn("已响应", self.vendors.bodies(POST)[0]["text"])
        self.assertEqual(len(self.dings()), 1)

    def test_feishu_has_one_card_that_is_edited_and_its_key_is_renewed(self):
        web = self.vendors
        web.behave(KEY, (200, '{"code":0,"msg":"ok","tenant_access_token":"t-1","expire":7200}'),
                   (200, '{"code":0,"msg":"ok","tenant_access_token":"t-2","expire":7200}'))
        web.behave(MESSAGES, (200, '{"code":0,"msg":"success","data":{"message_id":"om_1",'
                                   '"chat_id":"oc_1"}}'))
        web.behave(MESSAGE, (200, '{"code":0,"msg":"success","data":{}}'),
                   (400, '{"code":99991663,"msg":"token invalid"}'),
                   (200, '{"code":0,"msg":"success","data":{}}'))
        self.start('"lark"')
        self.open_one()
        wait_until(lambda: web.of(MESSAGES), 30, "the card")
        self.do("ack")
        wait_until(lambda: web.of(MESSAGE), 30, "its edit")
        self.do("handle")
        wait_until(lambda: len(web.of(MESSAGE)) >= 3, 30, "the edit with another key")
        self.assertEqual(web.bodies(KEY), 2 * [{"app_id": "cli_1", "app_secret": "l4rk"}])
        self.assertEqual(len(web.of(MESSAGES)), 1)
        self.assertEqual([one["headers"]["Authorization"] for one in web.of(MESSAGE)],
                         ["Bearer t-1", "Bearer t-1", "Bearer t-2"])
        self.assertEqual({one["method"] for one in web.of(MESSAGE)}, {"PATCH"})
        card = json.loads(web.bodies(MESSAGE)[-1]["content"])
        self.assertTrue(card["config"]["update_multi"])
        self.assertIn("in hand", card["header"]["title"]["content"])
        web.behave(MESSAGE, (400, '{"code":230031,"msg":"14 days"}'))
        self.daemon.kill()
        self.daemon.start()
        self.do("resolve", reason="so")
        wait_until(lambda: len(web.of(MESSAGES)) >= 2, 30, "a card anew")
        wait_until(lambda: self.sent("lark")["waiting"] == 0, 30, "nothing to wait")
        self.do("close")
        wait_until(lambda: len(web.of(MESSAGE)) >= 5 and self.sent("lark")["waiting"] == 0, 30,
                   "the last edit")
        self.assertEqual(len(web.of(MESSAGES)), 2, "closed is not told anew")
        self.assertNotIn("l4rk", self.daemon.log())

    def test_an_edit_that_hangs_holds_nobody_else(self):
        self.start('"bot", "ding"')
        held = threading.Event()
        self.addCleanup(held.set)
        self.vendors.behave(POST, held)
        self.open_one()
        wait_until(lambda: self.vendors.of(POST), 30, "the message")
        self.do("ack")
        self.assertGreaterEqual(len(self.dings(1)), 1)
        held.set()
        wait_until(lambda: self.vendors.of(UPDATE), 30, "the edit")
        self.assertEqual(len(self.vendors.of(POST)), 1)


if __name__ == "__main__":
    unittest.main()
