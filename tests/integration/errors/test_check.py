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

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import ROOT, TOCSIN, tocsin  # noqa: E402

FIXTURES = os.path.join(ROOT, "tests/fixtures")
FAULT = re.compile(r"^(site/[^:]+)(?::(\d+))?: (.+)$")


def cut_lists(lines):
    """A list of all allowed keys grows with every option: only that it is there is compared."""
    return sorted(re.sub(r"(allowed keys: ).+", r"\1…", line) for line in lines)


def cases(kind):
    folder = os.path.join(FIXTURES, kind)
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


class Check(unittest.TestCase):
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

    def test_each_invalid_site_has_exactly_its_faults(self):
        self.assertGreater(len(cases("invalid")), 60)
        for case in cases("invalid"):
            with self.subTest(case=os.path.basename(case)):
                self.site(case)
                done = self.check()
                with open(os.path.join(case, "expected.txt"), encoding="utf-8") as lines:
                    expected = lines.read().splitlines()
                self.assertEqual(cut_lists(done.stdout.splitlines()), cut_lists(expected))
                self.assertEqual(done.returncode, 1)
                self.assertIn("%d fault" % len(expected), done.stderr)
                for line in expected:
                    self.assertRegex(line, FAULT)

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

    def test_json_has_the_same_faults(self):
        for case in cases("invalid")[::4]:
            with self.subTest(case=os.path.basename(case)):
                self.site(case)
                done = self.check("--json")
                self.assertEqual(done.returncode, 1)
                lines = []
                for line in done.stdout.splitlines():
                    row = json.loads(line)
                    self.assertEqual(sorted(row), ["file", "line", "text"])
                    place = ":%d" % row["line"] if row["line"] else ""
                    lines.append("%s%s: %s" % (row["file"], place, row["text"]))
                with open(os.path.join(case, "expected.txt"), encoding="utf-8") as expected:
                    self.assertEqual(cut_lists(lines), cut_lists(expected.read().splitlines()))

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
            found = {FAULT.match(line).group(1) for line in done.stdout.splitlines()}
            self.assertEqual(found, {"site/" + name for name in files})
            self.assertEqual(done.returncode, 1)

    def test_a_good_file_of_a_faulty_site_is_good(self):
        site = self.site(os.path.join(FIXTURES, "invalid/two_files_with_faults"))
        shutil.copytree(os.path.join(FIXTURES, "valid/types/rules/a_count"),
                        os.path.join(site, "rules/good"))
        done = self.check("rules/good/1.lua")
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
        self.assertEqual({FAULT.match(line).group(1) for line in done.stdout.splitlines()},
                         expected)

    def test_no_site_is_an_error(self):
        done = tocsin("check", "--site", os.path.join(self.root, "nothing"))
        self.assertEqual((done.stdout, done.returncode), ("", 1))
        self.assertIn("nothing/tocsin.lua", done.stderr)

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
