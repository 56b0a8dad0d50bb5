"""Versions by command and by file: pending, disabled, enabled, older, dropped and removed ones."""
import datetime
import json
import os
import re
import shutil
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from daemon import Daemon, Site, tocsin, wait_until  # noqa: E402

START = 1767225600
CONFIG = """
  sources = { s = { fields = { k = "string" }, from = { { file = "%s" } }, idle = "1h",
                    lateness = "0s" }, %s },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
  %s
"""
RULE = """return rule.group { source = "s", by = { "k" }, statistic = "count", window = "5s",
  threshold = ">= %d", output = "alerts" }"""


def utc(seconds):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Versions(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="tocsin-versions-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.input = os.path.join(self.directory, "in.jsonl")
        open(self.input, "w", encoding="ascii").close()
        self.site = Site(os.path.join(self.directory, "site"), CONFIG % (self.input, "", ""),
                         {"busy/1": RULE % 10, "other/1": RULE % 20})
        self.daemon = Daemon(self.site, os.path.join(self.directory, "state"))
        self.daemon.start()
        self.addCleanup(self.daemon.stop)
        self.second = 0

    def cli(self, *arguments, code=0):
        done = tocsin(*arguments, "--state", self.daemon.state)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def rule(self, *arguments):
        return json.loads(self.cli("rule", *arguments, "--json"))

    def states(self, name="busy"):
        return {row["version"]: row["state"] for row in self.rule("history", name)}

    def active(self, name="busy"):
        return [row["version"] for row in self.rule("history", name) if row["active"]]

    def write(self, count, key="a"):
        """`count` readings in one 5-second pane, and one in the next pane, which ends the first."""
        with open(self.input, "a", encoding="ascii") as out:
            for _ in range(count):
                out.write('{"time":%d,"k":"%s"}\n' % (START + self.second, key))
            self.second += 5
            out.write('{"time":%d,"k":"tick"}\n' % (START + self.second))
        self.lines = getattr(self, "lines", 0) + count + 1
        self.daemon.wait_readings("s", self.lines)

    def alerts(self, rule="busy"):
        return [(d["state"], d["version"], d.get("reason"))
                for d in self.daemon.output("alerts.jsonl") if d["rule"] == rule]

    def wait_alert(self, last, rule="busy"):
        wait_until(lambda: self.alerts(rule)[-1:] == [last], 10,
                   "%s; there are %s" % (last, self.alerts(rule)))

    def test_a_new_version_by_reload_becomes_active(self):
        self.write(10)
        self.wait_alert(("firing", 1, None))
        self.write(0)
        self.wait_alert(("resolved", 1, None))
        self.site.rule("busy/2", RULE % 3)
        self.assertIn("loaded %s/rules/busy/2.lua" % self.site.directory,
                      self.cli("reload", "--wait"))
        self.assertEqual((self.states(), self.active()), ({1: "disabled", 2: "enabled"}, [2]))
        self.write(4)
        self.write(4)
        self.wait_alert(("firing", 2, None))

    def test_disable_and_enable_at_a_time(self):
        self.write(10)
        self.wait_alert(("firing", 1, None))
        self.cli("rule", "disable", "busy", "--reason", "planned work")
        self.assertEqual((self.states(), self.active()), ({1: "disabled"}, []))
        wait_until(lambda: self.alerts()[-1][0] == "resolved", 10, "the alert to resolve")
        self.assertEqual(self.rule("history", "busy")[0]["reason"], "planned work")
        self.assertEqual(self.active("other"), [1])
        count = len(self.alerts())
        self.write(50)
        self.wait_alert(("firing", 1, None), "other")
        self.assertEqual(len(self.alerts()), count, "a disabled rule fired")
        self.cli("rule", "enable", "busy@1", "--at", utc(3600))
        self.assertEqual((self.states(), self.active()), ({1: "pending"}, []))
        self.cli("rule", "disable", "busy@1")
        self.assertEqual(self.states(), {1: "disabled"})
        self.cli("rule", "enable", "busy", "--at", utc(1))
        self.assertEqual(self.states(), {1: "pending"})
        wait_until(lambda: self.active() == [1], 10, "the effective time")
        self.write(0)
        self.write(50)
        self.write(50)
        self.wait_alert(("firing", 1, None))
        self.cli("rule", "disable", "nothing", code=5)

    def test_an_older_version_and_a_restart(self):
        self.site.rule("busy/2", RULE % 3)
        self.cli("reload", "--wait")
        self.cli("rule", "activate", "busy@1", "--reason", "back")
        self.assertEqual(self.active(), [1])
        self.cli("rule", "activate", "busy@2", "--at", utc(3600))
        self.assertEqual((self.states(), self.active()), ({1: "enabled", 2: "pending"}, [1]))
        self.cli("reload", "--wait")
        self.assertEqual((self.states(), self.active()), ({1: "enabled", 2: "pending"}, [1]))
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual((self.states(), self.active()), ({1: "enabled", 2: "pending"}, [1]))
        self.cli("rule", "activate", "busy@9", code=5)

    def test_the_eleventh_version_drops_the_oldest(self):
        for number in range(2, 11):
            self.site.rule("busy/%d" % number, RULE % (number + 10))
        self.cli("reload", "--wait")
        self.assertEqual((sorted(self.states()), self.active()), (list(range(1, 11)), [10]))
        self.site.rule("busy/11", RULE % 21)
        self.cli("reload", "--wait")
        self.assertEqual((sorted(self.states()), self.active()), (list(range(2, 12)), [11]))
        self.cli("rule", "activate", "busy@2")
        self.cli("reload", "--wait")
        self.assertEqual((sorted(self.states()), self.active()), (list(range(2, 12)), [2]))
        self.cli("rule", "activate", "busy@1", code=5)

    def test_reload_and_check_refuse_the_same_files(self):
        """Types that change between versions, and names that are no version's."""
        count = RULE.replace("rule.group", "rule.count").replace('statistic = "count", ', "")
        self.site.rule("fresh/1", RULE % 3)
        self.site.rule("fresh/2", count.replace('by = { "k" }, ', "") % 3)
        self.site.rule("fresh/03", RULE % 3)
        self.site.rule("two words/1", RULE % 3)
        output = self.cli("reload", "--wait", code=5)
        refused = sorted(re.sub(r"^refused ", "", line) for line in output.splitlines()
                         if line.startswith("refused "))
        check = tocsin("check", "--site", self.site.directory)
        found = sorted(line for line in check.stdout.splitlines()
                       if line.startswith(self.site.directory))
        self.assertEqual(refused, found)
        self.assertEqual(len(found), 3)
        self.assertIn("fresh is of type group since version 1, and the type of a name cannot "
                      "change to count", output)
        alone = tocsin("check", "--site", self.site.directory, "rules/fresh/2.lua")
        self.assertIn("cannot change to count", alone.stdout)
        self.assertEqual(alone.returncode, 1)
        self.assertEqual(self.active("fresh"), [1])

    def test_a_removed_rule_resolves_its_alert(self):
        self.write(30)
        self.wait_alert(("firing", 1, None))
        self.wait_alert(("firing", 1, None), "other")
        shutil.rmtree(os.path.join(self.site.directory, "rules/busy"))
        self.cli("reload", "--wait")
        self.wait_alert(("resolved", 1, "rule_removed"))
        self.wait_alert(("firing", 1, None), "other")
        wait_until(lambda: [row["state"] for row in self.daemon.call("incident.list", {"all": True})
                            if row["rule"] == "busy"] == ["RESOLVED"], 10, "the incident")

    def test_sources_come_and_go(self):
        more = os.path.join(self.directory, "more.jsonl")
        with open(more, "w", encoding="ascii") as out:
            out.write('{"time":%d,"k":"m"}\n' % START * 7)
        addition = 'more = { from = { { file = "%s" } }, idle = "1h" }' % more
        self.site.write("tocsin.lua", "return {" + CONFIG % (self.input, addition, "") + "}")
        self.cli("reload", "--wait")
        self.daemon.wait_readings("more", 7)
        self.site.write("tocsin.lua", "return {" + CONFIG % (self.input, "", "") + "}")
        self.cli("reload", "--wait")
        with self.assertRaises(KeyError):
            self.daemon.source("more")
        with open(more, "a", encoding="ascii") as out:
            out.write('{"time":%d,"k":"m"}\n' % START * 5)
        self.site.write("tocsin.lua", "return {" + CONFIG % (self.input, addition, "") + "}")
        self.cli("reload", "--wait")
        self.daemon.wait_readings("more", 12)
        self.write(3)
        self.assertEqual(self.daemon.source("more")["readings"], 12)

    def test_a_faulty_configuration_changes_nothing(self):
        self.site.rule("busy/2", RULE % 3)
        for line, text in ((5, "listn = {}"), (5, "retention = 7"), (5, "outputs = {")):
            self.site.write("tocsin.lua", "return {" + CONFIG % (self.input, "", text) + "}")
            output = self.cli("reload", "--wait", code=5)
            self.assertRegex(output, r"refused %s/tocsin.lua:\d+: " % self.site.directory)
            self.assertEqual(self.active(), [1], "a rule of a refused reload")
        os.remove(os.path.join(self.site.directory, "tocsin.lua"))
        self.assertIn("tocsin.lua", self.cli("reload", "--wait", code=5))
        self.write(10)
        self.wait_alert(("firing", 1, None))
        self.site.write("tocsin.lua", "return {" + CONFIG % (self.input, "", "") + "}")
        self.cli("reload", "--wait")
        self.assertEqual(self.active(), [2])

    def test_an_output_cannot_be_the_store(self):
        os.symlink(os.path.join(self.daemon.state, "db"), os.path.join(self.directory, "link"))
        for path in (os.path.join(self.daemon.state, "db/CURRENT"),
                     os.path.join(self.daemon.state, "db.mark"),
                     os.path.join(self.directory, "link/new.jsonl"),
                     os.path.join(self.directory, "link")):
            config = CONFIG.replace("alerts.jsonl", path) % (self.input, "", "")
            self.site.write("tocsin.lua", "return {" + config + "}")
            self.assertIn('"file" of output alerts leads to %s' %
                          os.path.realpath(path), self.cli("reload", "--wait", code=5))
        self.daemon.stop()
        done = tocsin("run", "--site", self.site.directory, "--state", self.daemon.state)
        self.assertEqual(done.returncode, 1)
        self.assertIn("an output must not write there", done.stderr)
        path = os.path.join(self.daemon.state, "more.jsonl")
        self.site.write("tocsin.lua", "return {" + CONFIG.replace("alerts.jsonl", path) %
                        (self.input, "", "") + "}")
        self.daemon.start()

    def test_a_rule_cannot_lose_its_source(self):
        self.site.write("tocsin.lua", "return {" + CONFIG.replace("s = {", "t = {") %
                        (self.input, "", "") + "}")
        output = self.cli("reload", "--wait", code=5)
        self.assertIn("busy/1.lua", output)
        self.write(10)
        self.wait_alert(("firing", 1, None))

    def test_nothing_is_loaded_by_a_refused_reload(self):
        self.site.rule("other/1", RULE % 3)
        self.site.write("tocsin.lua", "return {}")
        output = self.cli("reload", "--wait", code=5)
        self.assertRegex(output, r"^refused %s/tocsin.lua:1: rule busy@1 runs and does not fit" %
                         self.site.directory)
        self.assertNotIn("loaded ", output)
        self.assertEqual(self.active(), [1])


if __name__ == "__main__":
    unittest.main()
