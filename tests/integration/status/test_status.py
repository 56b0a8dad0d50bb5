#!/usr/bin/env python3
"""Counters of followed files, TCP listeners and the HTTP door in status, its text, and /metrics."""
import os
import re
import shutil
import socket
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from daemon import Daemon, Site, free_port, tocsin, wait_until  # noqa: E402

LINE = b'{"time":1700000000}\n'


class Status(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.pattern = os.path.join(self.folder, "logs", "a*")
        self.log = self.pattern.replace("*", "1.log")
        os.makedirs(os.path.dirname(self.log))
        self.tcp, self.http = free_port(), free_port()
        self.site = Site(os.path.join(self.folder, "site"), """
            sources = { pay = { from = { { file = "%s" }, { tcp = "127.0.0.1:%d" },
                                         { http = true } } } },
            listen = { http = "127.0.0.1:%d" },
        """ % (self.pattern, self.tcp, self.http))

    def write(self, mode, data):
        with open(self.log, mode) as log:
            log.write(data)

    def metric(self, name):
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % self.http) as answer:
            found = re.search("(?m)^tocsin_%s(?:{source=\"pay\"})? (.*)$" % name,
                              answer.read().decode())
        return float(found.group(1)) if found else None

    def post(self, data, **headers):
        request = urllib.request.Request("http://127.0.0.1:%d/ingest/pay" % self.http, data,
                                         headers)
        with urllib.request.urlopen(request) as answer:
            return answer.status

    def test_a_file_that_is_behind_and_one_that_is_truncated(self):
        self.write("wb", 3 * LINE + b'{"time":')
        with Daemon(self.site) as daemon:
            def tail():
                return daemon.source("pay")["tails"][0]
            daemon.wait_readings("pay", 3)
            wait_until(lambda: tail()["behind_bytes"] == 8, what="only the torn line behind")
            self.assertEqual(tail(), {
                "pattern": self.pattern, "files": 1, "rotated": 0, "behind_bytes": 8,
                "truncations": 0, "replacements": 0, "read_errors": 0, "ignored": 0})
            self.assertEqual(self.metric("source_behind_bytes"), 8)
            text = tocsin("status", "--state", daemon.state).stdout
            self.assertIn("pay: %s is 8 bytes behind\n" % self.pattern, text)
            self.write("wb", LINE)
            with open(self.log.replace("a1.log", "a2.log.gz"), "wb") as packed:
                packed.write(b"\x1f\x8b")
            wait_until(lambda: tail()["truncations"] == 1 and tail()["behind_bytes"] == 0,
                       what="the truncation")
            wait_until(lambda: tail()["ignored"] == 1, what="the packed file")
            daemon.wait_readings("pay", 4)
            self.assertEqual(self.metric("source_truncations_total"), 1)
            self.assertNotIn("behind", tocsin("status", "--state", daemon.state).stdout)

    def test_a_malformed_line_is_shown_with_the_path_of_its_file(self):
        self.write("wb", LINE + b"nonsense\n")
        with Daemon(self.site) as daemon:
            daemon.wait_readings("pay", 1)
            letter, = daemon.source("pay")["dead_letters"]
            self.assertEqual((letter["path"], letter["offset"]), (self.log, len(LINE)))
            self.assertTrue(letter["partition"].startswith("file:"), letter)
            text = tocsin("status", "--state", daemon.state).stdout
            self.assertIn("  %s at %d: " % (self.log, len(LINE)), text)

    def test_columns_stand_under_each_other_beside_chinese_names(self):
        rule = ('return rule.count { source = "pay", window = "1m", threshold = ">= 1000",'
                ' output = "out" }')
        self.site.write("tocsin.lua", """return {
            sources = { pay = { from = { { file = "%s" } } } },
            outputs = { out = { file = "out.jsonl" } }, listen = { http = false } }"""
                        % self.pattern)
        for name in ("支付失败过多", "slow"):
            self.site.rule(name + "/1", rule)
        with Daemon(self.site) as daemon:
            lines = tocsin("rule", "list", "--state", daemon.state).stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["RULE", "slow", "支付失败过多"])
        ends = [len(line[:line.index(" ")].encode("gb18030")) +
                re.search(" +", line).end() - re.search(" +", line).start() for line in lines]
        self.assertEqual(ends, [14, 14, 14])

    def test_tcp_and_http(self):
        with Daemon(self.site) as daemon:
            with socket.create_connection(("127.0.0.1", self.tcp)) as client:
                client.sendall(2 * LINE)
                daemon.wait_readings("pay", 2)
                self.assertEqual(daemon.source("pay")["tcp"], [{
                    "address": "127.0.0.1:%d" % self.tcp, "connections": 1, "accepted": 1,
                    "refused": 0, "dropped_bytes": 0}])
                self.assertEqual(self.metric("tcp_connections"), 1)
            wait_until(lambda: self.metric("tcp_connections") == 0, what="the end of the client")
            self.assertEqual(self.post(LINE), 200)
            with self.assertRaises(urllib.error.HTTPError) as refused:
                self.post(LINE, **{"Content-Encoding": "br"})
            self.assertEqual(refused.exception.code, 415)
            self.assertEqual(daemon.call("status")["http"],
                             {"accepted": 1, "refused": 1, "waiting": 0})
            self.assertEqual(self.metric("http_accepted_total"), 1)
            self.assertEqual(self.metric("http_refused_total"), 1)
            text = tocsin("status", "--state", daemon.state).stdout
            self.assertRegex(text, r"(?m)^http +accepted 1 +refused 1 +waiting 0$")


if __name__ == "__main__":
    unittest.main()
