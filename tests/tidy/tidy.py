#!/usr/bin/env python3
"""Checks the rules of style that a program can check; see README.md here.

usage: tidy.py [ROOT]     prints "file:line: text" for each finding, then the count; exit 1 if any
"""
import pathlib
import re
import sys

COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
README_LINES_MAX = 60
FILE_LINES_MAX = {".c": 500, ".cc": 500, ".h": 200, ".lua": 500, ".py": 500}
ROOTS = ["core", "storage", "lua", "bench", "tests", "scripts"]
OUR_ROOTS = "core|storage|lua|bench|tests"

# Which folder may include which: a new name here is a change of design, and says why. Everything
# may include core/base. The parts of lua/ count as one folder.
VALUES = {"core/model"}
MIDDLE = {"core/model", "core/loop", "core/config", "storage", "core/filter", "core/window"}
UPPER = MIDDLE | {"core/ingest", "core/rule", "core/judge", "core/incident", "core/plan"}
UPPER |= {"core/outbox", "core/handling", "core/channel", "core/news", "core/link"}
UPPER |= {"core/paging"}
EDGES = {
    "core/base": set(),
    "core/sketch": set(),
    "core/trend": set(),
    "core/baseline": set(),
    # The cells of a pane hold sketches.
    "core/model": {"core/sketch"},
    "core/loop": set(),
    # A site's regexes are compiled when it is read, so a bad one is refused with its line.
    # And so are the templates of messages.
    "core/config": VALUES | {"core/filter", "core/lookup", "core/channel", "core/oncall"},
    "core/oncall": VALUES,
    "core/channel": set(),
    "core/lookup": VALUES,
    "core/calendar": VALUES | {"core/config"},
    "storage": VALUES,
    "core/filter": VALUES,
    "core/window": VALUES,
    "core/ingest": VALUES | {"core/loop", "core/filter", "core/window"},
    "core/rule": VALUES
    | {"core/window", "core/filter", "core/config", "core/lookup", "core/calendar", "storage"}
    | {"core/baseline", "core/trend"},
    "core/incident": VALUES | {"storage"},
    # Silences have the hours of valid_time; routes and inhibitions come from the site.
    "core/handling": VALUES | {"core/config", "core/filter", "core/calendar", "storage"},
    "core/outbox": VALUES | {"core/loop", "core/config", "core/channel", "storage"},
    # A page is a message about an incident for a person of the site.
    "core/paging": VALUES
    | {"core/config", "core/channel", "core/oncall", "core/incident", "storage"},
    # A plan's steps act on incidents and leave their effects in the outbox.
    "core/plan": VALUES | {"core/loop", "core/config", "core/outbox", "core/incident", "storage"}
    # The latencies of a test of performance; the words of a call.
    | {"core/sketch", "core/channel"},
    # Links are signed like the messages of robots.
    "core/link": {"core/channel", "storage"},
    # Incidents put into messages; the outbox is called through its options.
    "core/news": VALUES | {"core/loop", "core/channel", "core/incident", "storage"},
    # Chains freeze what the site says, write rows as alerts' handling does, and look people up.
    "core/escalation": VALUES | {"core/loop", "core/config", "core/handling", "core/incident"}
    | {"core/oncall", "storage"},
    "core/judge": VALUES | {"core/rule"},
    "core/engine": VALUES
    | {"core/judge", "core/ingest", "core/window", "core/rule", "core/filter", "core/config"}
    # A rule's valid time, keys and numbers by key are asked at each boundary.
    | {"core/calendar", "core/lookup", "storage"}
    # And so is what a rule is compared with.
    | {"core/baseline", "core/trend"},
    "lua": UPPER,
    # A key that is left out is explained.
    "core/control": UPPER | {"core/engine", "core/lookup", "core/escalation", "core/oncall"},
    "core/cli": UPPER
    | {"core/engine", "core/control", "core/calendar", "core/oncall", "core/escalation", "lua"},
    "core/app": UPPER
    | {"core/engine", "core/control", "core/cli", "core/escalation", "core/oncall", "lua"},
    "bench/gen": VALUES,
    "bench/trend": {"core/trend"},
    "bench/spans": {"core/window"} | VALUES,
}

# Third-party headers: where each may be included (a folder, or one file).
THIRD_PARTY = [
    (r"(lua|lauxlib|lualib|luajit)\.h", ["lua/"]),
    (r"rocksdb/.*", ["storage/kv_rocksdb.c"]),
    (r"event2/.*", ["core/loop/"]),
    (r"curl/.*|microhttpd\.h", ["core/loop/"]),
    (r"simdjson\.h|zlib\.h", ["core/ingest/"]),
    (r"pcre2\.h", ["core/filter/", "lua/api/"]),
    (r"openssl/.*", ["core/outbox/", "core/channel/"]),
    (r"csv\.h", ["core/lookup/"]),
    (r"sqlite3\.h", ["core/lookup/", "core/plan/sql_sqlite.c"]),
]
NO_JANSSON = ["core/base/", "core/filter/", "core/window/", "core/ingest/", "core/engine/"]

# Clock, random and files come through core/base/env.h, so that a run can be repeated exactly.
# Each exception reads something that is no part of a run's input, or is the environment itself.
OUTSIDE_CALLS = r"(?<![\w.>])(time|clock_gettime|gettimeofday|getrandom|fopen|open|read)\("
OUTSIDE_ALLOWED = [
    "core/base/env.c",
    "core/base/log.c",
    "core/base/secret.c",  # read once at start, never logged or replayed
    "core/loop/",  # the live half of the environment
    "core/cli/",  # a command's own input and terminal, not the engine's
    "core/app/",
    "core/control/client.c",  # the command line's side of the socket
    "core/ingest/source_file_watch.c",  # inotify: only a hint to look again
    "storage/kv_rocksdb.c",
    "storage/kv_rocksdb_mark.c",  # the mark file beside the database
    "storage/kv_rocksdb_room.c",  # disk space held back for it
    "storage/commit.c",  # the writer thread's waits and its measured load; results never see them
    "lua/host/budget.c",  # a script's time is real time whatever the run's clock says
    "lua/host/loader.c",
]


def strip_c(text):
    """Blanks comments and literals, keeps every line in its place."""

    def blank(match):
        kept = match.group(0)
        return re.sub(r"[^\n]", " ", kept) if kept[0] == "/" else '""' + "\n" * kept.count("\n")

    pattern = r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    return re.sub(pattern, blank, text, flags=re.S)


def is_under(name, places):
    return any(name == place or place.endswith("/") and name.startswith(place) for place in places)


def zone_of(name):
    """The folder a file or include belongs to, as EDGES calls it."""
    parts = name.split("/")
    if parts[0] in ("lua", "storage"):
        return parts[0]
    return "/".join(parts[:2])


class Tidy:
    def __init__(self, root):
        self.root = root
        self.findings = []

    def say(self, name, line, text):
        self.findings.append((name, line, text))

    def check_text(self, name, text):
        lines = text.split("\n")
        limit = FILE_LINES_MAX[pathlib.PurePath(name).suffix]
        count = len(lines) - (lines[-1] == "")
        if count > limit:
            self.say(name, count, f"the file has {count} lines, at most {limit}: split it")
        for number, line in enumerate(lines, 1):
            width = len(line.expandtabs(8))
            if width > COLUMNS_MAX:
                self.say(name, number, f"{width} columns, at most {COLUMNS_MAX}")
            if re.search(r"\bTO" r"DO\b", line) and "until" not in line:
                self.say(name, number, 'a TO' 'DO names what removes it: "until ..."')

    def check_functions(self, name, lines):
        """In this tree a body opens with "{" and ends with "}" in the first column."""
        start, before = 0, ""
        for number, line in enumerate(lines, 1):
            if line.rstrip() == "{" and not re.match(r"(namespace|extern)\b", before):
                start = number
            elif line.startswith("}") and start:
                length = number - start + 1
                if length > FUNCTION_LINES_MAX:
                    text = f"the function has {length} lines, at most {FUNCTION_LINES_MAX}"
                    self.say(name, start, text)
                start = 0
            before = line if line.strip() else before

    def check_includes(self, name, lines):
        first = None
        for number, line in enumerate(lines, 1):
            ours = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            theirs = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
            if not ours and not theirs:
                continue
            first = first or (number, ours.group(1) if ours else "")
            if ours:
                self.check_our_include(name, number, ours.group(1))
            else:
                self.check_their_include(name, number, theirs.group(1))
        if first and not name.endswith(".h"):
            self.check_first_include(name, first[0], first[1])

    def check_first_include(self, name, number, target):
        own = pathlib.PurePath(name).with_suffix(".h")
        if not (self.root / own).exists():
            return
        folder = own.parent.as_posix()
        is_sibling = target.startswith(folder + "/") and target.endswith("_internal.h")
        # Tests include their fixtures by name alone.
        is_fixture = name.startswith("tests/") and target == own.name
        if target != own.as_posix() and not is_sibling and not is_fixture:
            self.say(name, number, f'the first include is "{own}"')

    def check_our_include(self, name, number, target):
        if not re.match(rf"({OUR_ROOTS})/", target):
            if not name.startswith("tests/"):
                self.say(name, number, f'"{target}" is not written from the root of the tree')
            return
        here, there = zone_of(name), zone_of(target)
        if here == there or name.startswith("tests/"):
            return
        if target.endswith("_internal.h"):
            self.say(name, number, f'"{target}" is for its own folder and its tests')
        if there != "core/base" and there not in EDGES.get(here, set()):
            self.say(name, number, f"{here} must not include {there} (EDGES in tests/tidy/tidy.py)")

    def check_their_include(self, name, number, target):
        if name.startswith("tests/"):
            return
        for pattern, places in THIRD_PARTY:
            if re.fullmatch(pattern, target) and not is_under(name, places):
                self.say(name, number, f"<{target}> only in {', '.join(places)}")
        if target == "jansson.h" and is_under(name, NO_JANSSON):
            self.say(name, number, "<jansson.h> is too slow for the way of readings")

    def check_calls(self, name, lines):
        if not re.match(r"(core|storage|lua)/", name):
            return
        for number, line in enumerate(lines, 1):
            if re.search(r"(?<!\w)assert\s*\(", line):
                self.say(name, number, "assert() vanishes with NDEBUG: REQUIRE, or return an error")
            call = re.search(OUTSIDE_CALLS, line)
            if call and not is_under(name, OUTSIDE_ALLOWED):
                self.say(name, number, f"{call.group(1)}() goes through core/base/env.h")

    def check_file(self, path):
        name = path.relative_to(self.root).as_posix()
        text = path.read_text(encoding="utf-8")
        self.check_text(name, text)
        if path.suffix in (".c", ".cc", ".h"):
            self.check_functions(name, text.split("\n"))
            self.check_includes(name, text.split("\n"))
            self.check_calls(name, strip_c(text).split("\n"))

    def check_readmes(self, folders):
        for folder in sorted(folders):
            name = folder.relative_to(self.root).as_posix()
            if not re.match(r"(core|storage|lua|bench)\b", name):
                continue
            readme = folder / "README.md"
            if not readme.exists():
                self.say(name, 0, "the folder has no README.md")
                continue
            count = len(readme.read_text(encoding="utf-8").splitlines())
            if count >= README_LINES_MAX:
                text = f"{count} lines, fewer than {README_LINES_MAX} are allowed"
                self.say(name + "/README.md", count, text)

    def run(self):
        folders = set()
        for top in ROOTS:
            for path in sorted((self.root / top).rglob("*")):
                if path.suffix not in FILE_LINES_MAX or not path.is_file():
                    continue
                if "fixtures" in path.parts or "__pycache__" in path.parts:
                    continue
                folders.add(path.parent)
                self.check_file(path)
        self.check_readmes(folders)
        return self.findings


def main():
    here = pathlib.Path(__file__).resolve()
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else here.parents[2]
    findings = Tidy(root).run()
    for name, line, text in findings:
        print(f"{name}:{line}: {text}" if line else f"{name}: {text}")
    print(f"tidy: {len(findings)} finding{'' if len(findings) == 1 else 's'}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
