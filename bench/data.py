"""The generated files: the same bytes for the same options.

    pay.jsonl     5,000,000 payments in one hour of event time, one shape
    pay.csv       the same payments without cost_time, app and city
    shapes.jsonl  the same payments, 30 % in other shapes, 1 % malformed
"""
import hashlib
import json
import os
import shutil
import subprocess
import tempfile

from machine import say

# In the past on any machine: the daemon moves readings from the future to the time they came.
START = "2025-01-06T06:00:00Z"
BYTES_PER_LINE = 460  # the three files and the short ones
# Readings come at one rate whatever their number, so that a minute has the same counts; a merchant
# breaks for a twelfth of the time, so that alerts fire.
LINES_PER_HOUR = 5000000
SHAPES = ["--shapes", "0.3", "--malformed", "0.01"]


class Files:
    """Where the files are. `path(kind, lines)` is a file of the first `lines` lines."""

    def __init__(self, options):
        self.lines, self.seed, self.more = options.lines, options.seed, options.gen
        self.generator = os.path.join(options.build, "tocsin-gen")
        # A folder of our own in the named one: old files of ours are deleted there.
        self.directory = options.dir and os.path.join(options.dir, "tocsin-bench")
        self.is_kept = bool(options.dir)
        self.build, self.sums = options.build, {}

    def _place(self):
        wanted = self.lines * BYTES_PER_LINE * 2 + (256 << 20)
        try:
            if shutil.disk_usage("/dev/shm").free > wanted:
                return tempfile.mkdtemp(prefix="tocsin-bench-", dir="/dev/shm")
        except OSError:
            pass
        self.is_kept = True
        return os.path.join(self.build, "bench-data")

    def describe(self):
        kind = "tmpfs" if self.directory.startswith("/dev/shm") else "disk"
        more = " ".join([""] + self.more)
        return "%d lines, seed %d%s, files on %s" % (self.lines, self.seed, more, kind)

    def _stamp(self):
        with open(self.generator, "rb") as program:
            code = hashlib.sha256(program.read()).hexdigest()[:16]
        return {"lines": self.lines, "seed": self.seed, "start": START, "options": self.more,
                "generator": code}

    def open(self):
        self.directory = self.directory or self._place()
        os.makedirs(self.directory, exist_ok=True)

    def generate(self):
        stamp_path = os.path.join(self.directory, "stamp.json")
        stamp = self._stamp()
        try:
            with open(stamp_path, encoding="utf-8") as old:
                self.sums = json.load(old)
            if {key: self.sums.get(key) for key in stamp} == stamp:
                return
        except (OSError, ValueError):
            pass
        for name in os.listdir(self.directory):
            if name.startswith(("pay", "shapes")):
                os.unlink(os.path.join(self.directory, name))
        say("generating %s" % self.describe())
        span = max(60, self.lines * 3600 // LINES_PER_HOUR)
        common = [self.generator, "-n", str(self.lines), "-r", str(self.seed), "--start", START,
                  "--span", str(span), "--break", "m0003", "--break-from", str(span // 3),
                  "--break-to", str(span * 5 // 12), *self.more]
        plain = ["-j", self.path("json"), "-c", self.path("csv")]
        subprocess.run(common + plain, check=True)
        subprocess.run(common + SHAPES + ["-j", self.path("shapes")], check=True)
        self.sums = dict(stamp)
        for kind in ("json", "csv", "shapes"):
            self.sums[kind] = digest(self.path(kind))
        with open(stamp_path, "w", encoding="utf-8") as out:
            json.dump(self.sums, out)

    def path(self, kind, lines=None):
        name = {"json": "pay.jsonl", "csv": "pay.csv", "shapes": "shapes.jsonl"}[kind]
        if lines is not None and lines < self.lines:
            stem, end = name.split(".")
            name = "%s-%d.%s" % (stem, lines, end)
        path = os.path.join(self.directory, name)
        if lines is not None and not os.path.exists(path):
            copy_lines(self.path(kind), path, lines)
        return path

    def scratch(self, name):
        directory = os.path.join(self.directory, "scratch")
        os.makedirs(directory, exist_ok=True)
        return os.path.join(directory, name)

    def remove(self):
        shutil.rmtree(os.path.join(self.directory, "scratch"), ignore_errors=True)
        if not self.is_kept:
            shutil.rmtree(self.directory, ignore_errors=True)


def digest(path):
    total = hashlib.sha256()
    with open(path, "rb") as data:
        while block := data.read(1 << 20):
            total.update(block)
    return total.hexdigest()[:16]


def copy_lines(source, target, lines):
    with open(source, "rb") as data, open(target + ".new", "wb") as out:
        while lines > 0 and (block := data.read(1 << 20)):
            count = block.count(b"\n")
            if count > lines:
                block = b"".join(block.splitlines(keepends=True)[:lines])
            out.write(block)
            lines -= count
    os.rename(target + ".new", target)
