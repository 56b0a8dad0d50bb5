"""What the daemon does after a restart with files that changed while it was down."""
import json
import os
import shutil
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from daemon import Daemon, Refused, Site, tocsin, wait_until  # noqa: E402

START = 1767225600
CONFIG = """
  sources = { s = { fields = { k = "string" }, from = { { file = "%s" } }, idle = "1h",
                    lateness = "0s" } },
  outputs = { alerts = { file = "alerts.jsonl" }, told = { file = "told.jsonl" } },
  listen = { http = false },
"""
# Fires for 6 readings of one key in 10 seconds: two panes of 5.
GROUP = """return rule.group { source = "s", by = { "k" }, statistic = "count", window = "10s",
  threshold = ">= %d", output = "alerts" }"""
SCRIPT = """return rule.script { source = "s", by = { "k" }, window = "10s", output = "alerts",
  on_window = function(ctx, w)
    return w.count >= %d and { message = "many", value = w.count }
  end }"""
PLAN = """return plan { on = { incident = "opened", rule = "busy" }, run = function(ctx)
  ctx:notify("tell", { to = "told", text = "%s" }) end }"""


def put_broken(path, good):
    with open(path, "w", encoding="ascii") as out:
        out.write(good[:len(good) // 2])


def put_changed(path, good):
    with open(path, "w", encoding="ascii") as out:
        out.write(good.replace(">= 6", ">= 1000").replace("good", "bad"))


def put_folder(path, _):
    os.remove(path)
    os.mkdir(path)


def put_binary(path, good):
    with open(path, "wb") as out:
        out.write(good.encode("ascii") + b"\n--\0\n")


DAMAGES = {"broken": put_broken, "changed": put_changed, "unreadable": put_folder,
           "binary": put_binary}


def restore(path, good):
    if os.path.isdir(path):
        os.rmdir(path)
    with open(path, "w", encoding="ascii") as out:
        out.write(good)


class Restart(unittest.TestCase):
    def begin(self, rules, plans=None):
        self.directory = tempfile.mkdtemp(prefix="tocsin-restart-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.input = os.path.join(self.directory, "in.jsonl")
        open(self.input, "w", encoding="ascii").close()
        self.site = Site(os.path.join(self.directory, "site"), CONFIG % self.input, rules, plans)
        self.daemon = Daemon(self.site, os.path.join(self.directory, "state"))
        self.addCleanup(self.daemon.stop)
        self.second = 0
        self.lines = 0
        self.daemon.start()

    def path(self, name):
        return os.path.join(self.site.directory, name + ".lua")

    def read(self, name):
        with open(self.path(name), encoding="ascii") as text:
            return text.read()

    def write(self, count, key="a"):
        """`count` readings in one pane of 5 s, and one in the next pane, which ends the first."""
        with open(self.input, "a", encoding="ascii") as out:
            for _ in range(count):
                out.write('{"time":%d,"k":"%s"}\n' % (START + self.second, key))
            self.second += 5
            out.write('{"time":%d,"k":"tick"}\n' % (START + self.second))
        self.lines += count + 1
        self.daemon.wait_readings("s", self.lines)

    def alerts(self):
        """What was told of the keys that are no ticks, in order."""
        return [(row["name"], row["dimension"]["k"], row["state"], row.get("reason"))
                for row in self.daemon.output("alerts.jsonl") if row["dimension"]["k"] != "tick"]

    def expect(self, *wanted):
        wait_until(lambda: len(self.alerts()) >= len(wanted), 20, "%s of %s" % (wanted, "alerts"))
        self.assertEqual(self.alerts(), list(wanted))

    def statuses(self):
        files = self.daemon.call("reload")["files"]
        return {os.path.relpath(row["path"], self.site.directory): row["status"] for row in files}

    def restart(self):
        """Returns the part of the log that the new process wrote."""
        before = len(self.daemon.log())
        self.daemon.start()
        return self.daemon.log()[before:]

    def stop(self):
        self.assertEqual(self.daemon.stop(), 0)
        self.assertNotIn("Sanitizer", self.daemon.log())

    def check_damage(self, text, damage):
        self.begin({"busy/1": text % 6, "quiet/1": GROUP % 1000})
        good = self.read("rules/busy/1")
        self.write(6)
        self.expect(("busy", "a", "firing", None))
        self.write(3, "b")
        self.stop()
        damage(self.path("rules/busy/1"), good)
        log = self.restart()
        self.assertRegex(log, r"warn config: \S*rules/busy/1.lua\S* refused: ")
        self.assertIn("rule busy@1 goes on as it was accepted", log)
        row = [r for r in self.daemon.call("rule.list") if r["name"] == "busy"][0]
        self.assertEqual((row["version"], row["active"], row["missing"], row["firing"]),
                         (1, True, False, 1))
        self.assertEqual(self.daemon.call("rule.show", {"name": "busy", "version": 1})["source"],
                         good)
        # Three of b before the restart and three after it are six in one window; a goes on firing
        # until its readings have left the window.
        self.write(3, "b")
        self.expect(("busy", "a", "firing", None), ("busy", "a", "resolved", None),
                    ("busy", "b", "firing", None))
        self.assertEqual(self.statuses()["rules/busy/1.lua"], "refused")
        restore(self.path("rules/busy/1"), good)
        self.assertEqual(self.statuses()["rules/busy/1.lua"], "unchanged")
        self.assertEqual(self.statuses()["rules/quiet/1.lua"], "unchanged")
        self.assertEqual(len(self.alerts()), 3)
        # A second restart with the good file is an ordinary one.
        self.stop()
        self.assertNotIn("refused", self.restart())
        self.write(1, "c")
        self.write(1, "c")
        self.expect(("busy", "a", "firing", None), ("busy", "a", "resolved", None),
                    ("busy", "b", "firing", None), ("busy", "b", "resolved", None))

    def test_a_group_rule_goes_on_whatever_its_file_became(self):
        for name, damage in DAMAGES.items():
            with self.subTest(name):
                self.check_damage(GROUP, damage)
                self.daemon.stop()

    def test_a_script_rule_goes_on_too(self):
        self.check_damage(SCRIPT, put_broken)

    def test_a_deleted_rule_is_removed_and_comes_back(self):
        self.begin({"busy/1": GROUP % 6})
        good = self.read("rules/busy/1")
        self.write(6)
        self.expect(("busy", "a", "firing", None))
        self.stop()
        os.remove(self.path("rules/busy/1"))
        self.restart()
        self.expect(("busy", "a", "firing", None), ("busy", "a", "resolved", "rule_removed"))
        row = self.daemon.call("rule.list")[0]
        self.assertTrue(row["missing"])
        self.assertEqual(self.daemon.call("rule.show", {"name": "busy"})["source"], good)
        shown = tocsin("rule", "show", "busy@1", "--state", self.daemon.state)
        self.assertIn("rule.group", shown.stdout)
        # It begins anew where the stream is: the readings from before are not judged twice.
        restore(self.path("rules/busy/1"), good)
        self.assertEqual(self.statuses()["rules/busy/1.lua"], "loaded")
        self.write(7, "b")
        wait_until(lambda: ("busy", "b", "firing", None) in self.alerts(), 20, "the rule")

    def test_a_disabled_rule_says_so(self):
        self.begin({"busy/1": GROUP % 6})
        self.write(6)
        self.expect(("busy", "a", "firing", None))
        self.daemon.call("rule.disable", {"name": "busy"})
        self.expect(("busy", "a", "firing", None), ("busy", "a", "resolved", "rule_disabled"))

    def test_a_version_that_never_ran_is_kept_as_it_was_accepted(self):
        self.begin({"busy/2": GROUP % 6})
        self.site.rule("busy/1", GROUP % 3)
        self.assertEqual(self.statuses()["rules/busy/1.lua"], "loaded")
        good = self.read("rules/busy/1")
        self.stop()
        put_broken(self.path("rules/busy/1"), good)
        self.restart()
        self.daemon.call("rule.activate", {"name": "busy", "version": 1})
        self.write(3)
        self.expect(("busy", "a", "firing", None))

    def test_a_rule_that_does_not_fit_the_site_any_more_does_not_stop_the_others(self):
        self.begin({"busy/1": GROUP % 6, "other/1": GROUP.replace("alerts", "told") % 1000})
        self.stop()
        put_broken(self.path("rules/other/1"), self.read("rules/other/1"))
        self.site.write("tocsin.lua", "return {" + (CONFIG % self.input).replace("told =", "x =")
                        + "}")
        log = self.restart()
        self.assertRegex(log, "error config: rule other@1 cannot go on as it was accepted: .*told")
        self.write(6)
        self.expect(("busy", "a", "firing", None))

    def test_a_reload_that_cannot_be_installed_leaves_the_versions_as_they_are(self):
        self.begin({"busy/1": GROUP % 6, "other/1": GROUP % 1000})
        put_broken(self.path("rules/other/1"), self.read("rules/other/1"))
        self.site.rule("busy/2", (GROUP % 1).replace('source = "s"', 'source = "t"'))
        renamed = (CONFIG % self.input).replace("s = { fields", "t = { fields")
        self.site.write("tocsin.lua", "return {%s}" % renamed)
        answer = self.daemon.call("reload")
        self.assertTrue(answer["refused"])
        rows = self.daemon.call("rule.history", {"name": "busy"})
        self.assertEqual([(r["version"], r["active"]) for r in rows], [(1, True)])
        self.write(6)
        self.expect(("busy", "a", "firing", None))
        self.stop()

    def test_only_an_active_version_that_does_not_fit_refuses_the_reload(self):
        other = GROUP.replace('output = "alerts"', 'output = "told"') % 1000
        self.begin({"busy/1": GROUP % 6, "other/1": other})
        self.site.write("tocsin.lua", "return {" + (CONFIG % self.input).replace("told =", "x =")
                        + "}")
        files = self.daemon.call("reload")["files"]
        self.assertEqual(files[0]["path"], self.path("tocsin"))
        self.assertRegex(files[0]["reason"], "other@1 runs and does not fit tocsin.lua .*told")
        self.assertEqual(self.daemon.call("status")["generation"], 1)
        self.daemon.call("rule.disable", {"name": "other"})
        self.assertEqual(self.statuses(), {"tocsin.lua": "loaded", "rules/busy/1.lua": "unchanged",
                                           "rules/other/1.lua": "refused"})
        self.assertEqual(self.daemon.call("status")["generation"], 2)
        with self.assertRaises(Refused):
            self.daemon.call("rule.enable", {"name": "other"})
        self.write(6)
        self.expect(("busy", "a", "firing", None))

    def test_a_plan_goes_on_whatever_its_file_became(self):
        for name, damage in DAMAGES.items():
            with self.subTest(name):
                self.begin({"busy/1": GROUP % 6}, {"tell/1": PLAN % "good"})
                good = self.read("plans/tell/1")
                self.stop()
                damage(self.path("plans/tell/1"), good)
                log = self.restart()
                self.assertIn("plan tell@1 goes on as it was accepted", log)
                self.write(6)
                wait_until(lambda: self.daemon.output("told.jsonl"), 20, "the plan's message")
                self.assertIn("good", json.dumps(self.daemon.output("told.jsonl")))
                restore(self.path("plans/tell/1"), good)
                self.assertEqual(self.statuses()["plans/tell/1.lua"], "unchanged")
                self.stop()

    def test_a_deleted_plan_is_removed(self):
        self.begin({"busy/1": GROUP % 6}, {"tell/1": PLAN % "good"})
        self.stop()
        os.remove(self.path("plans/tell/1"))
        self.restart()
        self.write(6)
        self.expect(("busy", "a", "firing", None))
        self.assertEqual(self.daemon.call("plan.runs", {"all": True}), [])


if __name__ == "__main__":
    unittest.main()
