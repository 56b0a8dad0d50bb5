#!/usr/bin/env python3
"""The life of a rule: written, edited, compared, scheduled, rolled back; what an edit keeps."""
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from daemon import Daemon, Site, tocsin, wait_until  # noqa: E402

START = 1767225600
CONFIG = """
  sources = { s = { fields = { k = "string", v = "int" }, from = { { file = "%s" } }, idle = "1h",
                    lateness = "0s" } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
"""
RULE = """return rule.group { source = "s", by = { "k" }, statistic = "count", window = "%s",
  threshold = ">= %d", output = "alerts"%s }"""
with open(os.path.join(ROOT, "lua/lib/rule.lua"), encoding="utf-8") as library:
    CONSTRUCTORS = library.read()
TYPES = [kind for kind in ("count", "field", "continuous", "group", "baseline", "script")
         if '"%s"' % kind in CONSTRUCTORS]


def utc(seconds):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Paper(unittest.TestCase):
    def test_each_test_that_the_table_names_is_there(self):
        with open(os.path.join(os.path.dirname(__file__), "README.md"), encoding="utf-8") as file:
            rows = [line.split("|") for line in file if line.startswith("| ")][1:]
        self.assertGreater(len(rows), 15)
        known = set()
        for directory, _, names in os.walk(os.path.join(ROOT, "tests")):
            for name in names:
                if name.startswith("test_") and name.endswith((".py", ".c")):
                    with open(os.path.join(directory, name), encoding="utf-8") as file:
                        known.update(re.findall(r"(?:def |^Test\(\w+, )(\w+)", file.read(), re.M))
        for row in rows:
            named = re.findall(r"`([\w/]+)`", row[2])
            self.assertTrue(named, row)
            for name in named:
                fixture = os.path.join(ROOT, "tests/fixtures/invalid", name)
                self.assertTrue(name in known or os.path.isdir(fixture), name)


class Files(unittest.TestCase):
    """new and edit need no daemon."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="tocsin-files-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.site = Site(os.path.join(self.directory, "site"),
                         CONFIG % os.path.join(self.directory, "in.jsonl"))

    def rule(self, *arguments, code=0):
        done = tocsin("rule", *arguments, "--site", "site", "--state", "none",
                      cwd=self.directory)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def test_a_template_of_each_type_passes_the_check_as_it_is(self):
        for kind in TYPES:
            self.assertEqual(self.rule("new", "my_" + kind, "--type", kind),
                             "site/rules/my_%s/1.lua\n" % kind)
        done = tocsin("check", "--site", "site", cwd=self.directory)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("%d rules" % len(TYPES), done.stderr)

    def test_new_and_edit_copy_the_newest_to_the_next_number(self):
        self.assertEqual(self.rule("new", "busy"), "site/rules/busy/1.lua\n")
        path = os.path.join(self.directory, "site/rules/busy/1.lua")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn("rule.count", text)
        with open(path.replace("1.lua", "7.lua"), "w", encoding="utf-8") as file:
            file.write(text + "-- mine\n")
        self.assertEqual(self.rule("edit", "busy"), "site/rules/busy/8.lua\n")
        self.assertEqual(self.rule("new", "busy"), "site/rules/busy/9.lua\n")
        for number in (8, 9):
            with open(path.replace("1.lua", "%d.lua" % number), encoding="utf-8") as file:
                self.assertEqual(file.read(), text + "-- mine\n")
        self.assertEqual(sorted(os.listdir(os.path.dirname(path))),
                         ["1.lua", "7.lua", "8.lua", "9.lua"])

    def test_without_a_terminal_no_editor_is_opened(self):
        marker = os.path.join(self.directory, "opened")
        done = tocsin("rule", "new", "busy", "--editor", "--site", "site", cwd=self.directory,
                      env=dict(os.environ, EDITOR="touch %s;" % marker))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("needs a terminal", done.stderr)
        self.assertFalse(os.path.exists(marker))

    def test_a_rule_that_could_not_load_is_not_written(self):
        path = os.path.join(self.directory, "site/tocsin.lua")
        for config, kind, text in [
                ('outputs = { alerts = { file = "a.jsonl" } }', "count",
                 "the site has no source, so no rule could load; declare one in tocsin.lua"),
                ('sources = { pay = { from = { { http = true } } } }', "count",
                 "the site has no output, so no rule could load; declare one in tocsin.lua"),
                ('sources = { pay = { fields = { app = "string" } } }, '
                 'outputs = { alerts = { file = "a.jsonl" } }', "field",
                 "no source of the site declares a numeric field"),
                ('sources = { pay = { fields = { amount = "int" } } }, '
                 'outputs = { alerts = { file = "a.jsonl" } }', "group",
                 "no source of the site declares a text field")]:
            with open(path, "w", encoding="utf-8") as file:
                file.write("return { %s }" % config)
            self.assertIn(text, self.rule("new", "fresh", "--type", kind, code=2))
            self.assertFalse(os.path.exists(os.path.join(self.directory, "site/rules/fresh")))

    def test_what_cannot_be_is_refused(self):
        self.rule("new", "busy")
        self.assertIn("no rule \"nope\" to edit", self.rule("edit", "nope", code=1))
        self.assertIn("the type of a rule cannot change",
                      self.rule("new", "busy", "--type", "field", code=2))
        self.assertIn("did you mean \"group\"?", self.rule("new", "x", "--type", "grup", code=2))
        self.assertIn("cannot be a rule's name", self.rule("new", "../x", code=2))
        self.assertIn("without a version", self.rule("new", "x@3", code=2))
        self.assertIn("wants one NAME@VERSION", self.rule("activate", "busy", code=2))
        self.assertIn("--plan is for", self.rule("show", "busy", "--plan", code=2))
        rules = os.path.join(self.directory, "site/rules")
        self.assertEqual(os.listdir(rules), ["busy"])
        os.rename(os.path.join(rules, "busy/1.lua"), os.path.join(rules, "busy/999999.lua"))
        self.assertIn("busy has had 999999 versions; no more are possible",
                      self.rule("edit", "busy", code=1))
        shutil.rmtree(rules)
        with open(rules, "w", encoding="ascii"):
            self.assertIn("reading the folder site/rules: Not a directory",
                          self.rule("new", "x", code=1))
        done = tocsin("rule", "new", "x", "--site", "nowhere", cwd=self.directory)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no site in nowhere", done.stderr)


class Live(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="tocsin-life-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.input = os.path.join(self.directory, "in.jsonl")
        open(self.input, "w", encoding="ascii").close()
        self.site = Site(os.path.join(self.directory, "site"), CONFIG % self.input,
                         {"busy/1": RULE % ("1m", 10, ""), "calm/1": RULE % ("1m", 900, "")})
        self.daemon = Daemon(self.site, os.path.join(self.directory, "state"))
        self.daemon.start()
        self.addCleanup(self.daemon.stop)
        self.second = self.lines = 0

    def cli(self, *arguments, code=0):
        done = tocsin(*arguments, "--state", self.daemon.state)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def rule(self, *arguments):
        return json.loads(self.cli("rule", *arguments, "--json"))

    def states(self, name="busy"):
        return {row["version"]: row["state"] for row in self.rule("history", name)}

    def write(self, count):
        """`count` readings of key a in one pane, and one in the next pane, which ends the first."""
        with open(self.input, "a", encoding="ascii") as out:
            for _ in range(count):
                out.write('{"time":%d,"k":"a","v":1}\n' % (START + self.second))
            self.second += 5
            out.write('{"time":%d,"k":"tick","v":1}\n' % (START + self.second))
        self.lines += count + 1
        self.daemon.wait_readings("s", self.lines)

    def alerts(self, rule="busy"):
        return [(d["state"], d["version"], d.get("reason"))
                for d in self.daemon.output("alerts.jsonl") if d["rule"] == rule]

    def wait_alert(self, last, rule="busy"):
        wait_until(lambda: self.alerts(rule)[-1:] == [last], 10,
                   "%s; there are %s" % (last, self.alerts(rule)))

    def fates(self, impact):
        return tuple(impact[part]["fate"] for part in ("panes", "states", "alerts"))

    def reload(self, name):
        """Reloads; the impact told for that file."""
        for file in self.daemon.call("reload")["files"]:
            if file["path"].endswith(name):
                return file.get("impact")
        raise KeyError(name)

    def audit(self, *arguments):
        rows = json.loads(self.cli("audit", "--json", *arguments))["rows"]
        return [(row["action"], row["version"]) for row in reversed(rows)]

    # ---- what an edit keeps: told, then compared with what happens ----

    def test_with_another_threshold_the_panes_are_kept_and_the_key_fires_again(self):
        self.write(12)
        self.wait_alert(("firing", 1, None))
        self.site.rule("busy/2", RULE % ("1m", 11, ""))
        impact = self.reload("busy/2.lua")
        self.assertEqual((impact["from"], impact["to"]), (1, 2))
        self.assertEqual(self.fates(impact), ("kept", "rebuilt", "rebuilt"))
        self.assertIn("1 firing alert resolves", impact["alerts"]["text"])
        self.wait_alert(("resolved", 1, "rule_changed"))
        self.write(0)
        self.wait_alert(("firing", 2, None))

    def test_with_another_filter_the_panes_are_lost_and_counting_begins_anew(self):
        self.write(12)
        self.wait_alert(("firing", 1, None))
        self.site.rule("busy/2", RULE % ("1m", 10, ', filter = "v == 1"'))
        impact = self.reload("busy/2.lua")
        self.assertEqual(self.fates(impact), ("lost", "lost", "lost"))
        self.assertIn("filter", impact["panes"]["text"])
        self.assertIn("full again after 1m", impact["panes"]["text"])
        self.wait_alert(("resolved", 1, "rule_changed"))
        self.write(0)
        self.write(5)
        self.assertEqual(self.alerts()[-1], ("resolved", 1, "rule_changed"))
        self.write(5)
        self.write(0)
        self.wait_alert(("firing", 2, None))

    def test_a_longer_window_has_the_panes_of_the_shorter_one(self):
        self.write(6)
        self.site.rule("busy/2", RULE % ("2m", 10, ""))
        impact = self.reload("busy/2.lua")
        self.assertEqual(self.fates(impact), ("kept", "rebuilt", "none"))
        self.assertIn("full after another 1m", impact["panes"]["text"])
        self.write(5)
        self.write(0)
        self.wait_alert(("firing", 2, None))

    def test_what_a_script_keeps_begins_anew_with_another_version(self):
        rule = """return rule.script { source = "s", by = { "k" }, window = "1m",
  output = "alerts"%s,
  on_reading = function(ctx, r)
    ctx.state.count = (ctx.state.count or 0) + 1
    if ctx.state.count >= 3 then return { value = ctx.state.count } end
  end }"""
        self.site.rule("row/1", rule % "")
        self.reload("row/1.lua")
        self.write(3)
        self.wait_alert(("firing", 1, None), "row")
        self.site.rule("row/2", rule % ', description = "the same"')
        impact = self.reload("row/2.lua")
        self.assertEqual(self.fates(impact), ("kept", "lost", "lost"))
        self.assertIn("timers", impact["states"]["text"])
        self.wait_alert(("resolved", 1, "rule_changed"), "row")
        told = len(self.alerts("row"))
        self.write(2)
        self.assertEqual(len(self.alerts("row")), told)
        self.write(3)
        wait_until(lambda: ("firing", 2, None) in self.alerts("row"), 10, "version 2 to fire")

    def test_other_names_for_what_differs(self):
        keys = RULE.replace('{ "k" }', '{ "k", "v" }')
        sums = keys.replace('"count"', '"sum", field = "v"')
        for number, rule, span, word in ((2, keys, "1m", "key"), (3, sums, "1m", "computed"),
                                         (4, sums, "2h", "panes")):
            self.site.rule("busy/%d" % number, rule % (span, 10, ""))
            impact = self.reload("busy/%d.lua" % number)
            self.assertEqual(impact["panes"]["fate"], "lost", number)
            self.assertIn(word, impact["panes"]["text"], number)

    def test_disabling_deletes_what_no_other_rule_counts(self):
        self.cli("rule", "disable", "calm")
        self.write(12)
        self.wait_alert(("firing", 1, None))
        plan = self.rule("disable", "busy", "--plan")
        self.assertEqual((plan["from"], plan["to"]), (1, None))
        self.assertEqual(self.fates(plan), ("lost", "lost", "lost"))
        self.assertEqual(self.states(), {1: "enabled"}, "a plan changes nothing")
        answer = self.rule("disable", "busy")
        self.assertEqual(self.fates(answer[0]["impact"]), ("lost", "lost", "lost"))
        self.wait_alert(("resolved", 1, "rule_disabled"))
        plan = self.rule("enable", "busy", "--plan")
        self.assertEqual(self.fates(plan), ("none", "none", "none"))
        self.cli("rule", "enable", "busy")
        self.write(0)
        self.write(9)
        self.assertEqual(self.alerts()[-1], ("resolved", 1, "rule_disabled"))

    def test_panes_that_another_rule_counts_stay(self):
        self.write(12)
        self.wait_alert(("firing", 1, None))
        plan = self.rule("disable", "busy", "--plan")
        self.assertEqual(plan["panes"]["fate"], "kept")
        self.assertIn("rule calm", plan["panes"]["text"])
        self.cli("rule", "disable", "busy")
        self.wait_alert(("resolved", 1, "rule_disabled"))
        plan = self.rule("enable", "busy", "--plan")
        self.assertEqual(self.fates(plan), ("kept", "none", "none"))
        self.cli("rule", "enable", "busy")
        self.write(0)
        self.wait_alert(("firing", 1, None))

    def test_a_removed_rule_is_in_the_answer_of_the_reload(self):
        self.write(12)
        self.wait_alert(("firing", 1, None))
        shutil.rmtree(os.path.join(self.site.directory, "rules/busy"))
        removed = [file for file in self.daemon.call("reload")["files"]
                   if file["status"] == "removed"]
        self.assertEqual(len(removed), 1)
        self.assertTrue(removed[0]["path"].endswith("rules/busy/1.lua"))
        self.assertEqual(self.fates(removed[0]["impact"]), ("kept", "lost", "lost"))

    def test_a_plan_says_what_the_command_then_says(self):
        self.site.rule("busy/2", RULE % ("1m", 20, ""))
        self.reload("busy/2.lua")
        for command in (["activate", "busy@1"], ["rollback", "busy"]):
            plan = self.rule(*command, "--plan")
            self.assertEqual((plan["from"], plan["to"]), (2, 1))
        done = self.rule("activate", "busy@1")
        self.assertEqual([row["impact"] for row in done if row["version"] == 1], [plan])
        text = self.cli("rule", "rollback", "busy", "--plan")
        self.assertRegex(text, r"version 1 -> 2\n  panes +kept: .*\n  states +rebuilt: .*\n"
                               r"  alerts +none: ")
        later = self.rule("activate", "busy@2", "--plan", "--at", utc(3600))
        self.assertIsNotNone(later["at"])

    # ---- moves ----

    def test_a_description_is_shown_for_whoever_gets_the_alert(self):
        text = "支付失败太多: call the payment team"
        self.site.rule("busy/2", RULE % ("1m", 20, ', description = "%s"' % text))
        self.reload("busy/2.lua")
        self.assertEqual(self.rule("show", "busy")["description"], text)
        self.assertIn("rule busy, active version 2\n%s\n\n" % text,
                      self.cli("rule", "show", "busy"))
        self.assertEqual([row["description"] for row in self.rule("list")], [text, ""])
        self.assertIn("rule calm, active version 1\n\n", self.cli("rule", "show", "calm"))

    def test_enabled_by_hand_it_is_pending_until_its_time_which_is_now_unless_said(self):
        self.site.rule("busy/2", RULE % ("1m", 20, ""))
        self.reload("busy/2.lua")
        rows = self.rule("enable", "busy@1", "--at", utc(3600))
        self.assertEqual({row["version"]: row["state"] for row in rows},
                         {1: "pending", 2: "enabled"})
        self.cli("rule", "enable", "busy@1")
        wait_until(lambda: self.states() == {1: "enabled", 2: "disabled"}, 10, "now")

    def test_a_refused_move_ends_with_5_says_why_and_changes_nothing(self):
        self.site.rule("busy/2", RULE % ("1m", 20, ""))
        self.reload("busy/2.lua")
        for words, text in [
                (["enable", "busy"], "version 2 of busy is active already"),
                (["activate", "busy@2"], "version 2 of busy is active already"),
                (["disable", "busy@1"], "version 1 of busy is disabled already"),
                (["enable", "busy@9"],
                 "busy has no version 9; the newest is 2, and 2 are kept"),
                (["disable", "nobody"], 'there is no "nobody"'),
                (["show", "nobody"], 'there is no rule "nobody" (see rule list)')]:
            done = tocsin("rule", *words, "--state", self.daemon.state)
            self.assertEqual((done.returncode, done.stdout), (5, ""), words)
            self.assertIn("tocsin: refused: " + text, done.stderr, words)
            self.assertEqual(self.states(), {1: "disabled", 2: "enabled"}, words)
        os.unlink(os.path.join(self.site.directory, "rules/busy/1.lua"))
        self.daemon.call("reload")
        done = tocsin("rule", "activate", "busy@1", "--state", self.daemon.state)
        self.assertEqual(done.returncode, 5)
        self.assertIn("the file of version 1 of busy is gone; put it back and reload", done.stderr)
        self.cli("rule", "disable", "calm")
        done = tocsin("rule", "disable", "calm", "--state", self.daemon.state)
        self.assertEqual(done.returncode, 5)
        self.assertIn("no version of calm is active or pending: there is nothing to disable",
                      done.stderr)

    def test_new_edit_reload_is_a_version_that_runs(self):
        for _ in range(2):
            path = self.cli("rule", "new", "more", "--site", self.site.directory).strip()
            self.assertIn("loaded " + path, self.cli("reload"))
        self.assertEqual(self.states("more"), {1: "disabled", 2: "enabled"})
        # The daemon remembers a number whose file is gone.
        os.unlink(path)
        self.assertEqual(self.cli("rule", "edit", "more", "--site", self.site.directory).strip(),
                         os.path.join(self.site.directory, "rules/more/3.lua"))

    def test_a_file_says_from_when_it_runs(self):
        self.site.rule("busy/2", RULE % ("1m", 20, ', effective = "%s"' % utc(3600)))
        impact = self.reload("busy/2.lua")
        self.assertEqual((impact["from"], impact["to"], impact["panes"]["fate"]), (1, 2, "kept"))
        self.assertIsNotNone(impact["at"])
        self.assertEqual(self.states(), {1: "enabled", 2: "pending"})
        self.site.rule("busy/2", RULE % ("1m", 20, ', effective = "%s"' % utc(1)))
        self.reload("busy/2.lua")
        wait_until(lambda: self.states() == {1: "disabled", 2: "enabled"}, 10, "its time")
        self.site.rule("later/1", RULE % ("1m", 20, ', effective = "%s"' % utc(3600)))
        self.reload("later/1.lua")
        self.assertEqual(self.states("later"), {1: "pending"})
        self.cli("rule", "disable", "later")
        self.assertEqual(self.states("later"), {1: "disabled"})

    def test_pending_is_enabled_at_its_time_and_can_be_disabled_before(self):
        self.site.rule("busy/2", RULE % ("1m", 20, ""))
        self.reload("busy/2.lua")
        self.cli("rule", "enable", "busy@1", "--at", utc(3600), "--reason", "tonight")
        self.assertEqual(self.states(), {1: "pending", 2: "enabled"})
        self.cli("rule", "disable", "busy@1", "--reason", "not yet")
        self.assertEqual(self.states(), {1: "disabled", 2: "enabled"})
        self.cli("rule", "enable", "busy@1", "--at", utc(1), "--reason", "now")
        wait_until(lambda: self.states() == {1: "enabled", 2: "disabled"}, 10, "its time")
        self.assertEqual(self.states("calm"), {1: "enabled"}, "no other rule is touched")
        # Nobody was there to be told: the log has it.
        wait_until(lambda: "rule busy, version 2 -> 1: panes kept" in self.daemon.log(), 10,
                   "what the change does, in the log")
        moves = [("added", 1), ("activated", 1), ("added", 2), ("replaced", 1), ("activated", 2),
                 ("enabled", 1), ("disabled", 1), ("enabled", 1), ("replaced", 2),
                 ("activated", 1)]
        # A row is there when it is durable, a moment after the move.
        wait_until(lambda: self.audit("--rule", "busy")[8:] == moves[8:], 10, "the last rows")
        self.assertEqual(self.audit("--rule", "busy"), moves)

    def test_rollback_goes_back_and_says_why(self):
        self.site.rule("busy/2", RULE % ("1m", 20, ""))
        self.reload("busy/2.lua")
        row = self.rule("rollback", "busy", "--reason", "too quiet")[1]
        self.assertEqual((row["version"], row["state"], row["reason"]),
                         (1, "enabled", "too quiet"))
        self.assertEqual(self.rule("rollback", "busy")[0]["reason"], "rolled back from version 1")
        self.assertEqual(self.states(), {1: "disabled", 2: "enabled"})
        self.cli("rule", "rollback", "calm", code=5)

    def test_diff_is_read_by_patch(self):
        old = RULE % ("1m", 10, "")
        new = old.replace("1m", "5m") + "\n-- more\n"
        self.site.rule("busy/2", new)
        self.reload("busy/2.lua")
        self.site.rule("busy/3", new + "-- still more\n")
        self.reload("busy/3.lua")
        os.unlink(os.path.join(self.site.directory, "rules/busy/2.lua"))
        self.reload("busy/3.lua")
        text = self.cli("rule", "diff", "busy@1", "@2", code=1)
        done = subprocess.run(["patch", "-p1", "-o", "-",
                               os.path.join(self.site.directory, "rules/busy/1.lua")],
                              input=text, text=True, capture_output=True, check=True)
        self.assertEqual(done.stdout.split("\n", 1)[1], new)
        text = self.cli("rule", "diff", "busy", code=1)
        self.assertIn("--- rules/busy/2.lua\n+++ rules/busy/3.lua\n", text)
        self.assertEqual(self.cli("rule", "diff", "busy@3", "@3"), "")
        self.cli("rule", "diff", "busy@9", code=5)
        self.cli("rule", "diff", "busy@1", "2", code=2)

    # ---- the audit log ----

    def test_the_audit_log_survives_a_kill_and_has_nothing_of_a_failed_reload(self):
        before = self.audit()
        self.cli("rule", "disable", "busy", "--reason", "Wartung \u963f")
        self.daemon.kill()
        self.daemon.start()
        rows = json.loads(self.cli("audit", "--json", "--limit", "1"))
        row = rows["rows"][0]
        self.assertEqual((row["kind"], row["name"], row["action"], row["reason"]),
                         ("rule", "busy", "disabled", "Wartung \u963f"))
        self.assertRegex(row["actor"], r"^uid:%d\(" % os.getuid())
        self.assertEqual((rows["added"], rows["dropped"]), (len(before) + 1, 0))
        # A configuration that does not fit what runs takes the whole reload back.
        self.site.rule("new/1", RULE % ("1m", 10, ""))
        self.site.write("tocsin.lua", "return {\n%s\n}\n"
                        % (CONFIG % self.input).replace("s = {", "t = {", 1))
        self.cli("reload", code=5)
        self.assertEqual(self.audit(), before + [("disabled", 1)])
        self.assertIn("Wartung \u963f", self.cli("audit", "--rule", "busy"))
        self.cli("audit", "--limit", "0", code=2)
        self.cli("audit", "busy", code=2)


if __name__ == "__main__":
    unittest.main()
