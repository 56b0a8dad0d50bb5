#!/usr/bin/env python3
"""tocsin check over tests/fixtures: adding a folder adds a case."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import ROOT, TOCSIN, tocsin  # noqa: E402

FIXTURES = os.path.join(ROOT, "tests/fixtures")
FAULT = re.compile(r"^(site/[^:]+)(?::(\d+))?: (.+)$")
CARET = re.compile(r"^ +(\d+ )?\| ")


def cut_lists(lines):
    """A list of all keys or kinds grows with each: only that it is there is compared."""
    return sorted(re.sub(r"(allowed keys: |known kinds: ).+", r"\1…", line) for line in lines)


def faults(text):
    """The findings of a plain answer without the lines that show the place."""
    return [line for line in text.splitlines() if not CARET.match(line)]


def cases(kind):
    folder = os.path.join(FIXTURES, kind)
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


class Check(unittest.TestCase):
    answers = {}

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name

    def site(self, case):
        """The case's files as `site`, in the directory in which check runs."""
        site = os.path.join(self.root, "site")
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(case, site, ignore=shutil.ignore_patterns("expected.txt"))
        if not os.path.exists(os.path.join(site, "tocsin.lua")):
            shutil.copy(os.path.join(FIXTURES, "site.lua"), os.path.join(site, "tocsin.lua"))
        return site

    def check(self, *arguments):
        return tocsin("check", "--site", "site", *arguments, cwd=self.root)

    def plain(self, case):
        """The case's plain answer; several tests look at it."""
        if case not in Check.answers:
            self.site(case)
            Check.answers[case] = self.check()
        return Check.answers[case]

    def test_each_invalid_site_has_exactly_its_faults(self):
        self.assertGreater(len(cases("invalid")), 60)
        for case in cases("invalid"):
            with self.subTest(case=os.path.basename(case)):
                done = self.plain(case)
                with open(os.path.join(case, "expected.txt"), encoding="utf-8") as lines:
                    expected = lines.read().splitlines()
                self.assertEqual(cut_lists(faults(done.stdout)), cut_lists(expected))
                self.assertEqual(done.returncode, 1)
                self.assertIn("%d fault" % len(expected), done.stderr)
                for line in expected:
                    self.assertRegex(line, FAULT)

    def test_each_doubtful_site_has_exactly_its_warnings(self):
        """They are no faults: the site loads, and the exit code says so."""
        self.assertGreaterEqual(len(cases("doubtful")), 2)
        for case in cases("doubtful"):
            with self.subTest(case=os.path.basename(case)):
                done = self.plain(case)
                with open(os.path.join(case, "expected.txt"), encoding="utf-8") as lines:
                    expected = lines.read().splitlines()
                self.assertEqual(sorted(faults(done.stdout)), expected)
                self.assertEqual(done.returncode, 0)
                self.assertIn(" 0 faults, %d warnings\n" % len(expected), done.stderr)
                carets = [line for line in done.stdout.splitlines() if CARET.match(line)]
                self.assertEqual(len(carets), 2 * len(expected))
                rows = [json.loads(line) for line in self.check("--json").stdout.splitlines()]
                self.assertEqual({(row["kind"], row["level"]) for row in rows},
                                 {("doubt", "warning")})
                root = xml.etree.ElementTree.fromstring(self.check("--format", "junit").stdout)
                self.assertEqual(root.get("failures"), "0")

    def test_only_the_newest_version_is_doubted(self):
        site = self.site(os.path.join(FIXTURES, "doubtful/times"))
        shutil.copy(os.path.join(FIXTURES, "valid/not_doubtful/rules/apart/1.lua"),
                    os.path.join(site, "rules/flap/2.lua"))
        self.assertNotIn("rules/flap", self.check().stdout)
        self.assertIn("rules/flap/1.lua:5: warning:", self.check("rules/flap/1.lua").stdout)

    def test_each_line_that_is_named_has_the_word_that_is_wrong(self):
        """`found the string "7s"`, `unknown key "x"` …: the quoted text stands on that line."""
        quoted = re.compile(r'(?:found (?:the string )?|unknown (?:key|source|output|field) )'
                            r'"([^"]+)"')
        seen = 0
        for case in cases("invalid"):
            site = self.site(case)
            with open(os.path.join(case, "expected.txt"), encoding="utf-8") as lines:
                for line in lines:
                    path, number, text = FAULT.match(line).groups()
                    word = quoted.search(text)
                    if not number or not word:
                        continue
                    with open(os.path.join(site, path[len("site/"):]), encoding="utf-8") as file:
                        row = file.read().split("\n")[int(number) - 1]
                    self.assertIn(word.group(1), row, "%s: %s" % (case, line))
                    seen += 1
        self.assertGreater(seen, 30)

    def test_the_caret_stands_under_the_word_that_is_wrong(self):
        quoted = re.compile(r'(?:found (?:the string )?|unknown (?:key|source|output|field) )'
                            r'"([^"]+)"')
        seen = shown = 0
        for case in cases("invalid"):
            lines = self.plain(case).stdout.splitlines()
            for i, line in enumerate(lines):
                number = None if CARET.match(line) else FAULT.match(line).group(2)
                if not number or i + 2 >= len(lines) or not CARET.match(lines[i + 1]):
                    continue
                source, caret = lines[i + 1], lines[i + 2]
                self.assertEqual(source.split("|")[0].strip(), number)
                self.assertRegex(caret, r"^ +\| *\^~*$")
                marked = source[caret.index("^"):caret.index("^") + caret.count("~") + 1]
                self.assertTrue(marked.strip(), line)
                shown += 1
                word = quoted.search(line)
                if word and len(source) < 100:
                    self.assertEqual(marked, word.group(1), line)
                    seen += 1
        self.assertGreater(shown, 80)
        self.assertGreater(seen, 30)

    def test_sarif_is_as_its_standard_wants_it(self):
        """Required properties and types of SARIF 2.1.0, read from its text, not from our code."""
        for case in cases("invalid")[::5]:
            self.site(case)
            done = self.check("--format", "sarif")
            log = json.loads(done.stdout)
            self.assertEqual(log["version"], "2.1.0")
            self.assertRegex(log["$schema"], r"^https://.*sarif-schema-2\.1\.0\.json$")
            (run,) = log["runs"]
            driver = run["tool"]["driver"]
            self.assertEqual(driver["name"], "tocsin")
            self.assertIn(run["columnKind"], ("utf16CodeUnits", "unicodeCodePoints"))
            rules = [rule["id"] for rule in driver["rules"]]
            self.assertEqual(len(set(rules)), len(rules))
            with open(os.path.join(case, "expected.txt"), encoding="utf-8") as lines:
                expected = [FAULT.match(line).groups() for line in lines.read().splitlines()]
            found = []
            for result in run["results"]:
                self.assertIn(result["level"], ("none", "note", "warning", "error"))
                self.assertEqual(rules[result["ruleIndex"]], result["ruleId"])
                (location,) = result["locations"]
                place = location["physicalLocation"]
                region = place.get("region", {})
                if region:
                    self.assertGreaterEqual(region["startLine"], 1)
                    self.assertGreaterEqual(region["startColumn"], 1)
                    self.assertGreaterEqual(region["endColumn"], region["startColumn"])
                uri = place["artifactLocation"]["uri"]
                self.assertRegex(uri, r"^[A-Za-z0-9/._~%:-]+$")
                line = str(region["startLine"]) if region else None
                found.append((urllib.parse.unquote(uri), line, result["message"]["text"]))
            self.assertEqual(cut_lists(map(repr, found)), cut_lists(map(repr, expected)))

    def test_junit_has_a_case_for_each_file(self):
        for case in cases("invalid")[::5] + cases("valid")[:2]:
            self.site(case)
            done = self.check("--format", "junit")
            root = xml.etree.ElementTree.fromstring(done.stdout)
            self.assertEqual(root.tag, "testsuites")
            (suite,) = root
            failed = set()
            for test in suite:
                self.assertEqual(test.tag, "testcase")
                self.assertTrue(test.get("classname") and test.get("name") and test.get("time"))
                for failure in test.findall("failure"):
                    failed.add(test.get("name"))
                    self.assertTrue(failure.get("message") and failure.get("type"))
                    self.assertIn(failure.get("message"), failure.text)
                self.assertLessEqual(len(test.findall("failure")), 1)
            self.assertEqual(int(suite.get("tests")), len(suite))
            self.assertEqual(int(suite.get("failures")), len(failed))
            plain = {FAULT.match(line).group(1) for line in faults(self.plain(case).stdout)}
            self.assertEqual(failed, plain)
            self.assertEqual(len({test.get("name") for test in suite}), len(suite))

    def test_junit_is_xml_whatever_a_file_holds(self):
        site = self.site(os.path.join(FIXTURES, "valid/least_site"))
        os.makedirs(os.path.join(site, "rules/odd"))
        with open(os.path.join(site, "rules/odd/1.lua"), "wb") as file:
            file.write(b"return { ['<&>\"\x01\x02]]>\xef\xbf\xbe'] = 1, ['\\255'] = 2 }\n"
                       b"error('<&>\\1\\0')")
        with open(os.path.join(site, "rules/odd/<&>.lua"), "wb") as file:
            file.write(b"")
        for name in ("junit", "sarif", "json"):
            done = self.check("--format", name)
            self.assertEqual(done.returncode, 1)
            if name == "junit":
                xml.etree.ElementTree.fromstring(done.stdout)
            elif name == "sarif":
                json.loads(done.stdout)

    def test_an_unknown_format_is_wrong_use(self):
        self.site(os.path.join(FIXTURES, "valid/least_site"))
        done = self.check("--format", "xml")
        self.assertEqual((done.stdout, done.returncode), ("", 2))
        self.assertIn("plain, json, sarif and junit", done.stderr)

    def test_notes_tell_what_a_rule_costs_and_what_an_edit_does(self):
        site = self.site(os.path.join(FIXTURES, "valid/least_site"))
        shutil.copy(os.path.join(FIXTURES, "site.lua"), os.path.join(site, "tocsin.lua"))
        head = 'local rule = require "tocsin.rule"\nreturn rule.'
        rest = ' source = "pay", output = "alerts",\n'
        files = {
            "regex/1": 'count {' + rest + '  window = "1m", threshold = "> 1",\n'
                       '  filter = \'app:match("^a")\' }',
            "slow/1": 'count {' + rest + '  window = "1m", threshold = "> 1",\n'
                      '  reads = { "app" }, filter = function(r) return r.app == "a" end }',
            "lines/1": 'count {' + rest + '  window = "1m", threshold = "> 1",\n'
                       '  samples = 2 }',
            "wide/1": 'group {' + rest + '  by = { "app" }, window = "24h", threshold = "> 1" }',
            "wide/2": 'group {' + rest + '  by = { "app" }, window = "12h", threshold = "> 1" }',
        }
        for name, text in files.items():
            path = os.path.join(site, "rules/%s.lua" % name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(head + text + "\n")
        self.assertEqual(self.check().stdout, "", "without a word nobody gets notes")
        done = self.check("--notes")
        self.assertEqual(done.returncode, 0)
        found = faults(done.stdout)
        self.assertIn("site/rules/regex/1.lua:4: note: \"filter\" has a regex", done.stdout)
        self.assertIn("site/rules/slow/1.lua:4: note: \"filter\" is a function", done.stdout)
        # Judged every 5 s, with a lateness of 5 s: three panes are open, and twice as much as an
        # alert shows is left of all that are closed; a line of 512 bytes has 24 more.
        self.assertIn('site/rules/lines/1.lua:4: note: "samples" keeps up to 10 lines of 512 bytes '
                      'for a key, and has a metric of its own: up to 5.23 KiB a key, and up to '
                      '5.23 KiB with 1 key\n', done.stdout)
        self.assertIn("site/rules/wide/2.lua:3: note: \"window\" has 720 panes", done.stdout)
        self.assertNotIn("wide/1", done.stdout)
        self.assertIn("site/rules/wide/2.lua:1: note: taking over from version 1: panes kept",
                      done.stdout)
        self.assertEqual(len(found), 5)
        self.assertIn("0 faults, 5 notes", done.stderr)
        one = self.check("rules/wide/2.lua").stdout
        self.assertEqual(faults(one), [line for line in found if "wide" in line])
        rows = [json.loads(line) for line in self.check("--notes", "--json").stdout.splitlines()]
        self.assertEqual(sorted(row["kind"] for row in rows), ["cost"] * 4 + ["impact"])
        self.assertEqual({row["level"] for row in rows}, {"note"})
        root = xml.etree.ElementTree.fromstring(self.check("--notes", "--format", "junit").stdout)
        self.assertEqual((root.get("failures"), len(list(root.iter("system-out")))), ("0", 4))

    def test_json_has_the_same_faults(self):
        for case in cases("invalid")[::4]:
            with self.subTest(case=os.path.basename(case)):
                self.site(case)
                done = self.check("--json")
                self.assertEqual(done.returncode, 1)
                lines = []
                for line in done.stdout.splitlines():
                    row = json.loads(line)
                    self.assertEqual(sorted(row), ["column", "end_column", "file", "kind", "level",
                                                   "line", "text"])
                    self.assertEqual((row["kind"], row["level"]), ("fault", "error"))
                    self.assertEqual(row["column"] > 0, row["line"] > 0)
                    place = ":%d" % row["line"] if row["line"] else ""
                    lines.append("%s%s: %s" % (row["file"], place, row["text"]))
                with open(os.path.join(case, "expected.txt"), encoding="utf-8") as expected:
                    self.assertEqual(cut_lists(lines), cut_lists(expected.read().splitlines()))

    def plan_check(self, *arguments):
        return tocsin("plan", "check", "--site", "site", *arguments, cwd=self.root)

    def test_plan_check_tells_what_check_tells_of_plans(self):
        site = self.site(os.path.join(FIXTURES, "doubtful/plans"))
        with open(os.path.join(FIXTURES, "doubtful/plans/expected.txt"), encoding="utf-8") as file:
            expected = file.read().splitlines()
        done = self.plan_check()
        self.assertEqual((sorted(faults(done.stdout)), done.returncode), (expected, 0))
        self.assertEqual(done.stderr, "plan check: site: 0 faults, 3 warnings\n")
        self.assertEqual(self.plan_check("--strict").returncode, 1)
        self.assertEqual(self.plan_check("--json").stdout, self.check("--json").stdout)
        self.assertEqual(faults(self.plan_check("risky", "asked").stdout), expected[2:])
        done = self.plan_check("asked", "--strict")
        self.assertEqual((done.stdout, done.returncode), ("", 0))
        done = self.plan_check("risk")
        self.assertEqual((done.stdout, done.stderr, done.returncode),
                         ("", 'plan check: site has no plan "risk"\n', 1))
        self.assertEqual(self.plan_check("--wrong").returncode, 2)
        with open(os.path.join(site, "rules/watch/1.lua"), "a", encoding="utf-8") as file:
            file.write("what is this\n")
        self.assertEqual(self.check().returncode, 1)
        self.assertEqual(sorted(faults(self.plan_check().stdout)), expected)

    def test_plan_check_tells_the_faults_of_plans_only(self):
        self.site(os.path.join(FIXTURES, "invalid/two_files_with_faults"))
        everything = faults(self.check().stdout)
        done = self.plan_check()
        self.assertEqual(done.returncode, 1)
        self.assertEqual(faults(done.stdout),
                         [line for line in everything if line.startswith("site/plans/")])
        self.assertLess(len(faults(done.stdout)), len(everything))

    def test_each_valid_site_is_without_fault(self):
        for case in cases("valid"):
            with self.subTest(case=os.path.basename(case)):
                self.site(case)
                done = self.check()
                self.assertEqual((done.stdout, done.returncode), ("", 0), done.stderr)
                self.assertEqual(self.check("--json").stdout, "")

    def test_the_repositorys_own_site_is_without_fault(self):
        done = tocsin("check")
        self.assertEqual((done.stdout, done.returncode), ("", 0), done.stderr)

    def test_files_limit_what_is_checked(self):
        self.site(os.path.join(FIXTURES, "invalid/two_files_with_faults"))
        first, second, third = "rules/first/1.lua", "rules/second/1.lua", "plans/third/1.lua"
        for arguments, files in [
                ([first], {first}), ([second, third], {second, third}),
                (["site/" + second], {second}),
                ([os.path.join(self.root, "site", third)], {third})]:
            done = self.check(*arguments)
            found = {FAULT.match(line).group(1) for line in faults(done.stdout)}
            self.assertEqual(found, {"site/" + name for name in files})
            self.assertEqual(done.returncode, 1)

    def test_a_good_file_of_a_faulty_site_is_good(self):
        site = self.site(os.path.join(FIXTURES, "invalid/two_files_with_faults"))
        shutil.copytree(os.path.join(FIXTURES, "valid/types/rules/a_count"),
                        os.path.join(site, "rules/good"))
        done = self.check("rules/good/1.lua", "--no-notes")
        self.assertEqual((done.stdout, done.returncode), ("", 0), done.stderr)

    def test_a_file_that_is_no_part_of_the_site_is_a_fault(self):
        self.site(os.path.join(FIXTURES, "valid/types"))
        for name in ("rules/nope/1.lua", "/etc/passwd"):
            done = self.check(name)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stdout, re.escape(name) + ": .*rules/<name>/<version>.lua")

    def test_files_that_cannot_be_read_are_faults(self):
        site = self.site(os.path.join(FIXTURES, "valid/least_site"))
        os.makedirs(os.path.join(site, "rules/folder/1.lua"))
        os.makedirs(os.path.join(site, "rules/link"))
        os.symlink("nowhere.lua", os.path.join(site, "rules/link/1.lua"))
        os.makedirs(os.path.join(site, "rules/long"))
        with open(os.path.join(site, "rules/long/1.lua"), "w", encoding="utf-8") as out:
            out.write("--" + "x" * (2 << 20))
        expected = {"site/rules/folder/1.lua", "site/rules/link/1.lua", "site/rules/long/1.lua"}
        if os.geteuid() != 0:
            os.makedirs(os.path.join(site, "rules/locked"))
            shutil.copy(os.path.join(FIXTURES, "valid/types/rules/a_count/1.lua"),
                        os.path.join(site, "rules/locked/1.lua"))
            os.chmod(os.path.join(site, "rules/locked/1.lua"), 0)
            expected.add("site/rules/locked/1.lua")
        done = self.check()
        self.assertEqual(done.returncode, 1)
        self.assertEqual({FAULT.match(line).group(1) for line in faults(done.stdout)},
                         expected)

    def test_faults_that_are_not_shown_are_counted(self):
        site = self.site(os.path.join(FIXTURES, "valid/least_site"))
        with open(os.path.join(site, "tocsin.lua"), "w", encoding="utf-8") as out:
            out.write("return { %s }\n" % ", ".join("k%d = 1" % i for i in range(1234)))
        done = self.check()
        self.assertEqual((done.returncode, len(faults(done.stdout))), (1, 1000))
        self.assertIn("check: 234 more faults are not shown\n", done.stderr)
        self.assertIn("1234 faults", done.stderr)

    def test_no_site_is_an_error(self):
        done = tocsin("check", "--site", os.path.join(self.root, "nothing"))
        self.assertEqual((done.stdout, done.returncode), ("", 1))
        self.assertIn("nothing/tocsin.lua", done.stderr)

    def test_a_site_as_a_word_gets_a_hint(self):
        self.site(os.path.join(FIXTURES, "valid/types"))
        for arguments, hint in [
                (["check", "site"], "hint: a site is named by --site: tocsin check --site site\n"),
                (["check", "--site", "site", "site"], "tocsin check --site site\n"),
                (["check", "--site", "site", "site/rules"], "hint: site/rules is a folder; name a "
                 "file in it"),
                (["check"], "hint: a site is a folder with tocsin.lua; name it: tocsin check "
                 "--site DIR\n")]:
            done = tocsin(*arguments, cwd=self.root)
            self.assertEqual(done.returncode, 1)
            self.assertIn(hint, done.stderr)

    def test_the_daemon_and_replay_tell_the_same_faults_of_the_site(self):
        for case in ("site_unknown_key", "site_syntax", "site_open_without_token"):
            self.site(os.path.join(FIXTURES, "invalid", case))
            with open(os.path.join(FIXTURES, "invalid", case, "expected.txt"),
                      encoding="utf-8") as lines:
                expected = lines.read().splitlines()
            for command in (["run", "--site", "site", "--state", "state"],
                            ["replay", "--site", "site", "--input", "/dev/null"]):
                done = subprocess.run([TOCSIN, *command], cwd=self.root, timeout=60, check=False,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                self.assertEqual(done.returncode, 1, done.stderr)
                for line in expected:
                    self.assertIn(line.split("allowed keys: ")[0], done.stderr, command)


if __name__ == "__main__":
    unittest.main()
