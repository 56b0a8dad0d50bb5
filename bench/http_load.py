#!/usr/bin/env python3
"""POST /ingest in batches of 1,000 lines, each acknowledged after its commit: readings a second.

    bench/http_load.py [--build DIR] [--state DIR] [--input FILE] [--connections 8] [--seconds 5]

Connections of a real daemon stay open; each sends its next batch when the last was acknowledged.
Printed: readings a second, the acknowledgement's median and p99, CPU of the daemon per reading.
Every batch must be answered with the right count. The sender shares the machine with the daemon:
its CPU is printed too.
"""
import argparse
import json
import os
import resource
import shutil
import socket
import sys
import threading
import time

from follow import ROOT, RULE, Taken
from latency import percentile

BATCH = 1000
BATCHES = 50

SITE = """
  sources = { pay = { format = "json", from = { { http = true } }, max_ahead = "1d",
    fields = { merchantId = "string", amount = "float", cost_time = "int" } } },
  outputs = { alerts = { file = "alerts.jsonl" } },
  storage = { sync = "%(sync)s" },
  ingest = { readers = %(readers)d },
  listen = { http = "127.0.0.1:%(port)d" },
"""


def batches(path, count):
    """Whole requests, ready to be sent."""
    out = []
    with open(path, "rb") as data:
        for _ in range(count):
            body = b"".join(data.readline() for _ in range(BATCH))
            out.append(b"POST /ingest/pay HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n"
                       b"Content-Type: application/x-ndjson\r\n\r\n" % len(body) + body)
    return out


class Sender(threading.Thread):
    def __init__(self, port, requests, first):
        super().__init__()
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.requests, self.next, self.spent, self.wrong = requests, first, [], None
        self.is_over = False

    def run(self):
        while not self.is_over and not self.wrong:
            request = self.requests[self.next % len(self.requests)]
            self.next += 1
            start = time.perf_counter()
            self.connection.sendall(request)
            answer = self.answer()
            self.spent.append((time.perf_counter() - start) * 1000)
            if b" 200 " not in answer[:20] or json.loads(
                    answer.partition(b"\r\n\r\n")[2])["readings"] != BATCH:
                self.wrong = answer
        self.connection.close()

    def answer(self):
        data = b""
        while not data.endswith(b"}\n"):
            more = self.connection.recv(65536)
            if not more:
                return data
            data += more
        return data


def run(daemon, options, port):
    requests = batches(options.input, BATCHES)
    senders = [Sender(port, requests, number * 7) for number in range(options.connections)]
    own, before = resource.getrusage(resource.RUSAGE_SELF), Taken(daemon.process.pid)
    start = time.monotonic()
    for sender in senders:
        sender.start()
    time.sleep(options.seconds)
    for sender in senders:
        sender.is_over = True
    for sender in senders:
        sender.join()
    wall = time.monotonic() - start
    after, own_after = Taken(daemon.process.pid), resource.getrusage(resource.RUSAGE_SELF)
    for sender in senders:
        if sender.wrong:
            raise SystemExit("wrong answer: %r" % sender.wrong)
    spent = [one for sender in senders for one in sender.spent]
    readings = BATCH * len(spent)
    counted = daemon.source("pay")["readings"]
    if counted != readings:
        raise SystemExit("%d readings were acknowledged, %d are counted" % (readings, counted))
    cpu = after.cpu_s - before.cpu_s
    own_cpu = sum(own_after[:2]) - sum(own[:2])
    print("sync = %-7s %d connections: %.2f M readings/s acknowledged; median %.2f ms, p99 %.2f ms;"
          " daemon %.2f M readings per CPU second; sender %.2f of a core; %.1f MiB"
          % (options.sync, options.connections, readings / wall / 1e6, percentile(spent, 0.5),
             percentile(spent, 0.99), readings / cpu / 1e6, own_cpu / wall, after.memory_mib))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--state", help="a directory on the disk to measure (default: the build's)")
    parser.add_argument("--input", required=True, help="JSON lines, at least 50,000")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--sync", default="commit")
    parser.add_argument("--readers", type=int, default=2)
    options = parser.parse_args()
    options.state = options.state or options.build
    os.environ["TOCSIN_BIN"] = os.path.join(options.build, "tocsin")
    sys.path.insert(0, os.path.join(ROOT, "tests"))
    from support.daemon import Daemon, Site, free_port  # after TOCSIN_BIN is known
    place = os.path.join(options.state, "http_load")
    shutil.rmtree(place, ignore_errors=True)
    port = free_port()
    site = Site(os.path.join(place, "site"), SITE % {
        "port": port, "sync": options.sync, "readers": options.readers}, {"sums/1": RULE})
    with Daemon(site, os.path.join(place, "state")) as daemon:
        run(daemon, options, port)
    shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
