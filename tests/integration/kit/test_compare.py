#!/usr/bin/env python3
"""Two versions over the same hour: tocsin replay --against, tocsin rule shadow."""
import json
import os
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import Daemon, Site, free_port, tocsin, wait_until  # noqa: E402
from stream import CONFIG, lines, time_text, write  # noqa: E402

RULE = """return rule.group {
  source = "pay", filter = "success == false", by = { "merchantId" }, window = "10s",
  output = "alerts", %s
}"""
SECONDS = 300


def failures(second):
    """m1 has an outage of a minute, m2 a small one, m3 one that only version 2 sees."""
    m1 = 5 if 60 <= second < 120 else 1
    m2 = 2 if 40 <= second < 80 else 0
    m3 = 1 if 150 <= second < 200 else 0
    return {"m1": m1, "m2": m2, "m3": m3, "m4": 9 if second % 60 < 10 else 0}


VERSIONS = {
    "r/1": RULE % 'threshold = ">= 20"',
    "r/2": RULE % 'threshold = ">= 35", severity = "critical"',
    "r/3": (RULE % 'threshold = ">= 8"').replace("success == false", "merchantId == 'm3'"),
    "r/4": RULE % 'threshold = ">= 20", description = "the same as 1"',
}


class Story(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        self.input = os.path.join(self.root, "pay.jsonl")
        write(self.input, SECONDS, failures)
        self.port = free_port()
        self.site = Site(os.path.join(self.root, "site"), CONFIG % self.port, VERSIONS)

    def replay(self, *arguments):
        return tocsin("replay", "--site", self.site.directory, "--input", self.input, *arguments)

    def compare(self, one, other):
        done = self.replay("--rule", one, "--against", other, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)


class Replay(Story):
    def test_findings_of_one_version_alone_and_of_both(self):
        document = self.compare("r@1", "r@2")
        self.assertEqual((document["a"], document["b"]), ("r@1", "r@2"))
        # 2 a second are 20 in 10 s, and never 35.
        self.assertEqual([(row["key"], row["from"], row["to"]) for row in document["only_a"]],
                         [("m2", time_text(50), time_text(85))])
        self.assertEqual(document["only_b"], [])
        m1 = [row for row in document["different"] if row["key"] == "m1"]
        # 5 a second and 1 before: 30 in the window that ends at 65, and 30 again at 125.
        self.assertEqual([row["differs"] for row in m1], [["from", "to", "value", "severity"]])
        self.assertEqual([(row["from"], row["to"], row["value"]) for row in
                          (m1[0]["a"], m1[0]["b"])],
                         [(time_text(65), time_text(130), 30), (time_text(70), time_text(125), 50)])
        self.assertEqual(document["same"], 0)

    def test_it_is_the_same_the_other_way_round(self):
        there, back = self.compare("r@1", "r@3"), self.compare("r@3", "r@1")
        self.assertEqual(there["only_a"], back["only_b"])
        self.assertEqual(there["only_b"], back["only_a"])
        self.assertEqual([row["key"] for row in there["only_b"]], ["m3"])
        self.assertEqual(there["alerts_a"], back["alerts_b"])

    def test_versions_that_say_the_same_have_no_difference(self):
        document = self.compare("r@1", "r@4")
        self.assertEqual((document["only_a"], document["only_b"], document["different"]),
                         ([], [], []))
        self.assertEqual(document["same"], 1 + 1 + 5)
        self.assertEqual(document["alerts_a"], document["alerts_b"])

    def test_every_alert_is_in_one_finding(self):
        document = self.compare("r@1", "r@2")
        alerts = [json.loads(line) for line in
                  self.replay("--rule", "r@1").stdout.splitlines()]
        self.assertEqual(document["alerts_a"], len(alerts))
        firing = [alert for alert in alerts if alert["state"] == "firing"]
        self.assertEqual(len(firing), document["same"] + len(document["different"])
                         + len(document["only_a"]))

    def test_plain_text_and_the_newest_by_itself(self):
        done = self.replay("--against", "r@1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("r@4: ", done.stdout)
        self.assertIn("findings of both alike 7, different 0, only the first 0, only the second 0",
                      done.stdout)
        done = self.replay("--rule", "r@1", "--against", "r@2")
        self.assertIn("only r@1\n  m2: firing warning, " + time_text(50), done.stdout)
        self.assertIn("both, but different\n", done.stdout)

    def test_wrong_use(self):
        for arguments, code, text in [
                (("--rule", "r@1", "--against", "r@1"), 2, "--against compares"),
                (("--against", "r@9"), 1, "has no rule r@9"),
                (("--against", "@"), 2, "NAME or NAME@VERSION"),
                (("--rule", "r@1", "--against", "r@2", "--input", "-"), 1, "standard input")]:
            done = self.replay(*arguments)
            self.assertEqual((done.returncode, text in done.stderr), (code, True), done.stderr)


class Shadow(Story):
    """The same hour through a daemon in which version 2 runs beside version 1."""

    def setUp(self):
        super().setUp()
        self.daemon = Daemon(self.site, os.path.join(self.root, "state"))
        self.daemon.start()
        self.addCleanup(lambda: self.daemon.stop())
        self.daemon.call("rule.activate", {"name": "r", "version": 1})

    def rule(self, *arguments):
        return tocsin("rule", *arguments, "--state", self.daemon.state)

    def send(self, rows):
        request = urllib.request.Request("http://127.0.0.1:%d/ingest/pay" % self.port,
                                         data=("\n".join(rows) + "\n").encode(), method="POST")
        urllib.request.urlopen(request, timeout=30).close()

    def live(self, name="r"):
        return self.daemon.call("shadow.compare", {"name": name})

    def wait_alerts(self, a, b):
        wait_until(lambda: (self.live()["alerts_a"], self.live()["alerts_b"]) == (a, b), 30,
                   "%d and %d alerts, not %r" % (a, b, self.live()))

    def test_live_and_replay_show_the_same_differences(self):
        done = self.rule("shadow", "r@2")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = lines(SECONDS, failures)
        self.send(rows[:len(rows) // 2])
        replayed = self.compare("r@1", "r@2")
        # In the middle of it the daemon dies: the shadow goes on as the active version does.
        self.daemon.kill()
        self.daemon = Daemon(self.site, os.path.join(self.root, "state"))
        self.daemon.start()
        self.send(rows[len(rows) // 2:])
        self.wait_alerts(replayed["alerts_a"], replayed["alerts_b"])
        live = self.live()
        for name in ("a", "b", "only_a", "only_b", "different", "same"):
            self.assertEqual(live[name], replayed[name], name)
        self.assertEqual((live["gone_a"], live["gone_b"]), (0, 0))
        done = self.rule("shadow", "r", "--compare")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("only r@1\n  m2: firing warning, " + time_text(50), done.stdout)
        self.assertEqual(json.loads(self.rule("shadow", "r", "--compare", "--json").stdout), live)

    def test_nobody_is_told_what_a_shadow_finds(self):
        self.daemon.call("shadow.set", {"name": "r", "version": 3})
        self.send(lines(SECONDS, failures))
        wait_until(lambda: self.live()["alerts_b"] == 2, 30, "the alerts of the shadow")
        wait_until(lambda: self.live()["alerts_a"] > 4, 30, "the alerts of the active version")
        with open(os.path.join(self.daemon.state, "alerts.jsonl"), encoding="utf-8") as sent:
            alerts = [json.loads(line) for line in sent]
        self.assertEqual({(alert["rule"], alert["version"]) for alert in alerts}, {("r", 1)})
        self.assertNotIn("m3", {alert["dimension"]["merchantId"] for alert in alerts})
        incidents = self.daemon.call("incident.list", {"all": True})
        self.assertNotIn("m3", json.dumps(incidents))
        self.assertEqual([row["key"] for row in self.live()["only_b"]], ["m3"])

    def test_start_list_stop_and_what_is_refused(self):
        self.assertEqual(self.rule("shadow", "r@2").returncode, 0)
        done = self.rule("shadow")
        self.assertRegex(done.stdout, r"r +2 +1 ")
        for arguments, code, text in [
                (("r@1",), 5, "is the active one"), (("r@9",), 5, "no version 9"),
                (("nope@1",), 5, "no version 1"), (("r",), 2, "wants"),
                (("r@2", "--stop", "--compare"), 2, "wants"), (("--compare",), 2, "wants"),
                (("nope", "--compare"), 5, "has no shadow"),
                (("nope", "--stop"), 5, "has no shadow")]:
            done = self.rule("shadow", *arguments)
            self.assertEqual((done.returncode, text in done.stderr), (code, True),
                             (arguments, done.stderr))
        self.assertEqual(self.rule("shadow", "r", "--stop").returncode, 0)
        self.assertEqual(self.daemon.call("shadow.list"), [])
        actions = [row["action"] for row in self.daemon.call("audit.list")["rows"]]
        self.assertEqual(actions[:2], ["shadow_stopped", "shadow_started"])

    def test_a_shadow_that_becomes_active_ends(self):
        self.rule("shadow", "r@2")
        self.daemon.call("rule.activate", {"name": "r", "version": 2})
        self.assertEqual(self.daemon.call("shadow.list"), [])

    def test_a_reload_keeps_it(self):
        self.rule("shadow", "r@2")
        self.site.rule("other/1", RULE % 'threshold = ">= 1000"')
        self.daemon.call("reload")
        self.assertEqual([row["version"] for row in self.daemon.call("shadow.list")], [2])
        self.send(lines(100, failures))
        wait_until(lambda: self.live()["alerts_b"] > 0, 30, "an alert of the shadow")


if __name__ == "__main__":
    unittest.main()
