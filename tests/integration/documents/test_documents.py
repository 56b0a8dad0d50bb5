#!/usr/bin/env python3
"""The alert documents of the source paper, field by field, live and in replay."""
import json
import os
import random
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import Daemon, Site, tocsin, wait_until  # noqa: E402
from seed import SEED  # noqa: E402


CONFIG = """
  timezone = "Asia/Shanghai",
  sources = {
    log = {
      fields = { app = "string", cost_time = "int", IP = "string" },
      from = { { file = "%s/*.jsonl" } },
    },
  },
  outputs = { alerts = { file = "alerts.jsonl", keys = "%s" } },
  listen = { http = false },
"""

RULES = {
    "客户端请求/1": """return rule.count {
  source = "log", filter = 'app == "client"',
  window = "5m", threshold = ">= 400", output = "alerts",
}""",
    "非法终端接入/1": """return rule.field {
  source = "log", filter = 'app == "terminal"', field = "cost_time", statistic = "max",
  window = "5m", threshold = ">=400", output = "alerts", severity = "critical",
}""",
    "连续/1": """return rule.continuous {
  title = "非法终端接入", source = "log", filter = 'app == "same"', field = "cost_time",
  window = "5m", threshold = ">= 400", output = "alerts", labels = { ["组"] = "终端" },
}""",
    "分组/1": """return rule.group {
  title = "非法终端接入", source = "log", filter = 'app == "pair"', by = { "cost_time", "IP" },
  statistic = "count", window = "5m", threshold = ">= 400", output = "alerts",
}""",
}

ENVELOPE_FIRING = {"version": 1, "state": "firing", "window_start": "2018-05-22T09:55:00Z",
                   "window_end": "2018-05-22T10:00:00Z", "samples": []}
ENVELOPE_RESOLVED = {"version": 1, "state": "resolved", "window_start": "2018-05-22T10:00:00Z",
                     "window_end": "2018-05-22T10:05:00Z", "samples": []}


def head(name, time="20180522 18:00:00"):
    return [("名称", name), ("版本", "1.0"), ("告警时间", time), ("时间范围", "5分钟内")]


# The paper's own entries in the paper's order; then what the envelope adds. One row per document.
FIRING_ZH = {
    "客户端请求": (
        head("客户端请求") + [("告警阈值", ">=400"), ("事件数", 500)],
        {"dimension": {}, "value": 500, "severity": "warning", "labels": {}}),
    "非法终端接入": (
        head("非法终端接入") + [("字段", "cost_time"), ("统计类型", "最大值"), ("告警阈值", ">=400"),
                          ("统计值", "600")],
        {"dimension": {}, "value": 600, "severity": "critical", "labels": {}}),
    "连续": (
        head("非法终端接入") + [("字段", "cost_time"), ("字段值", "30"), ("告警阈值", ">=400"),
                          ("事件数", "600")],
        {"dimension": {"cost_time": 30}, "value": 600, "severity": "warning",
         "labels": {"组": "终端"}}),
    "分组": (
        head("非法终端接入") + [("字段", "cost_time,IP"), ("字段值", "1,10.1.1.1"), ("告警阈值", ">=400"),
                          ("事件数", "600")],
        {"dimension": {"cost_time": 1, "IP": "10.1.1.1"}, "value": 600, "severity": "warning",
         "labels": {}}),
}
# Five minutes later: 7 clients and one quiet terminal with 20 ms go on, the others are silent.
LATER = "20180522 18:05:00"
RESOLVED_ZH = {
    "客户端请求": (
        head("客户端请求", LATER) + [("告警阈值", ">=400"), ("事件数", 7)],
        {"dimension": {}, "value": 7, "severity": "warning", "labels": {}}),
    "非法终端接入": (
        head("非法终端接入", LATER) + [("字段", "cost_time"), ("统计类型", "最大值"),
                                 ("告警阈值", ">=400"), ("统计值", "20")],
        {"dimension": {}, "value": 20, "severity": "critical", "labels": {}}),
    "连续": (
        head("非法终端接入", LATER) + [("字段", "cost_time"), ("字段值", "30"), ("告警阈值", ">=400"),
                                 ("事件数", "0")],
        {"dimension": {"cost_time": 30}, "value": 0, "severity": "warning",
         "labels": {"组": "终端"}}),
    "分组": (
        head("非法终端接入", LATER) + [("字段", "cost_time,IP"), ("字段值", "1,10.1.1.1"),
                                 ("告警阈值", ">=400"), ("事件数", "0")],
        {"dimension": {"cost_time": 1, "IP": "10.1.1.1"}, "value": 0, "severity": "warning",
         "labels": {}}),
}
FIRING_EN = {
    "客户端请求": {"name": "客户端请求", "version": 1, "alert_time": "2018-05-22T10:00:00Z",
              "window": "5m", "threshold": ">=400", "count": 500, "value": 500, "dimension": {},
              "severity": "warning", "labels": {}},
    "非法终端接入": {"name": "非法终端接入", "version": 1, "alert_time": "2018-05-22T10:00:00Z",
               "window": "5m", "field": "cost_time", "statistic": "max", "threshold": ">=400",
               "value": 600, "dimension": {}, "severity": "critical", "labels": {}},
    "连续": {"name": "非法终端接入", "version": 1, "alert_time": "2018-05-22T10:00:00Z", "window": "5m",
           "field": "cost_time", "field_value": 30, "threshold": ">=400", "count": 600,
           "value": 600, "dimension": {"cost_time": 30}, "severity": "warning",
           "labels": {"组": "终端"}},
    "分组": {"name": "非法终端接入", "version": 1, "alert_time": "2018-05-22T10:00:00Z", "window": "5m",
           "field": "cost_time,IP", "field_values": "1,10.1.1.1", "threshold": ">=400",
           "count": 600, "value": 600, "dimension": {"cost_time": 1, "IP": "10.1.1.1"},
           "severity": "warning", "labels": {}},
}


def line(hour, minute, second, app, cost_time, ip):
    return json.dumps({"time": "2018-05-22T%02d:%02d:%06.3fZ" % (hour, minute, second), "app": app,
                       "cost_time": cost_time, "IP": ip})


def readings():
    """All that counts falls into the last pane before 18:00 in Shanghai, in a random order."""
    draw = random.Random(SEED)
    last = [("client", draw.randrange(100), "10.9.9.9")] * 500
    last += [("terminal", 600, "10.2.0.1")] + [("terminal", draw.randrange(390), "10.2.0.2")
                                             for _ in range(99)]
    last += [("same", 30, "10.3.0.%d" % (i % 5)) for i in range(600)]
    last += [("same", 31, "10.3.0.1")] * 399
    last += [("pair", 1, "10.1.1.1")] * 600 + [("pair", 1, "10.1.1.2")] * 399
    last += [("pair", 2, "10.1.1.1")] * 399
    draw.shuffle(last)
    yield line(9, 50, 0, "other", 1, "10.0.0.1")
    for i, (app, cost_time, ip) in enumerate(last):
        yield line(9, 59, 55 + 4.9 * i / len(last), app, cost_time, ip)
    for i in range(7):
        yield line(10, 0, 10 + i, "client", 5, "10.9.9.9")
        yield line(10, i // 2, 20 + i, "terminal", 20, "10.2.0.1")
    for minute in range(4, 7):
        yield line(10, minute, 30, "other", 1, "10.0.0.1")


def documents(text):
    return [json.loads(one) for one in text.splitlines()]


class Documents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        root = cls.directory.name
        cls.logs = os.path.join(root, "logs")
        os.mkdir(cls.logs)
        cls.input = os.path.join(cls.logs, "terminal.jsonl")
        with open(cls.input, "w", encoding="utf-8") as out:
            out.writelines(one + "\n" for one in readings())
        cls.sites = {}
        for keys in ("zh", "en"):
            cls.sites[keys] = Site(os.path.join(root, keys, "site"), CONFIG % (cls.logs, keys),
                                   RULES)
        cls.replayed = {keys: cls.replay(keys) for keys in cls.sites}

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    @classmethod
    def replay(cls, keys):
        done = tocsin("replay", "--input", cls.input, "--site", cls.sites[keys].directory)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout

    def by_rule(self, keys, state):
        found = {}
        for one in documents(self.replayed[keys]):
            if one["state"] == state:
                self.assertNotIn(one["rule"], found, "twice")
                found[one["rule"]] = one
        return found

    def check_zh(self, state, expected, envelope):
        found = self.by_rule("zh", state)
        self.assertEqual(sorted(found), sorted(expected), "seed %d" % SEED)
        for rule, (entries, rest) in expected.items():
            document = found[rule]
            self.assertEqual(list(document.items())[:len(entries)], entries)
            self.assertRegex(document["id"], "^[0-9a-f]{32}$")
            whole = dict(entries, rule=rule, id=document["id"], **rest, **envelope)
            self.assertEqual(document, whole)
            for key, value in whole.items():  # 1 == 1.0 == True in Python, not in JSON
                self.assertIs(type(document[key]), type(value), key)

    def test_firing_documents_are_those_of_the_paper(self):
        self.check_zh("firing", FIRING_ZH, ENVELOPE_FIRING)

    def test_resolved_documents_carry_the_values_that_resolved_them(self):
        self.check_zh("resolved", RESOLVED_ZH, ENVELOPE_RESOLVED)

    def test_english_documents_have_the_same_facts(self):
        found = self.by_rule("en", "firing")
        self.assertEqual(sorted(found), sorted(FIRING_EN), "seed %d" % SEED)
        for rule, expected in FIRING_EN.items():
            document = found[rule]
            whole = dict(expected, rule=rule, id=document["id"],
                         **{k: v for k, v in ENVELOPE_FIRING.items() if k != "version"})
            self.assertEqual(document, whole)

    def test_ids_are_unique_and_the_same_in_every_run_and_language(self):
        ids = [one["id"] for one in documents(self.replayed["zh"])]
        self.assertEqual(len(ids), 8)
        self.assertEqual(len(set(ids)), 8)
        self.assertEqual(self.replay("zh"), self.replayed["zh"])
        self.assertEqual([one["id"] for one in documents(self.replayed["en"])], ids)

    def test_the_text_is_utf8_and_not_escaped(self):
        self.assertIn('"名称":"客户端请求","版本":"1.0","告警时间":"20180522 18:00:00",'
                      '"时间范围":"5分钟内","告警阈值":">=400","事件数":500', self.replayed["zh"])

    def test_live_documents_equal_those_of_the_replay(self):
        for keys, site in self.sites.items():
            with Daemon(site) as daemon:
                wait_until(lambda d=daemon: len(d.output("alerts.jsonl")) >= 8, 60, "8 documents")
                stopped = daemon.stop()
            self.assertEqual(stopped, 0)
            self.assertEqual(daemon.output("alerts.jsonl"), documents(self.replayed[keys]),
                             "seed %d" % SEED)


# Yesterday, by the clock of Shanghai, cost_time was 20 on average; now three readings have 5.
BASELINE = """return rule.baseline {
  title = "非法终端接入", source = "log", field = "cost_time", statistic = "avg",
  baseline = "yesterday", band = { lower = "30%", upper = "150%", side = "left" },
  window = "5m", output = "alerts",
}"""
BASELINE_ZH = head("非法终端接入") + [
    ("字段", "cost_time"), ("基线时间", "昨天"), ("基线值", 20),
    ("区间", {"下限": "30%", "上限": "150%", "范围": "左侧"}), ("字段值", {"5": 3})]


def baseline_readings():
    for day, hour, cost_time in [(20, 15, 999), (20, 16, 10), (21, 4, 30), (21, 15, 20),
                                 (21, 16, 20)]:
        yield line(hour, 30, 0, "a", cost_time, "10.0.0.1").replace("-22T", "-%dT" % day)
    for second, cost_time in [(55, 4), (57, 5), (59, 6)]:
        yield line(9, 59, second, "a", cost_time, "10.0.0.1")
    yield line(10, 0, 6, "a", 5, "10.0.0.1")


class Baseline(unittest.TestCase):
    """The fifth example of the paper: it needs a yesterday."""

    def test_the_document_is_that_of_the_paper_in_replay_and_live(self):
        with tempfile.TemporaryDirectory() as root:
            path = os.path.join(root, "log.jsonl")
            with open(path, "w", encoding="utf-8") as out:
                out.writelines(one + "\n" for one in baseline_readings())
            site = Site(os.path.join(root, "site"), CONFIG % (root, "zh"), {"基线/1": BASELINE})
            done = tocsin("replay", "--input", path, "--site", site.directory)
            self.assertEqual(done.returncode, 0, done.stderr)
            found = documents(done.stdout)
            self.assertEqual(list(found[0].items())[:len(BASELINE_ZH)], BASELINE_ZH)
            self.assertEqual([(one["state"], one["rule"]) for one in found], [("firing", "基线")])
            with Daemon(site) as daemon:
                wait_until(lambda: daemon.output("alerts.jsonl"), 60, "the alert")
                daemon.stop()
            self.assertEqual(daemon.output("alerts.jsonl"), found)


if __name__ == "__main__":
    unittest.main()
