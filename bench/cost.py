#!/usr/bin/env python3
"""What a reading, a key, a rule, a span and a core cost: the tables of docs/cost.md, as Markdown.

usage: bench/cost.py [--build DIR] [--lines N] [--runs N] [--tables stages,instructions,…]

Times are medians of CPU seconds of whole processes; a stage is the difference of two questions of
which the second asks for more. Instructions are counted by callgrind on two lengths of input, so
that start-up cancels out; they do not depend on the load of the machine.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cost_callgrind  # noqa: E402
import daemon_run  # noqa: E402
import machine  # noqa: E402
import rules  # noqa: E402
from data import START  # noqa: E402
from machine import say  # noqa: E402
from measure import Cost, Launched  # noqa: E402
from options import ROOT, words  # noqa: E402

LIMIT_S = 900
RULE_COUNTS = ("R1", "R10", "R100", "R1000")
KEY_COUNTS = (50000, 200000, 1000000)
SPANS = ("5s", "1m", "10m", "1h")
READERS = (0, 1, 2, 4)
IDLE_S = 2
NAMES = {"R1": "1", "R10": "10", "R100": "100", "R1000": "1000"}


class Bench:
    def __init__(self, options, directory):
        self.build, self.runs, self.lines = options.build, options.runs, options.lines
        self.directory = directory
        self.tocsin = os.path.join(options.build, "tocsin")
        self.launcher = os.path.join(options.build, "tocsin-launch")
        self.json, self.csv = self.path("pay.jsonl"), self.path("pay.csv")
        self.generate(["-j", self.json, "-c", self.csv])

    def path(self, name):
        return os.path.join(self.directory, name)

    def generate(self, arguments, lines=None):
        lines = lines or self.lines
        subprocess.run([os.path.join(self.build, "tocsin-gen"), "-n", str(lines), "-r", "1",
                        "--start", START, "--span", str(max(60, lines * 3600 // 5000000)),
                        *arguments], check=True)

    def cost(self, command):
        """Medians of CPU and wall, the largest peak."""
        costs = [Launched(self.launcher, command, self.path("run")).finish(LIMIT_S)
                 for _ in range(self.runs)]
        return Cost(statistics.median(c.cpu for c in costs),
                    statistics.median(c.wall for c in costs), max(c.peak_mib for c in costs))

    def ns(self, cost):
        return cost.cpu / self.lines * 1e9

    def query(self, *arguments, path=None):
        return [self.tocsin, "query", path or self.json, *arguments]

    def site(self, name, some_rules, more="", places=()):
        directory = self.path("site-" + name)
        if not os.path.exists(directory):
            rules.write_site(directory, some_rules, places, more)
        return directory

    def replay(self, site, path=None):
        return [self.tocsin, "replay", "--site", site, "--input", path or self.json]


def show(title, head, rows):
    print("\n### %s\n" % title)
    print("| %s |" % " | ".join(head))
    print("|%s" % ("---|" * len(head)))
    for row in rows:
        print("| %s |" % " | ".join(str(cell) for cell in row), flush=True)


def stages(bench):
    """Each line asks for more than the one before; the last column is what the more costs."""
    by = ["--by", "merchantId", "--every", "1m"]
    steps = [
        ("read the bytes: `cat`", ["cat", bench.json]),
        ("+ find lines: `wc -l`", ["wc", "-l", bench.json]),
        ("+ decode time, check every byte: `--every 1m`", bench.query("--every", "1m")),
        ("+ two numbers: `--stat 'count, sum(amount), max(cost_time)'`",
         bench.query("--every", "1m", "--stat", "count, sum(amount), max(cost_time)")),
        ("+ group: `--by merchantId`",
         bench.query(*by, "--stat", "count, sum(amount), max(cost_time)")),
        ("+ filter: `--where 'amount >= 0'`",
         bench.query(*by, "--stat", "count, sum(amount), max(cost_time)", "--where",
                     "amount >= 0")),
        ("the same group through the engine, a rule: `replay`",
         bench.replay(bench.site("busy", [rules.BUSY]))),
    ]
    empty = bench.path("empty.jsonl")
    open(empty, "w", encoding="utf-8").close()
    start = bench.cost(bench.query("--every", "1m", path=empty)).cpu
    rows, before = [], None
    for name, command in steps:
        ns = (bench.cost(command).cpu - (start if command[0] == bench.tocsin else 0)
              ) / bench.lines * 1e9
        rows.append((name, "%.1f" % ns, "" if before is None else "%+.1f" % (ns - before)))
        before = ns
    show("Stages, JSON (start-up left out)", ("up to", "ns a reading", "more"), rows)


def by_rules(bench):
    rows = []
    for name in RULE_COUNTS:
        cost = bench.cost(bench.replay(bench.site(name, rules.SETS[name])))
        rows.append((NAMES[name], "%.0f" % bench.ns(cost), "%.2f" % (1e3 / bench.ns(cost)),
                     "%.1f" % cost.peak_mib, len(rules.SETS[name]), cost.peak_mib))
    first, last = rows[0], rows[-1]
    each = (last[5] - first[5]) * 1024 / (last[4] - first[4])
    show("Rules (`replay`)", ("rules", "ns a reading", "M/CPU-s", "peak MiB"),
         [row[:4] for row in rows])
    print("\nMemory of one more rule: %.1f KiB." % each)


def by_keys(bench):
    """One rule by customer; nearly every reading is a customer of its own, with one pane."""
    rule = rules.Rule("customers", [], "1h", 1000000, ["customerId"], every="1m")
    site = bench.site("keys", [rule], "  rules = { keys_max = 10000000 },\n")
    path = bench.path("keys.jsonl")
    open(path, "w", encoding="utf-8").close()
    before = bench.cost(bench.replay(site, path))
    start_cpu, rows, seen_before = before.cpu, [], 0
    for count in KEY_COUNTS:
        bench.generate(["-j", path, "--customers", str(10 * KEY_COUNTS[-1])], count)
        with open(path, encoding="utf-8") as lines:
            seen = len({line.split('"customerId":"', 1)[1].split('"', 1)[0] for line in lines})
        cost = bench.cost(bench.replay(site, path))
        rows.append((seen, "%.0f" % ((cost.cpu - start_cpu) / count * 1e9), "%.1f" % cost.peak_mib,
                     "%.0f" % ((cost.peak_mib - before.peak_mib) * 2**20 / (seen - seen_before))))
        before, seen_before = cost, seen
    show("Keys (`replay`, one rule by customer, window 1 h, one pane a key; start-up left out)",
         ("keys", "ns a reading", "peak MiB", "bytes for each key more"), rows)


def by_spans(bench):
    rows = []
    for window in SPANS:
        rule = rules.Rule("span", [], window, 10**9, ["merchantId"])
        cost = bench.cost(bench.replay(bench.site("span-" + window, [rule])))
        rows.append((window, "%.0f" % bench.ns(cost), "%.1f" % cost.peak_mib))
    show("Spans (`replay`, one rule by merchant, judged every 5 s)",
         ("window", "ns a reading", "peak MiB"), rows)


class Daemon:
    """One run of the daemon over the file; see daemon_run.py."""

    def __init__(self, bench, readers):
        self.bench = bench
        more = "  ingest = { readers = %d },\n" % readers
        self.site = bench.site("readers-%d" % readers, rules.WATCHED, more, [bench.json])
        self.state = os.path.join(bench.build, "cost-state-%d" % os.getpid())

    def once(self):
        shutil.rmtree(self.state, ignore_errors=True)
        command = [self.bench.tocsin, "run", "--site", self.site, "--state", self.state,
                   "--log-level", "warn"]
        launched = Launched(self.bench.launcher, command, self.bench.path("daemon"))
        cost = daemon_run.measure(launched, self.state, self.bench.lines, LIMIT_S)[0]
        shutil.rmtree(self.state, ignore_errors=True)
        return cost


def by_cores(bench):
    rows = []
    for readers in READERS:
        daemon = Daemon(bench, readers)
        costs = [daemon.once() for _ in range(bench.runs)]
        wall = statistics.median(c.wall for c in costs)
        cpu = statistics.median(c.cpu for c in costs)
        rows.append((readers, "%.0f" % (cpu / bench.lines * 1e9),
                     "%.2f" % (bench.lines / wall / 1e6),
                     "%.0f" % max(c.peak_mib for c in costs)))
    show("Readers (the daemon, one file, `sync = commit`, state on disk)",
         ("`ingest.readers`", "CPU ns a reading", "M readings/s of wall", "peak MiB"), rows)


def process(bench):
    """The program itself: a query of nothing, a daemon that waits."""
    empty = bench.path("empty.jsonl")
    open(empty, "w", encoding="utf-8").close()
    query = bench.cost(bench.query("--every", "1m", path=empty))
    site = bench.site("idle", rules.WATCHED, places=[empty])
    state = os.path.join(bench.build, "cost-state-%d" % os.getpid())
    starts, idles, memory = [], [], []
    for _ in range(bench.runs):
        shutil.rmtree(state, ignore_errors=True)
        start = time.monotonic()
        launched = Launched(bench.launcher, [bench.tocsin, "run", "--site", site, "--state", state,
                                             "--log-level", "warn"], bench.path("daemon"))
        while not (status := daemon_run.ask(os.path.join(state, "control.sock"))):
            time.sleep(0.001)
        starts.append(time.monotonic() - start)
        before = cpu_ticks(status["pid"])
        time.sleep(IDLE_S)
        idles.append((cpu_ticks(status["pid"]) - before) / os.sysconf("SC_CLK_TCK") / IDLE_S)
        memory.append(resident_mib(status["pid"]))
        launched.process.terminate()
        launched.finish(60)
    shutil.rmtree(state, ignore_errors=True)
    show("The process", ("what", "figure"), [
        ("query of an empty file: CPU ms", "%.1f" % (query.cpu * 1e3)),
        ("… peak MiB", "%.1f" % query.peak_mib),
        ("daemon on an empty state: ms from exec to the first answer",
         "%.0f" % (statistics.median(starts) * 1e3)),
        ("… idle: resident MiB", "%.1f" % max(memory)),
        ("… idle: % of a core", "%.1f" % (statistics.median(idles) * 100))])


def cpu_ticks(pid):
    with open("/proc/%d/stat" % pid, encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def resident_mib(pid):
    with open("/proc/%d/status" % pid, encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def instructions(bench):
    rows = cost_callgrind.by_stage(bench)
    show("Instructions (callgrind)", ("stage", "JSON", "CSV"), rows)


def boundaries(bench):
    """What bench/spans/README.md explains; not part of the default, for it takes 1.8 GB."""
    subprocess.run([os.path.join(bench.build, "tocsin-spans"), "10000"], check=True)


TABLES = {"process": process, "stages": stages, "instructions": instructions,
          "rules": by_rules, "keys": by_keys, "spans": by_spans, "cores": by_cores,
          "boundaries": boundaries}


def main():
    parser = argparse.ArgumentParser(prog="bench/cost.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--lines", type=int, default=2000000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tables", type=words,
                        default=[name for name in TABLES if name != "boundaries"],
                        help="some of " + ", ".join(TABLES))
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    for name in options.tables:
        if name not in TABLES:
            parser.error("there is no table %s; there are: %s" % (name, ", ".join(TABLES)))
    place = "/dev/shm" if os.path.isdir("/dev/shm") else None
    print(machine.line(machine.facts(ROOT)))
    print("%d lines, median of %d runs" % (options.lines, options.runs))
    with tempfile.TemporaryDirectory(prefix="tocsin-cost-", dir=place) as directory:
        bench = Bench(options, directory)
        for name in options.tables:
            say(name)
            TABLES[name](bench)
    return 0


if __name__ == "__main__":
    sys.exit(main())
