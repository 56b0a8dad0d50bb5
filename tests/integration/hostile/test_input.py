"""Hostile lines, bodies and connections: refused and counted; the daemon and other input go on."""
import concurrent.futures
import contextlib
import errno
import gzip
import http.client
import json
import os
import re
import shutil
import socket
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

from daemon import IS_LONG, TOCSIN, Daemon, Site, free_port, tocsin, wait_until  # noqa: E402
from seed import random_of  # noqa: E402

START = 1767225600
KEYS_MAX = 1000
KEYS = 200000 if IS_LONG else 20000
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
CONFIG = """
  sources = {
    bad = { fields = { k = "string", v = "float" }, idle = "1h",
            from = { { file = "%(dir)s/bad.jsonl" }, { http = true } } },
    table = { format = "csv", columns = { "time", "k", "v" }, idle = "1h",
              fields = { k = "string", v = "float" }, from = { { file = "%(dir)s/bad.csv" } } },
    good = { fields = { k = "string", v = "float" }, idle = "1h",
             from = { { file = "%(dir)s/good.jsonl" }, { http = true }, { tcp = "%(tcp)s" } } },
  },
  outputs = { alerts = { file = "alerts.jsonl" } },
  rules = { keys_max = %(keys_max)d },
  listen = { http = "127.0.0.1:%(port)d" },
"""
RULE = """return rule.group { source = "%s", by = { "k" }, statistic = "count", window = "1d",
  threshold = ">= 1000000", output = "alerts" }"""


def line(**more):
    return json.dumps(dict({"time": START, "k": "a", "v": 1}, **more)).encode() + b"\n"


# what it is: (bytes, readings, malformed)
LINES = {
    "brackets": (b"[" * (1 << 20) + b"\n", 0, 1),
    "braces": (b'{"a":' * 9000 + b"\n", 0, 1),
    "deep but closed": (b'{"time":%d,"x":' % START + b"[" * 5000 + b"]" * 5000 + b"}\n", 0, 1),
    "ten megabytes": (b'{"time":%d,"k":"' % START + b"x" * (10 << 20) + b'"}\n', 0, 1),
    "ten megabytes of nothing": (b" " * (10 << 20) + b"\n", 0, 1),
    "NULs": (b"\0" * 1000 + b"\n", 0, 1),
    "NUL within": (b'{"time":%d,"k":"a\0b"}\n' % START, 0, 1),
    "escaped NUL": (line(k="a\0b"), 1, 0),
    "not UTF-8": (b'{"time":%d,"k":"\xff\xfe"}\n' % START, 0, 1),
    "lone surrogate": (b'{"time":%d,"k":"\\ud800"}\n' % START, 0, 1),
    "overlong": (b'{"time":%d,"k":"\xc0\x80"}\n' % START, 0, 1),
    "too great a number": (b'{"time":%d,"k":"a","v":1e999}\n' % START, 0, 1),
    "too great a time": (b'{"time":1e308,"k":"a"}\n', 0, 1),
    "negative time": (b'{"time":-1e18,"k":"a"}\n', 0, 1),
    "time of another type": (b'{"time":{},"k":"a"}\n', 0, 1),
    "no time": (b'{"k":"a"}\n', 0, 1),
    "duplicate keys": (b'{"time":%d,"k":"a","k":"b","v":1,"v":2}\n' % START, 1, 0),
    "digits": (b'{"time":%d,"k":"a","v":' % START + b"9" * 60000 + b"}\n", 0, 1),
    "a list": (b"[1,2,3]\n", 0, 1),
    "text": (b"hello\n", 0, 1),
    "escape sequences": (b"\x1b[31m\x1b]0;owned\x07\x9b2J \xc2\x9b2J \r\x7f\n", 0, 1),
    "forged log line": (b"\r2026-01-01T00:00:00Z error app: forged\n", 0, 1),
    "two objects": (b'{"time":1}{"time":2}\n', 0, 1),
    "byte order mark": (b'\xef\xbb\xbf{"time":x}\n', 0, 1),
    "format letters": (b"%s%n%s%n%s\n", 0, 1),
}
ROWS = [
    (b"%d,a,1\n" % START, 1), (b"%d,a\n" % START, 0), (b"%d,a,1,2,3\n" % START, 0),
    (b'%d,"a,1\n' % START, 0), (b"," * 50000 + b"\n", 0), (b"\x1b[31m\n", 0),
    (b"%d,b,2\n" % START, 1),
]


class Input(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="tocsin-input-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        for name in ("bad.jsonl", "bad.csv", "good.jsonl"):
            open(os.path.join(self.directory, name), "wb").close()
        self.port, self.tcp_port = free_port(), free_port()
        config = CONFIG % {"dir": self.directory, "port": self.port, "keys_max": KEYS_MAX,
                           "tcp": "127.0.0.1:%d" % self.tcp_port}
        self.site = Site(os.path.join(self.directory, "site"), config,
                         {"bad/1": RULE % "bad", "good/1": RULE % "good",
                          "table/1": RULE % "table"})
        self.daemon = Daemon(self.site, os.path.join(self.directory, "state")).start()
        self.addCleanup(self.daemon.stop)
        self.good = 0

    def append(self, name, data):
        with open(os.path.join(self.directory, name), "ab") as out:
            out.write(data)

    def good_goes_on(self):
        """Other input is read, the same process answers, and nothing raw reaches a terminal."""
        self.append("good.jsonl", line() * 50)
        self.good += 50
        self.daemon.wait_readings("good", self.good)
        self.assertEqual(self.daemon.source("good")["readings"], self.good)
        self.assertEqual(self.daemon.call("status")["pid"], self.daemon.process.pid)
        screen = tocsin("status", "--state", self.daemon.state)
        self.assertEqual(screen.returncode, 0)
        self.assertIsNone(CONTROL.search(screen.stdout))
        self.assertIsNone(CONTROL.search(self.daemon.log()))
        self.assertIsNone(re.search(r"(?m)^2026-01-01.*forged", self.daemon.log()))

    def resident_kib(self):
        with open("/proc/%d/status" % self.daemon.process.pid, encoding="ascii") as lines:
            return int(re.search(r"VmRSS:\s+(\d+)", lines.read()).group(1))

    def post(self, body, path="/ingest/bad", headers=None, method="POST", seconds=60):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        with contextlib.closing(client):
            client.request(method, path, body, headers or {})
            answer = client.getresponse()
            return answer.status, answer.read()

    def test_lines_of_a_file(self):
        before = self.resident_kib()
        readings = malformed = 0
        for name, (data, good, bad) in LINES.items():
            self.append("bad.jsonl", data)
            readings, malformed = readings + good, malformed + bad
            wait_until(lambda: sum(self.daemon.source("bad")[part]
                                   for part in ("readings", "malformed")) >= readings + malformed,
                       30, name)
            source = self.daemon.source("bad")
            self.assertEqual((source["readings"], source["malformed"]), (readings, malformed), name)
        for letter in self.daemon.source("bad")["dead_letters"]:
            self.assertLess(len(letter["text"]), 5000)
        for data, _ in ROWS:
            self.append("bad.csv", data)
        self.daemon.wait_readings("table", sum(good for _, good in ROWS))
        source = self.daemon.source("table")
        self.assertEqual((source["readings"], source["malformed"]),
                         (sum(good for _, good in ROWS), sum(not good for _, good in ROWS)))
        self.good_goes_on()
        print("resident %d KiB, %d KiB before" % (self.resident_kib(), before), flush=True)

    def test_more_keys_than_allowed(self):
        with open(os.path.join(self.directory, "bad.jsonl"), "ab") as out:
            for number in range(KEYS):
                out.write(b'{"time":%d,"k":"k%d","v":1}\n' % (START, number))
            out.write(line(time=START + 7200))
        self.append("good.jsonl", line(k="x") * 7 + line(time=START + 7200))
        self.good += 8
        self.daemon.wait_readings("bad", KEYS + 1, 120)
        self.daemon.wait_readings("good", self.good)
        rules = {row["name"]: row for row in self.daemon.call("status")["rules"]}
        # The late line's key "a" is one too many as well.
        self.assertEqual((rules["bad"]["keys"], rules["bad"]["overflow"]),
                         (KEYS_MAX, KEYS + 1 - KEYS_MAX))
        self.assertEqual((rules["good"]["keys"], rules["good"]["overflow"]), (2, 0))
        self.good_goes_on()

    def test_bodies(self):
        bomb = gzip.compress(b"\n" * (256 << 20), 9)
        zeros = gzip.compress(b'{"time":1,"k":"' + b"0" * (128 << 20), 9)
        zipped = {"Content-Encoding": "gzip"}
        before = self.resident_kib()
        for body in (bomb, zeros):
            status, _ = self.post(body, headers=zipped)
            self.assertIn(status, (400, 413))
        self.assertEqual(self.post(b"not gzip", headers=zipped)[0], 400)
        self.assertEqual(self.post(gzip.compress(line())[:-5], headers=zipped)[0], 400)
        self.assertEqual(self.post(line(), headers={"Content-Encoding": "br"})[0], 415)
        self.assertIn(self.post(line(), method="GET")[0], (405,))
        self.assertIn(self.post(line(), method="DELETE")[0], (405,))
        self.assertEqual(self.post(line(), "/ingest/nowhere")[0], 404)
        self.assertEqual(self.post(line(), "/ingest/table")[0], 404)
        self.assertEqual(self.post(line(), "/ingest/../../etc/passwd")[0], 404)
        self.assertEqual(self.post(line(), "/ingest/%00")[0], 404)
        self.assertEqual(self.post(line(), "/ingest/" + "x" * 8000)[0], 404)
        with contextlib.suppress(ConnectionError):  # it may close before all of it is sent
            self.assertEqual(self.post(b"x" * (64 << 20))[0], 413)
        status, body = self.post(b"[" * (1 << 20))
        self.assertIn(status, (200, 400))
        status, body = self.post(b"".join(data for data, _, _ in LINES.values()
                                          if len(data) < 100000 and data[:1] != b"["))
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(body)["readings"],
                         sum(good for data, good, _ in LINES.values() if len(data) < 100000))
        with contextlib.suppress(ConnectionError):
            flood = {"X-%d" % number: "y" * 500 for number in range(90)}
            self.assertIn(self.post(line(), headers=flood)[0], (400, 413, 431))
        self.good_goes_on()
        print("resident %d KiB, %d KiB before" % (self.resident_kib(), before), flush=True)
        with open(TOCSIN, "rb") as program:
            if not re.search(rb"__(asan|tsan)_init", program.read()):
                self.assertLess(self.resident_kib() - before, 200 * 1024)

    def test_raw_requests(self):
        requests = [
            b"POST /ingest/bad HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n"
            b"\r\nhello\n",
            b"POST /ingest/bad HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            b"POST /ingest/bad HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
            b"POST /ingest/bad HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST /ingest/bad HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"\0" * 20000, b"GET " + b"/" * 60000 + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"\r\n" * 5000,
            b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
        ]
        dice = random_of("hostile input")
        requests += [bytes(dice.randrange(256) for _ in range(300)) for _ in range(20)]

        def send(request):
            with socket.create_connection(("127.0.0.1", self.port), 40) as client:
                try:
                    client.sendall(request)
                    client.shutdown(socket.SHUT_WR)
                    return client.recv(4096)
                except OSError as error:  # closed already: in one way or another
                    if not isinstance(error, ConnectionError) and error.errno != errno.ENOTCONN:
                        raise
                    return b""
        # Half a request is closed after the idle time: all at once, so that the test waits once.
        with concurrent.futures.ThreadPoolExecutor(len(requests)) as pool:
            for request, answer in zip(requests, pool.map(send, requests)):
                self.assertFalse(answer.startswith(b"HTTP/1.1 200"), request[:200])
        self.good_goes_on()

    def test_idle_and_half_connections(self):
        with contextlib.ExitStack() as stack:
            for number in range(300):
                port = self.port if number % 3 else self.tcp_port
                with contextlib.suppress(OSError):
                    client = stack.enter_context(
                        socket.create_connection(("127.0.0.1", port), 5))
                    if number % 3 == 1:
                        client.sendall(b"POST /ingest/bad HTTP/1.1\r\nHost: x\r\nContent-Le")
                    elif number % 3 == 2:
                        client.sendall(b"POST /ingest/bad HTTP/1.1\r\nHost: x\r\n"
                                       b"Content-Length: 1000\r\n\r\nhalf")
            self.good_goes_on()
        # Once they are gone there is room again.
        wait_until(lambda: self.try_post() == 200, 30, "room for a connection")
        with socket.create_connection(("127.0.0.1", self.tcp_port), 5) as client:
            client.sendall(line() * 3 + b"x" * (4 << 20))
            self.good += 3 + 1
            self.daemon.wait_readings("good", self.good)
        self.good_goes_on()

    def try_post(self):
        try:
            return self.post(line(), "/ingest/good" if self.good == 50 else "/ingest/bad",
                             seconds=5)[0]
        except OSError:
            return 0


if __name__ == "__main__":
    unittest.main()
