#!/usr/bin/env python3
"""docs/reference.md, lua/meta and luacheck's std are what the program's tables say now."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import ROOT, tocsin  # noqa: E402


class Reference(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="tocsin-reference-")
        self.addCleanup(shutil.rmtree, self.directory, True)

    def test_no_generated_file_is_stale(self):
        done = tocsin("reference", "--check", ROOT)
        self.assertEqual((done.stdout, done.returncode), ("", 0),
                         "run \"make reference\" and commit what it writes")

    def test_a_stale_file_is_named_and_written_anew(self):
        for name in ("docs", "lua/meta"):
            os.makedirs(os.path.join(self.directory, name))
        shutil.copy(os.path.join(ROOT, ".luacheckrc"), self.directory)
        done = tocsin("reference", "--check", self.directory)
        self.assertEqual(done.returncode, 1)
        self.assertIn("docs/reference.md is stale", done.stdout)
        self.assertIn("lua/meta/plan.lua is stale", done.stdout)
        self.assertNotIn(".luacheckrc", done.stdout)
        self.assertEqual(tocsin("reference", "--write", self.directory).returncode, 0)
        self.assertEqual(tocsin("reference", "--check", self.directory).returncode, 0)
        for name in os.listdir(os.path.join(self.directory, "lua/meta")):
            with open(os.path.join(self.directory, "lua/meta", name), encoding="utf-8") as ours, \
                    open(os.path.join(ROOT, "lua/meta", name), encoding="utf-8") as kept:
                self.assertEqual(ours.read(), kept.read())
        os.unlink(os.path.join(self.directory, ".luacheckrc"))
        self.assertEqual(tocsin("reference", "--check", self.directory).returncode, 1)

    def test_the_page_has_every_key_that_check_allows(self):
        """check lists the allowed keys itself: another way to the same tables."""
        page = tocsin("reference").stdout
        with open(os.path.join(ROOT, "lua/lib/rule.lua"), encoding="utf-8") as library:
            constructors = library.read()
        sections = dict(re.findall(r"### `?(Every type|rule\.\w+)`?\n\n(.*?)(?=\n#)", page, re.S))
        common = re.findall(r"^\| `(\w+)` \|", sections.pop("Every type"), re.M)
        for name, section in sections.items():
            if '"%s"' % name[len("rule."):] not in constructors:
                continue
            site = os.path.join(self.directory, name)
            os.makedirs(os.path.join(site, "rules/x"))
            with open(os.path.join(site, "tocsin.lua"), "w", encoding="ascii") as file:
                file.write("return {}\n")
            with open(os.path.join(site, "rules/x/1.lua"), "w", encoding="ascii") as file:
                file.write('local rule = require "tocsin.rule"\nreturn %s { zzzzzz = 1 }\n' % name)
            faults = tocsin("check", "--site", site).stdout
            allowed = re.search(r"allowed keys: (.*)", faults).group(1).split(", ")
            own = re.findall(r"^\| `(\w+)` \|", section, re.M)
            self.assertEqual(sorted(allowed), sorted(common + own), name)
            self.assertGreater(len(allowed), 10)

    def test_stubs_are_lua(self):
        meta = os.path.join(ROOT, "lua/meta")
        for name in sorted(os.listdir(meta)):
            if name.endswith(".lua"):
                done = subprocess.run(["luajit", "-b", os.path.join(meta, name), os.devnull],
                                      capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_wrong_use(self):
        self.assertEqual(tocsin("reference", "more").returncode, 2)
        self.assertEqual(tocsin("reference", "--help").returncode, 0)


if __name__ == "__main__":
    unittest.main()
