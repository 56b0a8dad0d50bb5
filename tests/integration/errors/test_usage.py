#!/usr/bin/env python3
"""The command line: exit codes, wrong use, --help of every verb and the examples in it."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import GEN, TOCSIN, Daemon, Site, tocsin, wait_until  # noqa: E402

VERBS = ["run", "check", "query", "replay", "repl", "test", "explain", "status",
         "reload", "rule", "incident", "plan", "audit", "reference"]
WITH_HELP = VERBS + ["alert", "silence", "notify", "oncall", "oncall people",
                     "plan check", "plan dry-run"]
CONFIG = """
  sources = { pay = { from = { { file = "logs/*.jsonl" } } } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
"""
FAILURES = """return rule.count {
  source = "pay", filter = "success == false", window = "1m", threshold = ">= %d",
  output = "alerts",
}"""
ASK = """return plan {
  on = { incident = "opened" },
  run = function(ctx) return ctx:ask("sure", { text = "Sure?", expires = "1h" }) end,
}"""
TEST = """local t = require "tocsin.test"
t.case("a restart alone raises nothing", function() t.restart() t.expect_none() end)"""
PLAN_TEST = """local t = require "tocsin.plan_test"
t.case("it ends", function() t.start() t.expect_run { state = "done" } end)"""


def run(*arguments, **options):
    return tocsin(*arguments, stdin=subprocess.DEVNULL, **options)


class Usage(unittest.TestCase):
    def expect(self, code, *arguments, text=None):
        with tempfile.TemporaryDirectory() as empty:
            done = run(*arguments, cwd=empty)
            self.assertEqual(os.listdir(empty), [], arguments)
        self.assertEqual(done.returncode, code, "%s: %s" % (arguments, done.stderr))
        if code:
            self.assertEqual(done.stdout, "", arguments)
            self.assertNotEqual(done.stderr, "", arguments)
        if text:
            self.assertIn(text, done.stderr, arguments)

    def test_wrong_use_ends_with_2_and_says_what_is_wrong(self):
        for arguments, text in [
                ([], "Usage"), (["nope"], "nope"), (["--nope"], "--nope"),
                (["run", "more"], "more"), (["check", "--nope"], "--nope"),
                (["check", "--site"], "site"), (["query"], "INPUT"),
                (["query", "x", "--stat", "median(amount)"], "median"),
                (["query", "x", "--every", "soon"], "soon"),
                (["query", "/dev/null", "--where", "amount >"], "column"),
                (["query", "x", "--output", "xml"], "xml"), (["replay"], "--input"),
                (["status", "more"], "more"), (["reload", "more"], "more"),
                (["rule"], "list"), (["rule", "nope"], "\"nope\""), (["rule", "nope"], "history"),
                (["rule", "show"], "NAME"),
                (["rule", "show", "a", "b"], "NAME"), (["rule", "show", "a@b"], "VERSION"),
                (["rule", "list", "more"], "more words"), (["rule", "disable"], "NAME"),
                (["incident"], "list"), (["incident", "show"], "NUMBER"),
                (["incident", "ack", "one"], "one"),
                (["incident", "ack", "1", "--revision", "x"], "x"),
                (["plan"], "runs"), (["plan", "approve"], "RUN"),
                (["plan", "approve", "x", "--value", "{bad"], "not JSON"),
                (["plan", "runs", "x"], "words"),
                (["silence", "add"], "silence add: wants MATCHERs, for example rule=slow"),
                (["silence", "add", "slow"], '"slow" is no matcher: write NAME=VALUE'),
                (["silence", "add", "=slow"], '"=slow" is no matcher: write NAME=VALUE'),
                (["silence", "add", "rule=a", "rule=b"],
                 "rule is given twice; write rule=a,b"),
                (["silence", "add", "rule=~^a", "rule=b"],
                 "rule is given twice; write one list or one regex"),
                (["silence", "preview"], "silence preview: wants MATCHERs"),
                (["silence", "expire"], "silence expire: wants one NUMBER"),
                (["silence", "expire", "-1"], "--help"),
                (["silence", "expire", "one"], "silence expire: wants one NUMBER"),
                (["silence", "expire", "1", "2"], "silence expire: wants one NUMBER"),
                (["silence", "list", "more"], "silence list: wants no more words"),
                (["silence", "add"] + ["m%d=x" % i for i in range(99)], "too many words at"),
                (["alert", "show"], "alert show: wants"),
                (["alert", "list", "more"], "alert list: wants no more words"),
                (["alert", "list", "--limit", "x"], '--limit must be a whole number, not "x"'),
                (["audit", "--limit", "0"], "--limit must be a whole number from 1"),
                (["audit", "busy"], '"busy" is not an option'),
                (["explain"], "one rule is needed"),
                (["test", "--format", "xml"], '--format is plain, json or junit, not "xml"'),
                (["check", "--format", "xml"],
                 'there is no format "xml"; there are plain, json, sarif and junit')]:
            self.expect(2, *arguments, text=text)
        for verb in VERBS:
            self.expect(2, verb, "--no-such-option", text="--no-such-option")
        self.expect(2, "plan", "run", text="the name of one PLAN\nhint: tocsin plan --help")

    def test_help_takes_the_name_of_a_verb(self):
        for verb in VERBS:
            self.assertEqual(run("help", verb).stdout, run(verb, "--help").stdout)
        self.expect(2, "help", "nope", text="nope")

    def test_output_that_cannot_be_written_ends_with_1(self):
        for arguments in ["--help"], ["query", "--help"], ["query", "/dev/null"]:
            with open("/dev/full", "w") as full:
                done = subprocess.run([TOCSIN] + arguments, stdout=full, text=True, check=False,
                                      stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 1, arguments)
            self.assertIn("No space left on device", done.stderr, arguments)

    def test_a_packed_input_is_named_as_such(self):
        with tempfile.NamedTemporaryFile(suffix=".gz") as packed:
            packed.write(b"\x1f\x8b\x08\x00")
            packed.flush()
            self.expect(1, "query", packed.name, text="zcat")

    def test_without_a_daemon_the_verbs_that_ask_it_end_with_4(self):
        for words in ("status", "reload", "reload --wait", "rule list", "rule show a",
                      "rule history a", "rule enable a", "rule disable a", "rule activate a@1",
                      "incident list", "incident show 1", "incident ack 1", "incident resolve 1",
                      "plan list", "plan runs", "plan show a", "plan watch a",
                      "plan approve a", "plan reject a"):
            self.expect(4, *words.split(), text="state/control.sock")
            self.expect(4, *words.split(), "--json", text="state/control.sock")
        self.expect(4, "status", "--state", "/nonexistent", text="/nonexistent/control.sock")
        self.expect(4, "status", "--socket", "/nonexistent", text="/nonexistent")

    def test_help_of_every_verb_ends_with_0(self):
        for arguments in [["--help"]] + [verb.split() + ["--help"] for verb in WITH_HELP]:
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, ""), arguments)
            self.assertTrue(done.stdout.startswith("Usage: tocsin "), arguments)
            self.assertRegex(done.stdout, r"\nExamples?:\n  \S", arguments)
            self.assertTrue(all(len(line) <= 100 for line in done.stdout.split("\n")), arguments)
        self.assertRegex(run("--version").stdout, r"^tocsin \d+\.\d+\.\d+\n$")


def examples():
    for verb in [""] + VERBS:
        text = run(*(verb.split() + ["--help"])).stdout
        for line in re.split(r"\nExamples?:\n", text)[1].splitlines():
            if line.startswith("  "):
                yield verb or "tocsin", line.strip()


class Examples(unittest.TestCase):
    """A directory in which everything exists that the examples speak of, and a daemon."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        rules = {"pay_failed/%d" % n: FAILURES % (10000 + n) for n in (1, 2)}
        rules.update({"failed_payments/%d" % n: FAILURES % (20000 + n) for n in (1, 2, 3)})
        rules.update({"merchant_failures/%d" % n: FAILURES % n for n in (1, 2)})
        self.site = Site(os.path.join(self.root, "scripts"), CONFIG, rules, {"ask/1": ASK})
        self.site.write("rules/merchant_failures/test.lua", TEST)
        self.site.plan("provider_switch/1", "return plan { run = function() end }")
        self.site.write("plans/provider_switch/test.lua", PLAN_TEST)
        os.mkdir(os.path.join(self.root, "bin"))
        os.symlink(TOCSIN, os.path.join(self.root, "bin", "tocsin"))
        subprocess.run([GEN, "--json", "pay.jsonl", "--csv", "pay.csv", "--csv-header", "--lines",
                        "3000", "--span", "120"], cwd=self.root, check=True)
        for name in ("yesterday.jsonl", "pay-1.jsonl", "logs/pay.jsonl"):
            os.makedirs(os.path.dirname(os.path.join(self.root, name)), exist_ok=True)
            shutil.copy(os.path.join(self.root, "pay.jsonl"), os.path.join(self.root, name))
        for name in ("pay.gz", "pay-1.gz"):
            subprocess.run("gzip -c pay.jsonl > " + name, shell=True, cwd=self.root, check=True)
        self.environment = dict(os.environ, TOCSIN_STATE=os.path.join(self.root, "state"),
                                PATH=os.path.join(self.root, "bin") + ":" + os.environ["PATH"])

    def shell(self, line):
        return subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=self.root, check=False,
                              env=self.environment, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)

    def run_daemon_example(self, line):
        process = subprocess.Popen(["bash", "-c", "exec " + line], cwd=self.root,
                                   env=dict(self.environment, TOCSIN_STATE="other"),
                                   stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        text = b""
        while b"ready:" not in text:
            block = process.stderr.readline()
            self.assertNotEqual(block, b"", "%s: %s" % (line, text.decode()))
            text += block
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, line)

    def test_the_examples_of_help_run(self):
        daemon = Daemon(self.site, self.environment["TOCSIN_STATE"])
        where = os.getcwd()
        os.chdir(self.root)  # the daemon's working directory: its file patterns are relative
        try:
            daemon.start()
        finally:
            os.chdir(where)
        self.addCleanup(daemon.stop)
        runs = wait_until(lambda: daemon.call("plan.runs"), 30, "the run that asks")
        daemon.call("plan.run", {"plan": "ask"})
        runs = daemon.call("plan.runs")
        daemon.call("rule.activate", {"name": "merchant_failures", "version": 1})
        count = 0
        for verb, line in examples():
            line = line.replace("/etc/tocsin", "scripts").replace("/var/lib/tocsin", "third")
            line = line.replace("--state state", "--state fourth")
            line = line.replace("provider_switch-7-c60bb328", runs[0]["id"])
            line = line.replace("provider_switch-8-e9588d35", runs[1]["id"])
            if "incident ack" in line:
                incident = daemon.call("incident.list")[0]
                line = line.replace("ack 1 --rev 3", "ack %d --rev %d" % (
                    incident["number"], incident["revision"]))
            if not shutil.which("jq"):
                line = re.sub(r"\| jq .*", "", line)
            if "tocsin run" in line:
                self.run_daemon_example(line)
            else:
                done = self.shell(line)
                self.assertEqual(done.returncode, 0, "%s: %s: %s" % (verb, line, done.stderr))
            count += 1
        self.assertGreater(count, 20)

    def test_what_the_daemon_refuses_ends_with_5(self):
        with Daemon(self.site, self.environment["TOCSIN_STATE"]):
            for line in ("tocsin rule show nope", "tocsin rule activate pay_failed@9",
                         "tocsin incident show 99", "tocsin incident ack 99",
                         "tocsin plan show nope", "tocsin plan approve nope"):
                done = self.shell(line)
                self.assertEqual(done.returncode, 5, "%s: %s" % (line, done.stderr))
                self.assertTrue(done.stderr.startswith("tocsin: "), done.stderr)

    def test_reload_names_each_refused_file_with_its_line(self):
        with Daemon(self.site, self.environment["TOCSIN_STATE"]):
            bad = self.site.rule("bad/1", "return rule.count {\n  source = 'pay',\n  window = "
                                          "'7s', output = 'alerts', threshold = '> 1',\n}")
            done = self.shell("tocsin reload --wait")
            self.assertEqual(done.returncode, 5)
            self.assertRegex(done.stdout, "(?m)^refused %s:4: \"window\".*7s" % re.escape(bad))
            self.assertRegex(done.stdout, "(?m)^unchanged .*/rules/pay_failed/2.lua$")
            files = json.loads(self.shell("tocsin reload --wait --json").stdout)["files"]
            refused = [file for file in files if file["status"] == "refused"]
            self.assertEqual([(file["path"], file["line"]) for file in refused], [(bad, 4)])
            os.remove(bad)
            os.rmdir(os.path.dirname(bad))
            done = self.shell("tocsin reload --wait")
            self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
