#!/usr/bin/env python3
"""What following a file costs: share of a core at given rates, and at rest.

    bench/follow.py [--build DIR] [--state DIR] [--rates 0,50000,200000] [--seconds 10]

tocsin-gen appends whole lines in real time; a real daemon follows the file with one rule over a
minute by merchant, and commits to the disk. Its CPU is taken from /proc over the seconds given,
after a second to settle. With rate 0 nothing is appended: the cost of being there.
"""
import argparse
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TICKS = os.sysconf("SC_CLK_TCK")

SITE = """
  sources = { pay = { format = "json", from = { { file = "%(log)s/pay.jsonl" } },
    fields = { merchantId = "string", amount = "float", cost_time = "int" } } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  storage = { sync = "%(sync)s" },
  ingest = { readers = %(readers)d },
  listen = { http = false },
"""
RULE = """return rule.group { source = "pay", by = { "merchantId" }, statistic = "sum",
  field = "amount", window = "1m", threshold = ">= 1e15", output = "alerts" }"""


class Taken:
    """What a process has used so far; of its threads, for they share its life."""

    def __init__(self, pid):
        with open("/proc/%d/stat" % pid, encoding="ascii") as text:
            fields = text.read().rpartition(")")[2].split()
        self.cpu_s = (int(fields[11]) + int(fields[12])) / TICKS
        self.switches = 0
        self.run_ns = 0
        for task in os.listdir("/proc/%d/task" % pid):
            place = "/proc/%d/task/%s/" % (pid, task)
            with open(place + "status", encoding="ascii") as text:
                for line in text:
                    if line.startswith("voluntary_ctxt_switches"):
                        self.switches += int(line.split()[1])
            with open(place + "schedstat", encoding="ascii") as text:
                self.run_ns += int(text.read().split()[0])
        with open("/proc/%d/status" % pid, encoding="ascii") as text:
            self.memory_mib = next(int(line.split()[1]) / 1024 for line in text
                                   if line.startswith("VmRSS"))


def measure(options, rate):
    from support.daemon import Daemon, Site  # after TOCSIN_BIN is known
    place = os.path.join(options.state, "follow")
    shutil.rmtree(place, ignore_errors=True)
    log = os.path.join(place, "log")
    os.makedirs(log)
    site = Site(os.path.join(place, "site"), SITE % {
        "log": log, "sync": options.sync, "readers": options.readers}, {"sums/1": RULE})
    with Daemon(site, os.path.join(place, "state")) as daemon:
        load = subprocess.Popen([
            os.path.join(options.build, "tocsin-gen"), "--live", str(rate), "--append",
            os.path.join(log, "pay.jsonl")], stderr=subprocess.DEVNULL) if rate else None
        try:
            time.sleep(1)
            counted = daemon.source("pay")["readings"]
            before, start = Taken(daemon.process.pid), time.monotonic()
            time.sleep(options.seconds)
            after, wall = Taken(daemon.process.pid), time.monotonic() - start
            counted = daemon.source("pay")["readings"] - counted
        finally:
            if load:
                load.terminate()
                load.wait()
    print("%7d readings/s: %5.2f %% of a core (%.2f %% by the scheduler), %6.1f rests/s, "
          "%.0f readings/s counted, %.1f MiB"
          % (rate, 100 * (after.cpu_s - before.cpu_s) / wall,
             (after.run_ns - before.run_ns) / wall / 1e7, (after.switches - before.switches) / wall,
             counted / wall, after.memory_mib))
    shutil.rmtree(place, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--state", help="a directory on the disk to measure (default: the build's)")
    parser.add_argument("--rates", default="0,50000,200000")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--sync", default="commit")
    parser.add_argument("--readers", type=int, default=1)
    options = parser.parse_args()
    options.state = options.state or options.build
    os.environ["TOCSIN_BIN"] = os.path.join(options.build, "tocsin")
    sys.path.insert(0, os.path.join(ROOT, "tests"))
    for rate in options.rates.split(","):
        measure(options, int(rate))


if __name__ == "__main__":
    main()
