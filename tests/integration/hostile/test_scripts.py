"""Hostile scripts are ended and quarantined; the other rules' alerts are those of a run without."""
import json
import os
import random
import re
import shutil
import sys
import tempfile
import time
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from daemon import IS_LONG, TOCSIN, Daemon, Site, tocsin, wait_until  # noqa: E402
from seed import SEED  # noqa: E402

START = 1767225600
SECONDS = 600 if IS_LONG else 120
CONFIG = """
  sources = { s = { fields = { k = "string", v = "int", ok = "bool" },
                    from = { { file = "%s" } }, idle = "1h", lateness = "1s" } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  listen = { http = false },
"""
NORMAL = {
    "busy/1": """return rule.group { source = "s", by = { "k" }, statistic = "count",
  window = "10s", threshold = ">= 120", output = "alerts" }""",
    "slow/1": """return rule.field { source = "s", filter = "ok == true", field = "v",
  statistic = "avg", window = "5s", threshold = ">= 505", output = "alerts" }""",
    "values/1": """return rule.continuous { source = "s", filter = 'k == "k0"', field = "v",
  window = "10s", threshold = ">= 2", output = "alerts" }""",
    "total/1": """return rule.count { source = "s", filter = "ok == false",
  window = "5s", threshold = ">= 305", output = "alerts" }""",
    "asked/1": """return rule.script { source = "s", by = { "k" }, field = "v", window = "5s",
  output = "alerts", on_window = function(ctx, w)
    if w.count == 0 or w.count % 3 ~= 0 then return nil end
    return { message = w.key.k .. " " .. w.count .. " " .. w.sum, value = w.count }
  end }""",
}
TIME, MEMORY, ERROR = "budget", "memory", "error"

# name: (how it ends, body of on_window). ERROR ones need three failures in a row.
HOSTILE = {
    "endless": (TIME, "while true do end"),
    "numeric": (TIME, "for i = 1, 1e12 do end"),
    "infinite_for": (TIME, "for i = 1, math.huge do end"),
    "tail_calls": (TIME, "local function f() return f() end f()"),
    "jumps": (TIME, "::again:: goto again"),
    "tables": (MEMORY, "local t = {} while true do t[#t + 1] = { t } end"),
    "doubling": (MEMORY, "local s = 'x' while true do s = s .. s end"),
    "repeated": (MEMORY, "local t = {} while true do t[#t + 1] = ('x'):rep(1e6) .. #t end"),
    "repeated_once": (ERROR, "return ('x'):rep(1e12)"),
    "kept": (MEMORY, "for i = 1, 2e4 do kept[#kept + 1] = { i } end"),
    "recursion": (ERROR, "local function f(n) return 1 + f(n + 1) end f(1)"),
    "recursion_gsub": (ERROR, "local function f() return (('a'):gsub('a', f)) end f()"),
    "recursion_sort": (ERROR, "local function f() table.sort({ 1, 2, 3 }, f) end f()"),
    "recursion_pcall": (TIME, "local function f() pcall(f) f() end while true do pcall(f) end"),
    "pcall_nested": (TIME, "local function f() pcall(f) while true do end end f()"),
    "pcall_loop": (TIME, "while true do pcall(function() while true do end end) end"),
    "pcall_errors": (TIME, "while true do pcall(error, {}) end"),
    "pcall_memory": (MEMORY, "while true do pcall(function() local t = {} "
                             "while true do t[#t + 1] = {} end end) end"),
    "coroutines": (ERROR, "coroutine.wrap(function() while true do coroutine.yield() end end)()"),
    "find": (TIME, "local s = ('a'):rep(3000) while true do pcall(string.find, s, '.-.-.-.-b') "
                   "end"),
    "match": (TIME, "local s = ('a'):rep(1e5) "
                    "while true do pcall(string.match, s, '(.*)(.*)(.*)%3%2%1b') end"),
    "gmatch": (TIME, "local s = ('a'):rep(1e6) "
                     "while true do for _ in s:gmatch('.') do end end"),
    "gsub": (TIME, "local s = ('a'):rep(1e6) while true do pcall(string.gsub, s, '(a*)b', 'x') "
                   "end"),
    "gsub_captures": (None, "local r = ('%1'):rep(5e5) r = r .. r .. r .. r "
                            "local s = ('a'):gsub('()', r)"),
    "balanced": (TIME, "local s = ('('):rep(1e6) while true do pcall(string.find, s, '%b()') end"),
    "sort_evil": (TIME, "local t = {} for i = 1, 1e5 do t[i] = i end "
                        "while true do pcall(table.sort, t, function() return true end) end"),
    "sort_endless": (TIME, "table.sort({ 3, 2, 1 }, function() while true do end end)"),
    "format": (TIME, "while true do pcall(string.format, '%99.99f', 1e308) tostring({}) end"),
    "format_wide": (ERROR, "return string.format('%999999d', 1)"),
    "error_text": (ERROR, "error('always \\27[31m\\n\\155 \\255')"),
    "error_table": (ERROR, "error({})"),
    "error_nil": (ERROR, "error()"),
    "index_nil": (ERROR, "return w.nothing.here"),
    "result_text": (ERROR, "return 'fire'"),
    "result_number": (ERROR, "return 1"),
    "result_function": (ERROR, "return function() end"),
    "result_unknown": (ERROR, "return { mesage = 'x' }"),
    "result_value": (ERROR, "return { value = 0 / 0 }"),
    "result_huge": (ERROR, "return { value = math.huge }"),
    "result_severity": (ERROR, "return { severity = 'worst' }"),
    "result_labels": (ERROR, "return { labels = { a = {} } }"),
    "result_cycle": (ERROR, "local t = {} t.a = t return { labels = t }"),
    "result_names": (ERROR, "return { labels = { [('x'):rep(65)] = 1 } }"),
    "result_many": (ERROR, "local l = {} for i = 1, 33 do l['l' .. i] = i end "
                    "return { labels = l }"),
    "globals": (ERROR, "x = 1"),
    "library": (ERROR, "string.format = nil"),
    "escape_env": (ERROR, "return getfenv(0)"),
    "escape_load": (ERROR, "return loadstring('return 1')()"),
    "escape_meta": (ERROR, "return getmetatable('').__index"),
    "escape_dump": (ERROR, "return string.dump(function() end)"),
    "escape_ffi": (ERROR, "return require('ffi')"),
    "escape_debug": (ERROR, "return debug.getregistry()"),
    "escape_os": (ERROR, "return os.execute('id')"),
}


def script(body):
    return """local kept = {}
return rule.script { source = "s", window = "5s", output = "alerts", incident = false,
  on_window = function(ctx, w) %s end }""" % body


def is_sanitized(name=rb"__(asan|tsan)_init"):
    with open(TOCSIN, "rb") as program:
        return re.search(name, program.read()) is not None


def cpu_seconds(process):
    with open("/proc/%d/stat" % process.pid, encoding="ascii") as line:
        fields = line.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kib(process):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as lines:
        return int(re.search(r"VmRSS:\s+(\d+)", lines.read()).group(1))


class Scripts(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="tocsin-hostile-")
        self.addCleanup(shutil.rmtree, self.directory, True)

    def write_input(self, path):
        dice = random.Random(SEED)
        count = 0
        with open(path, "w", encoding="ascii") as out:
            for second in range(SECONDS):
                for _ in range(200):
                    out.write('{"time":%d,"k":"k%d","v":%d,"ok":%s}\n' % (
                        START + second, dice.randrange(20), dice.randrange(1000),
                        "true" if dice.random() < 0.7 else "false"))
                    count += 1
            out.write('{"time":%d,"k":"last","v":0,"ok":true}\n' % (START + SECONDS + 900))
        return count + 1

    def run_site(self, name, rules, path, lines):
        site = Site(os.path.join(self.directory, name, "site"), CONFIG % path, rules)
        daemon = Daemon(site)
        with daemon:
            pid = daemon.process.pid
            daemon.wait_readings("s", lines, 120)
            wait_until(lambda: daemon.call("status")["outputs"][0]["waiting"] == 0, 60,
                       "the outbox")
            status = daemon.call("status")
            self.assertEqual((status["pid"], daemon.process.poll()), (pid, None))
            self.assertEqual(daemon.source("s")["readings"], lines)
            result = {
                "rules": {row["name"]: row for row in status["rules"]},
                "history": {row["name"]: row for row in daemon.call("rule.list")},
                "cpu": cpu_seconds(daemon.process), "kib": resident_kib(daemon.process),
                "screen": tocsin("status", "--state", daemon.state).stdout
                + tocsin("rule", "list", "--state", daemon.state).stdout
                + tocsin("rule", "history", "error_text", "--state", daemon.state).stdout,
                "log": daemon.log(),
                "alerts": sorted(
                    (d["rule"], d["id"], d["state"], d["window_end"], str(d["value"]),
                     str(d["dimension"]), d.get("message", ""))
                    for d in daemon.output("alerts.jsonl")
                    if d["rule"] + "/1" in NORMAL),
            }
        return result

    def test_hostile_rules_are_quarantined_and_disturb_nothing(self):
        print("seed", SEED, flush=True)
        path = os.path.join(self.directory, "in.jsonl")
        lines = self.write_input(path)
        plain = self.run_site("plain", NORMAL, path, lines)
        rules = dict(NORMAL)
        rules.update({name + "/1": script(body) for name, (_, body) in HOSTILE.items()})
        hostile = self.run_site("hostile", rules, path, lines)
        self.assertEqual({row[0] + "/1" for row in plain["alerts"]}, set(NORMAL))
        self.assertEqual(hostile["alerts"], plain["alerts"])
        for name, (end, _) in HOSTILE.items():
            row = hostile["rules"].get(name)
            self.assertTrue(row and row["quarantined"], "%s: %s" % (name, row))
            reason = row["last_error"]
            self.assertIn("rules/%s/1.lua" % name, reason)
            if end in (TIME, MEMORY):
                self.assertRegex(reason, r"used up its (budget|memory)", name)
                # Which of the two limits comes first may depend on the build.
                self.assertEqual(row["errors"], 1, name)
            elif end == ERROR:
                self.assertNotIn("used up", reason)
                self.assertEqual(row["errors"], 3, name)
            version = hostile["history"][name]
            self.assertEqual((version["state"], version["reason"]),
                             ("quarantined", reason[:199]), name)
            if name != "error_text": # shown with control characters escaped
                said = re.findall(r"^  %s@1 is quarantined since \S+: (.*)$" % name,
                                  hostile["screen"], re.M)
                self.assertEqual(said, [reason[:199]])
                listed = re.search(r"^%s .*quarantined .*$" % name, hostile["screen"], re.M)
                self.assertIn(reason[:60], listed.group(0))
        for name in NORMAL:
            row = hostile["rules"][name.split("/")[0]]
            self.assertEqual((row["quarantined"], row["errors"]), (False, 0), name)
        for text in (hostile["screen"], hostile["log"]):
            self.assertIsNone(re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text))
        spent = hostile["cpu"] - plain["cpu"]
        print("%d hostile rules quarantined in %.2f s of processor time, %d alerts of the others "
              "equal; resident %d KiB, %d KiB without"
              % (len(HOSTILE), spent, len(plain["alerts"]), hostile["kib"], plain["kib"]),
              flush=True)
        if not is_sanitized():
            self.assertLess(spent, len(HOSTILE) * 0.1 + 1)
            # A stopped script's state lives on until its version goes: the limit for each.
            self.assertLess(hostile["kib"] - plain["kib"], len(HOSTILE) * 16 * 1024 // 2)

    def test_texts_of_verdicts_are_cut(self):
        """What is too long came from a reading, perhaps: the alert is told, and is bounded."""
        path = os.path.join(self.directory, "in.jsonl")
        text = "\u4e2d\u001b\U0001f600" * 1000
        with open(path, "w", encoding="utf-8") as out:
            for second in range(40):
                out.write(json.dumps({"time": START + second, "k": text, "v": 1, "ok": True},
                                     ensure_ascii=False) + "\n")
        body = """local l = {}
    for i = 1, 32 do l["n" .. i] = r.k .. i end
    return { message = r.k, labels = l }"""
        site = Site(os.path.join(self.directory, "cut", "site"), CONFIG % path, {
            "cut/1": """local rule = require "tocsin.rule"
return rule.script { source = "s", window = "10s", output = "alerts",
  on_reading = function(ctx, r) %s end }""" % body})
        done = tocsin("replay", "--site", site.directory, "--source", "s", "--input", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        documents = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(documents), 1)
        message, labels = documents[0]["message"], documents[0]["labels"]
        # 8 bytes each: 249 of them, three bytes and one of the next make 1,996; and the mark.
        self.assertEqual(message, (text[:249 * 3] + text[:2] + "\u2026"))
        self.assertEqual(len(message.encode()), 1999)
        self.assertEqual(len(labels), 32)
        for label in labels.values():
            self.assertLessEqual(len(label.encode()), 1000)
            self.assertEqual(label, text[:len(label) - 1] + "\u2026")

    @unittest.skipIf(is_sanitized(rb"__tsan_init"), "shares of processor time are measured, and "
                     "under the thread sanitizer they are those of a program many times slower")
    def test_many_keys_share_a_budget(self):
        """Each call stays just within its budget; a thousand of them would stop the daemon."""
        path = os.path.join(self.directory, "in.jsonl")
        with open(path, "w", encoding="ascii") as out:
            for key in range(2000):
                out.write('{"time":%d,"k":"k%d","v":1,"ok":true}\n' % (START, key))
            out.write('{"time":%d,"k":"last","v":1,"ok":true}\n' % (START + 900))
        rules = dict(NORMAL)
        rules["greedy/1"] = """return rule.script { source = "s", by = { "k" }, window = "5s",
  output = "alerts", on_window = function(ctx, w) for i = 1, 2e6 do end end }"""
        rules["patterns/1"] = """return rule.script { source = "s", by = { "k" }, window = "5s",
  output = "alerts", on_window = function(ctx, w)
    local s = ("a"):rep(3000) .. "cb"
    for i = 1, 3 do pcall(string.find, s, ".-.-.-.-bc") end
  end }"""
        result = self.run_site("greedy", rules, path, 2001)
        for name in ("greedy", "patterns"):
            self.assertTrue(result["rules"][name]["quarantined"], result["rules"][name])
        # On a busy machine a search can take up the processor time of its call before the share's.
        self.assertIn("share", result["rules"]["greedy"]["last_error"])
        self.assertRegex(result["rules"]["patterns"]["last_error"], "share|budget")
        print("%.2f s of processor time" % result["cpu"], flush=True)
        self.assertLess(result["cpu"], 60 if is_sanitized() else 10)


class Load(unittest.TestCase):
    """Files that misbehave while they are loaded: `tocsin check` ends, and names them."""

    FILES = {
        "endless": "while true do end",
        "pcall": "while true do pcall(function() while true do end end) end",
        "memory": "local t = {} while true do t[#t + 1] = {} end",
        "pattern": "local s = ('a'):rep(3000) while true do pcall(s.find, s, '.-.-.-.-b') end",
        "recursion": "local function f() return 1 + f() end f()",
        "raised": "error('\\27[31mred\\155\\255')",
        "raised_table": "error({})",
        "raised_long": "error(('x'):rep(1e6))",
        "nothing": "",
        "number": "return 7",
        "cycle": "local t = {} t.t = t return t",
        "deep": "local t = {} for i = 1, 1e5 do t = { t } end return t",
        "wide": "local t = {} for i = 1, 1e5 do t[i] = i end return rule.count(t)",
        "shared": "local t = {} for i = 1, 60 do t = { t, t } end return rule.count { a = t }",
        "bytecode": "\x1bLJ\x02",
        "parens": "local x = " + "(" * 100000,
        "braces": "return " + "{" * 100000,
        "functions": "return " + "function() return " * 50000,
        "elseifs": "if a then " + "elseif a then " * 60000 + "end",
        "ors": "local a\n" + "local x = " + "a or " * 100000 + "a",
        "breaks": "while true do " + "do break end " * 30000 + "end",
        "gotos": "do " + "".join("goto l%d " % i for i in range(20000)) + "end",
        "long": "-- " + "x" * 2000000,
        "bracket": "local x = [" + "=" * 500000 + "[",
        "quote": 'local x = "' + "\\" * 100001,
        "sneaky_tag": "return setmetatable({ type = 'count' }, {})",
        "callable": "return rule.count(rule)",
        "big_window": "return rule.count { source = 's', window = '99999999999999999999d', "
                      "threshold = '> 1', output = 'alerts' }",
        "big_threshold": "return rule.count { source = 's', window = '5s', "
                         "threshold = '> " + "9" * 5000 + "', output = 'alerts' }",
        "big_filter": "return rule.count { source = 's', window = '5s', filter = '"
                      + "(" * 5000 + "', threshold = '> 1', output = 'alerts' }",
        "bad_regex": "return rule.count { source = 's', window = '5s', filter = "
                     "'k:match(\"(a+)+(\")', threshold = '> 1', output = 'alerts' }",
    }

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="tocsin-hostile-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.site = Site(os.path.join(self.directory, "site"), CONFIG % "/nowhere/*.jsonl", NORMAL)

    def check(self):
        start = time.monotonic()
        done = tocsin("check", "--site", self.site.directory, timeout=120)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIsNone(re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", done.stdout + done.stderr))
        return done.stdout, time.monotonic() - start

    def test_hostile_rule_and_plan_files(self):
        for name, text in self.FILES.items():
            self.site.rule(name + "/1", text)
        self.site.plan("endless/1", "while true do end")
        self.site.plan("bomb/1", "local s = 'x' while true do s = s .. s end")
        output, spent = self.check()
        for name in self.FILES:
            self.assertRegex(output, r"(?m)^%s/rules/%s/1\.lua:" % (self.site.directory, name))
        for name in ("endless", "bomb"):
            self.assertIn("/plans/%s/1.lua:" % name, output)
        self.assertNotIn("/rules/busy/", output)
        if not is_sanitized():
            self.assertLess(spent, len(self.FILES) * 0.3 + 1)

    def test_hostile_configurations(self):
        good = "return {%s}" % (CONFIG % "/nowhere/*.jsonl")
        for name, text in self.FILES.items():
            if name in ("big_window", "big_threshold", "big_filter", "bad_regex"):
                continue
            with self.subTest(name):
                self.site.write("tocsin.lua", text)
                output, spent = self.check()
                self.assertRegex(output, r"(?m)^%s/tocsin\.lua(:\d+)?: " % self.site.directory)
                self.assertLess(spent, 30 if is_sanitized() else 3)
        for line in ("sources = { s = { from = { { tcp = '127.0.0.1:99999' } } } }",
                     "listen = { http = '0.0.0.0:8787' }",
                     "timezone = '../../etc/passwd'",
                     "outputs = { a = { file = '../escape' } }",
                     "lua = { memory = 1e18 }", "lua = { instructions = 0 / 0 }",
                     "rules = { keys_max = -1 }", "rules = { keys_max = 1e300 }",
                     "exec = { allow = { 'sh' } }", "[{}] = 1", "[1] = 2"):
            with self.subTest(line):
                self.site.write("tocsin.lua", good[:-1] + line + "}")
                self.check()

    def test_a_running_daemon_refuses_them_and_goes_on(self):
        with Daemon(self.site, os.path.join(self.directory, "state")) as daemon:
            for name in ("endless", "memory", "raised", "elseifs"):
                self.site.rule(name + "/1", self.FILES[name])
            done = tocsin("reload", "--wait", "--state", daemon.state)
            self.assertEqual(done.returncode, 5)
            self.assertEqual(done.stdout.count("refused "), 4, done.stdout)
            self.assertIsNone(re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", done.stdout))
            self.assertEqual(len(daemon.call("rule.list")), len(NORMAL))


if __name__ == "__main__":
    unittest.main()
