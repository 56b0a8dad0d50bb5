#!/usr/bin/env python3
"""The users' pages: Lua blocks are checked, commands are run, links lead somewhere."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from daemon import GEN, ROOT, TOCSIN, Daemon, Site, free_port, tocsin, wait_until  # noqa: E402

PAGES = [os.path.join(ROOT, "README.md")] + sorted(glob.glob(os.path.join(ROOT, "docs/*.md")))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)\s]*)?\)")
RUN = ("tocsin", "curl", "gzip")
EXITS = re.compile(r"# exits (\d+)\s*$")


def read(path):
    with open(path, encoding="utf-8") as page:
        return page.read()


def blocks(page, language):
    return [text for name, text in BLOCK.findall(read(page)) if name == language]


def lua_files(page):
    """{path: text} of the blocks that name their file."""
    found = {}
    for text in blocks(page, "lua"):
        named = re.match(r"-- file: (\S+)\n", text)
        if named:
            found[named.group(1)] = text
    return found


def commands(page):
    for text in blocks(page, "sh"):
        for line in text.replace("\\\n", " ").splitlines():
            if line.strip() and not line.strip().startswith("#"):
                yield line.strip()


def anchors(page):
    """The names that a browser gives to the headings (as GitHub makes them)."""
    text = re.sub(r"^```.*?^```$", "", read(page), flags=re.M | re.S)
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        yield "#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


class Docs(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        self.port = free_port()

    def make_site(self, page):
        """The repository's own site and above it the page's files; ports are the test's own."""
        site = os.path.join(self.root, "site")
        shutil.copytree(os.path.join(ROOT, "scripts"), site)
        for path, text in lua_files(page).items():
            full = os.path.join(site, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as out:
                out.write(text)
        config = os.path.join(site, "tocsin.lua")
        text = read(config).replace("127.0.0.1:8787", "127.0.0.1:%d" % self.port)
        text = text.replace("127.0.0.1:5140", "127.0.0.1:%d" % free_port())
        with open(config, "w", encoding="utf-8") as out:
            out.write(text)
        return site

    def test_pages_exist_and_have_examples(self):
        self.assertGreaterEqual(len(PAGES), 5)
        self.assertGreaterEqual(sum(len(lua_files(page)) for page in PAGES), 8)
        self.assertGreaterEqual(sum(1 for page in PAGES for _ in commands(page)), 20)

    def test_each_lua_block_names_its_file_and_is_without_fault(self):
        for page in PAGES:
            with self.subTest(page=os.path.relpath(page, ROOT)):
                files = lua_files(page)
                self.assertEqual(len(files), len(blocks(page, "lua")), "a block without its file")
                if not files:
                    continue
                site = self.make_site(page)
                done = tocsin("check", "--site", site)
                self.assertEqual((done.stdout, done.returncode), ("", 0), done.stderr)
                shutil.rmtree(site)

    def start(self, page):
        site = self.make_site(page)
        subprocess.run([GEN, "--json", "pay.jsonl", "--csv", "pay.csv", "--lines", "3000",
                        "--span", "120"], cwd=self.root, check=True)
        os.mkdir(os.path.join(self.root, "bin"))
        os.symlink(TOCSIN, os.path.join(self.root, "bin", "tocsin"))
        daemon = Daemon(_Existing(site), os.path.join(self.root, "state"))
        where = os.getcwd()
        os.chdir(self.root)  # relative patterns of the site start at the working directory
        try:
            daemon.start()
        finally:
            os.chdir(where)
        self.addCleanup(daemon.stop)

        def answers():
            try:
                with urllib.request.urlopen("http://127.0.0.1:%d/healthz" % self.port, timeout=5):
                    return True
            except OSError:
                return False
        wait_until(answers, 30, "HTTP")
        return daemon

    def check_make(self, line):
        targets = re.findall(r"^([a-z-]+):", read(os.path.join(ROOT, "Makefile")), re.M)
        for word in line.split("#")[0].split()[1:]:
            self.assertIn(word, targets, line)

    def run_line(self, line):
        if "curl" in line and not shutil.which("curl"):
            print("not run, curl is not installed: " + line)
            return
        expected = EXITS.search(line)
        line = line.replace("127.0.0.1:8787", "127.0.0.1:%d" % self.port)
        if line.startswith("curl") or "| curl" in line:
            line = line.replace("curl ", "curl --fail-with-body ", 1)
        environment = dict(os.environ, TOCSIN_STATE=os.path.join(self.root, "state"),
                           PATH=os.path.join(self.root, "bin") + ":" + os.environ["PATH"])
        done = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=self.root,
                              env=environment, stdin=subprocess.DEVNULL, check=False, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, int(expected.group(1)) if expected else 0,
                         "%s:\n%s" % (line, done.stdout[-2000:]))

    def check_page(self, page):
        lines = list(commands(page))
        if any(line.startswith(RUN) for line in lines):
            self.start(page)
        for line in lines:
            if line.startswith("make"):
                self.check_make(line)
            elif line.startswith(RUN):
                self.run_line(line)
            else:
                self.fail("%s: nobody knows how to test: %s" % (page, line))

    def test_links_between_pages_lead_somewhere(self):
        count = 0
        for page in PAGES:
            for target, anchor in LINK.findall(read(page)):
                if "://" in target:
                    continue
                path = os.path.normpath(os.path.join(os.path.dirname(page), target))
                self.assertTrue(os.path.exists(path), "%s: %s" % (page, target))
                if anchor:
                    self.assertIn(anchor, set(anchors(path)), "%s: %s" % (page, target))
                count += 1
        self.assertGreater(count, 8)


class _Existing(Site):
    """A site that is on the disk already."""

    def __init__(self, directory):  # pylint: disable=super-init-not-called
        self.directory = directory


def add_page_test(page):
    name = re.sub(r"\W+", "_", os.path.relpath(page, ROOT)).lower()
    setattr(Docs, "test_commands_of_" + name, lambda self: self.check_page(page))


for one in PAGES:
    add_page_test(one)

if __name__ == "__main__":
    unittest.main()
