"""A site whose rules fire for keys of a file, and a receiver that keeps what is posted to it.

Event time is the test's own: `fire` writes one failed payment of each key, `clear` lets event time
pass the window without one.
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import Daemon, Site, wait_until  # noqa: E402
from web import WebServer  # noqa: E402

WINDOW_S = 10

RULE = """return rule.group {
  source = "pay", by = { "merchantId" }, window = "10s", threshold = ">= 1", output = "alerts",
  filter = 'rule == "%s"', severity = "%s", labels = { team = "payments" } }"""

CONFIG = """
  sources = { pay = {
    fields = { rule = "string", merchantId = "string" },
    from = { { file = "%s" } }, lateness = "0s", idle = "1h" } },
  outputs = { alerts = { file = "alerts.jsonl" }, ops = { file = "ops.jsonl" },
              hook = { webhook = "http://127.0.0.1:%d/" } },
  listen = { http = %s },
  %s
"""


class Receiver(WebServer):
    @property
    def documents(self):
        """In order of arrival; those of repeated ids are kept once."""
        return [json.loads(body) for body in
                {r["headers"]["Tocsin-Id"]: r["body"] for r in self.of("/")}.values()]


class World:
    def __init__(self, directory, site="", severities=None, http="false"):
        self.receiver = Receiver()
        self.log = os.path.join(directory, "pay.jsonl")
        self.now_s = int(time.time()) // 5 * 5 - 3600  # the past: no time runs ahead of the clock
        severities = severities or {}
        rules = {"%s/1" % name: RULE % (name, severities.get(name, "warning"))
                 for name in ("slow", "gateway", "other")}
        self.site = Site(os.path.join(directory, "site"),
                         CONFIG % (self.log, self.receiver.port, http, site), rules)
        with open(self.log, "w", encoding="utf-8"):
            pass
        self.daemon = Daemon(self.site)
        self.daemon.start()

    def close(self):
        self.daemon.stop()
        self.receiver.close()

    def change(self, old, new):
        """Another text in tocsin.lua, as the next start reads it."""
        path = os.path.join(self.site.directory, "tocsin.lua")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert old in text
        self.site.write("tocsin.lua", text.replace(old, new))

    def write(self, rows):
        with open(self.log, "a", encoding="utf-8") as log:
            for rule, merchant in rows:
                log.write(json.dumps({"time": self.now_s, "rule": rule,
                                      "merchantId": merchant}) + "\n")

    def step(self, rows=()):
        """These rows now, and event time goes on by one pane, which judges them."""
        self.write(rows)
        self.now_s += 5
        self.write([("tick", "-")])

    def fire(self, *rows):
        self.step(rows)

    def clear(self, *keep):
        """What is not kept has no reading in its window any more."""
        for _ in range(WINDOW_S // 5 + 1):
            self.step(keep)

    def told(self, output):
        """(rule, key, state) of each alert told to the output, those in groups as well."""
        documents = (self.receiver.documents if output == "hook"
                     else self.daemon.output(output + ".jsonl"))
        found = []
        for document in list(documents):
            for alert in document.get("alerts", [document]):
                found.append((alert["rule"], alert["dimension"]["merchantId"], alert["state"]))
        return found

    def wait_told(self, output, *wanted):
        wait_until(lambda: len(self.told(output)) >= len(wanted), 30,
                   "%s to be told %s; it was told %s" % (output, wanted, self.told(output)))
        return self.told(output)

    def open(self):
        return {(row["rule"], row["key"]): row
                for row in self.daemon.call("alert.list", {"open": True})}

    def wait_open(self, rule, key, wait):
        return wait_until(lambda: self.open().get((rule, key), {}).get("wait") == wait, 30,
                          "%s|%s to be open and %s" % (rule, key, wait))

    def wait_closed(self, rule, key):
        wait_until(lambda: (rule, key) not in self.open(), 30, "%s|%s to resolve" % (rule, key))

    def kinds(self, rule, key, state):
        """What happened to the latest alert of the key in that state."""
        for row in self.daemon.call("alert.list", {"rule": rule}):
            if row["key"] == key and row["state"] == state:
                return [event["kind"] for event in row["events"]]
        return None

    def silence(self, **args):
        return self.daemon.call("silence.add", dict({"reason": "test", "for": "1h"}, **args))
