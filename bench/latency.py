#!/usr/bin/env python3
"""From the append of the line that completes a window to its alert document in the alerts file.

    bench/latency.py [--build DIR] [--state DIR] [--samples N] [--rates 0,200000] [--early]

A real daemon follows a file. Each sample appends two lines at once: a reading of a key of its own,
and one beyond the end of its window, which the watermark so passes. The clock runs from before that
write until the key's alert was read from the alerts file. Waiting for it is inotify, not a loop: a
loop takes a processor from the kernel's threads, which a force of the disk needs (under chrt for
up to 0.95 s: 45 of 120 samples then took more than 5 ms, one 943 ms). With a rate, tocsin-gen
appends so many lines a second to a second source of the same daemon, which keeps the readers, the
engine and the commits busy; the measured source is another, for its event time is not the clock's.
The pause between samples lets the machine be idle, as it is before a rare line. With
sync = "commit" an alert is written after the commit that holds it was forced to the disk, so one
such force of a small append is measured beside it, alternating with the samples.

--early: the rule has `early = true`, and a sample is one line, the one that crosses the threshold;
its window is still open when the alert comes.
"""
import argparse
import ctypes
import os
import select
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
START_S = 1763791200
WINDOW_S = 5
LIMIT_S = 10
WARM_UP = 20

SITE = """
  sources = {
    probe = { format = "json", fields = { k = "string" },
      from = { { file = "%(log)s/probe.jsonl" } }, lateness = "0s", idle = "1h" },
    load = { format = "json", from = { { file = "%(log)s/load.jsonl" } }, lateness = "2s",
      fields = { merchantId = "string", amount = "float", cost_time = "int" } },
  },
  outputs = { alerts = { file = "alerts.jsonl" } },
  storage = { sync = "%(sync)s" },
  ingest = { readers = %(readers)d },
  listen = { http = false },
"""
RULES = {
    "probe/1": """return rule.group { source = "probe", by = { "k" }, statistic = "count",
      window = "5s", threshold = ">= 1", output = "alerts"%s }""",
    "load/1": """return rule.group { source = "load", by = { "merchantId" }, statistic = "count",
      window = "1m", threshold = ">= 1000000000", output = "alerts" }""",
    "sums/1": """return rule.group { source = "load", by = { "merchantId" }, statistic = "sum",
      field = "amount", window = "1m", threshold = ">= 1e15", output = "alerts" }""",
}


class Changes:
    """Waits until something in a directory was written."""

    IN_MODIFY = 2

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0 or libc.inotify_add_watch(self.fd, os.fsencode(path), self.IN_MODIFY) < 0:
            raise OSError(ctypes.get_errno(), "inotify", path)

    def wait(self, timeout_s):
        if select.select([self.fd], [], [], timeout_s)[0]:
            os.read(self.fd, 1 << 16)


class Probe:
    def __init__(self, daemon, log, alerts, is_early):
        self.daemon, self.alerts, self.number, self.seen = daemon, alerts, 0, b""
        self.is_early = is_early
        self.out = os.open(os.path.join(log, "probe.jsonl"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.input = None
        self.changes = Changes(os.path.dirname(alerts))

    def line(self, key, second):
        return b'{"time":%d,"k":"%s"}\n' % (START_S + second, key)

    def sample(self):
        """Milliseconds."""
        self.number += 1
        key = b"k%d" % self.number
        wanted = b'"k":"%s"' % key
        second = self.number * WINDOW_S
        lines = self.line(key, second)
        if not self.is_early:
            lines += self.line(b"", second + WINDOW_S)
        start = time.perf_counter()
        os.write(self.out, lines)
        while not self.has_alert(wanted):
            if time.perf_counter() - start > LIMIT_S:
                raise SystemExit("no alert for %s:\n%s" % (key, self.daemon.log()[-2000:]))
            self.changes.wait(LIMIT_S)
        return (time.perf_counter() - start) * 1000

    def has_alert(self, wanted):
        if self.input is None:
            try:
                self.input = os.open(self.alerts, os.O_RDONLY)
            except FileNotFoundError:
                return False
        more = os.read(self.input, 1 << 20)
        if not more:
            return False
        data = self.seen + more
        end = data.rfind(b"\n") + 1
        self.seen = data[end:]
        return wanted in data[:end]


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def told(values):
    return "median %8.3f ms   p99 %8.3f ms   max %8.3f ms" % (
        percentile(values, 0.5), percentile(values, 0.99), max(values))


def force(fd):
    start = time.perf_counter()
    os.write(fd, b"x" * 200)
    os.fdatasync(fd)
    return (time.perf_counter() - start) * 1000


def start_load(build, log, rate):
    if not rate:
        return None
    return subprocess.Popen([os.path.join(build, "tocsin-gen"), "--live", str(rate), "--append",
                             os.path.join(log, "load.jsonl")], stderr=subprocess.DEVNULL)


def measure(options, sync, rate):
    from support.daemon import Daemon, Site  # after TOCSIN_BIN is known
    place = os.path.join(options.state, "latency")
    shutil.rmtree(place, ignore_errors=True)
    log = os.path.join(place, "log")
    os.makedirs(log)
    rules = dict(RULES)
    rules["probe/1"] %= ", early = true" if options.early else ""
    site = Site(os.path.join(place, "site"), SITE % {
        "log": log, "sync": sync, "readers": options.readers}, rules)
    disk = os.open(os.path.join(place, "force"), os.O_WRONLY | os.O_CREAT)
    forces, samples = [], []
    with Daemon(site, os.path.join(place, "state")) as daemon:
        load = start_load(options.build, log, rate)
        try:
            probe = Probe(daemon, log, os.path.join(place, "state", "alerts.jsonl"),
                          options.early)
            for number in range(WARM_UP + options.samples):
                taken = probe.sample()
                time.sleep(options.pause / 1000)
                forced = force(disk)
                time.sleep(options.pause / 1000)
                if number >= WARM_UP:
                    samples.append(taken)
                    forces.append(forced)
            read = daemon.source("load")["readings"]
        finally:
            if load:
                load.terminate()
                load.wait()
    os.close(disk)
    print("sync = %-8s %7d readings/s  alert: %s" % (sync, rate, told(samples)))
    print("     one force of the disk alone  alone: %s" % told(forces))
    if rate:
        print("     %d readings of the load were counted" % read)
    shutil.rmtree(place, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--state", help="a directory on the disk to measure (default: the build's)")
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--rates", default="0,200000")
    parser.add_argument("--syncs", default="commit,os")
    parser.add_argument("--readers", type=int, default=1)
    parser.add_argument("--pause", type=float, default=60, help="milliseconds between samples")
    parser.add_argument("--early", action="store_true", help="before the window is over")
    options = parser.parse_args()
    options.state = options.state or options.build
    os.environ["TOCSIN_BIN"] = os.path.join(options.build, "tocsin")
    sys.path.insert(0, os.path.join(ROOT, "tests"))
    for rate in options.rates.split(","):
        for sync in options.syncs.split(","):
            measure(options, sync, int(rate))


if __name__ == "__main__":
    main()
